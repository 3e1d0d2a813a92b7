//! Connections that are lost at random: a client that comes back in time has missed nothing, heard nothing twice and
//! nothing out of order; one that does not is told so. Never a silent gap.
//!
//! A schedule is made from a seed; `DROPS=17 cargo test -p gateway-core --test it drops` runs that of seed 17 alone.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use gateway_core::prelude::*;
use gateway_core::serve::Recovery;
use gateway_core::testing::{ConnectBuilder, LostConnection, Received, TestClient, TestServer};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

const SEEDS: u64 = 3_000;
const STEPS: u64 = 20;
/// Of whom each is in a room of all and in one with every second.
const CLIENTS: usize = 3;

#[derive(Deserialize, Serialize)]
struct Who {
    number: usize,
}

#[gateway(namespace = "/news")]
struct News;

#[gateway]
impl News {
    #[on_connect]
    async fn joined(&self, socket: Socket) -> Result<(), ConnectRejection> {
        if !socket.is_recovered() {
            let Who { number } = socket.handshake().auth()?;
            socket.join("all").await?;
            socket.join(half(number)).await?;
            socket.emit("hello", &number)?;
        }
        Ok(())
    }

    #[subscribe]
    fn recovered(&self, socket: Socket) -> bool {
        socket.is_recovered()
    }
}

fn half(number: usize) -> &'static str {
    if number.is_multiple_of(2) { "even" } else { "odd" }
}

/// `SplitMix64`: the same numbers for the same seed, on every machine.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % end
    }
}

/// Expected state of one client's session.
struct Follower {
    number: usize,
    state: State,
    /// Everything that was sent to it since its session began, and when.
    sent: Vec<(u64, Instant)>,
    /// Number of events that it has read.
    heard: usize,
}

enum State {
    Here(TestClient),
    /// It neither reads nor answers since this moment.
    Stalled(TestClient, Instant),
    /// With what it needs to come back; clean where the server noticed at that moment.
    Away {
        lost: LostConnection,
        since: Instant,
        is_clean: bool,
    },
}

/// Outcomes of resuming, over all seeds.
#[derive(Debug, Default)]
struct Tally {
    events: usize,
    recovered: usize,
    missed: usize,
    new: usize,
}

/// Data that the server keeps of a disconnected client.
#[derive(Clone, Copy, Debug)]
struct Kept {
    within: Duration,
    events: usize,
    bytes: usize,
}

struct World {
    server: TestServer,
    kept: Kept,
    followers: Vec<Follower>,
    dice: Dice,
    next: u64,
    /// Of every second seed by Socket.IO, of the others by plain WebSocket.
    is_plain: bool,
}

impl World {
    async fn new(seed: u64) -> Self {
        let mut dice = Dice(seed);
        let kept = Kept {
            within: Duration::from_secs(5 + dice.below(60)),
            events: usize::try_from(1 + dice.below(40)).unwrap(),
            bytes: usize::try_from(300 + dice.below(8_000)).unwrap(),
        };
        let recovery = Recovery::new().within(kept.within).events(kept.events).bytes(kept.bytes);
        let server = Server::empty().gateway::<News>().recovery(recovery).test().await.unwrap();
        let is_plain = seed.is_multiple_of(2);
        let mut world = Self { server, kept, followers: Vec::new(), dice, next: 0, is_plain };
        for number in 0..CLIENTS {
            let client = connect(&world.server, number, is_plain).await.unwrap();
            let mut follower = Follower { number, state: State::Here(client), sent: Vec::new(), heard: 0 };
            follower.is_greeted().await;
            world.followers.push(follower);
        }
        world
    }

    async fn step(&mut self, tally: &mut Tally) {
        let chosen = usize::try_from(self.dice.below(CLIENTS as u64)).unwrap();
        match self.dice.below(12) {
            0..3 => self.publish(tally),
            3 => sleep(Duration::from_secs(self.dice.below(80))).await,
            4 => sleep(Duration::from_millis(self.dice.below(9_000))).await,
            5 => self.followers[chosen].hear().await,
            _ => self.disturb(chosen, tally).await,
        }
    }

    fn publish(&mut self, tally: &mut Tally) {
        for _ in 0..=self.dice.below(8) {
            let room = ["all", "even", "odd"][usize::try_from(self.dice.below(3)).unwrap()];
            let padding = "x".repeat(usize::try_from(self.dice.below(200)).unwrap());
            self.server.of("/news").to(room).emit("n", &json!({"n": self.next, "padding": padding}));
            for follower in &mut self.followers {
                if room == "all" || room == half(follower.number) {
                    follower.sent.push((self.next, Instant::now()));
                    tally.events += 1;
                }
            }
            self.next += 1;
        }
    }

    /// The next thing that may happen to a connection.
    async fn disturb(&mut self, chosen: usize, tally: &mut Tally) {
        let is_clean = self.dice.below(2) == 0;
        let follower = &mut self.followers[chosen];
        if let State::Here(_) = &follower.state
            && is_clean
        {
            follower.hear().await;
        }
        let away = |lost, since, is_clean| State::Away { lost, since, is_clean };
        let state = std::mem::replace(&mut follower.state, away(LostConnection::default(), Instant::now(), true));
        follower.state = match state {
            State::Here(client) if is_clean => away(client.lose(), Instant::now(), true),
            State::Here(mut client) => {
                client.stop_reading();
                State::Stalled(client, Instant::now())
            }
            // What was on its way is lost with it.
            State::Stalled(client, since) => away(client.lose(), since, false),
            State::Away { lost, since, is_clean } => {
                return self.come_back(chosen, lost, (since, is_clean), tally).await;
            }
        };
        // The server hears of it.
        sleep(Duration::from_millis(1)).await;
    }

    async fn come_back(
        &mut self,
        chosen: usize,
        lost: LostConnection,
        (since, is_clean): (Instant, bool),
        tally: &mut Tally,
    ) {
        let Self { server, kept, followers, is_plain, .. } = self;
        let follower = &mut followers[chosen];
        let mut client = connect(server, follower.number, *is_plain).come_back(&lost).await.unwrap();
        let is_recovered: bool = client.emit_with_ack("recovered", json!(null)).await.unwrap();
        follower.state = State::Here(client);
        let missed = follower.sent.len() - follower.heard;
        // A frame has less than 100 bytes beside the padding.
        let is_little = missed <= kept.events && missed * 300 <= kept.bytes;
        let first = follower.sent.get(follower.heard).map_or(since, |(_, at)| since.min(*at));
        if first.elapsed() < kept.within && is_little {
            assert!(is_recovered, "{missed} events were missed in {:?}: {kept:?}", since.elapsed());
        }
        if is_clean && since.elapsed() > kept.within + Duration::from_millis(2) {
            assert!(!is_recovered, "{:?} is longer than {kept:?}", since.elapsed());
        }
        if is_recovered {
            tally.recovered += 1;
            tally.missed += missed;
            follower.hear().await;
        } else {
            tally.new += 1;
            follower.sent.clear();
            follower.heard = 0;
            follower.is_greeted().await;
        }
    }

    async fn end(mut self) {
        for follower in &mut self.followers {
            follower.hear().await;
        }
        drop(self.followers);
        self.server.stop().await;
    }
}

fn connect(server: &TestServer, number: usize, is_plain: bool) -> ConnectBuilder<'_> {
    let connect = server.connect("/news").auth(Who { number });
    if is_plain { connect.resumable() } else { connect.socket_io() }
}

impl Follower {
    /// Reads what should be there, and sees that there is no more.
    async fn hear(&mut self) {
        let State::Here(client) = &mut self.state else { return };
        for (number, _) in &self.sent[self.heard..] {
            assert_eq!(next(client).await, *number, "what was sent: {:?}", self.sent);
        }
        client.expect_nothing().await;
        self.heard = self.sent.len();
    }

    async fn is_greeted(&mut self) {
        let State::Here(client) = &mut self.state else { return };
        assert_eq!(client.expect_named("hello").await, self.number);
    }
}

async fn next(client: &mut TestClient) -> u64 {
    match client.next().await {
        Received::Event { event, data: Value::Object(data) } if event == "n" => data["n"].as_u64().unwrap(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_comes_back_in_time_has_missed_nothing_and_others_are_told() {
    let chosen = std::env::var("DROPS").ok().map(|seed| seed.parse::<u64>().expect("a number"));
    let mut tally = Tally::default();
    for seed in chosen.map_or(0..SEEDS, |seed| seed..seed + 1) {
        // Shown where the test fails.
        println!("DROPS={seed}");
        let mut world = World::new(seed).await;
        for _ in 0..STEPS {
            world.step(&mut tally).await;
        }
        world.end().await;
    }
    println!("{tally:?}");
    if chosen.is_none() {
        assert!(tally.recovered > 2_000 && tally.missed > 5_000 && tally.new > 1_000, "{tally:?}");
    }
}
