//! Random programs of events, rooms, losses, kills and partitions in a cluster with a log: what a client has read when it is
//! back is what the log has for it, each event once, in the order of each sender.

use std::collections::BTreeSet;
use std::time::Duration;

use gateway_core::SendError;
use gateway_core::prelude::*;
use gateway_core::serve::Recovery;
use gateway_core::testing::{ConnectBuilder, LostConnection, Received, TestClient, TestCluster, cluster_with_log};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use tokio::time::{sleep, timeout};

const NODES: usize = 3;
const CLIENTS: usize = 4;
const ROOMS: [&str; 2] = ["red", "blue"];
const CASES: u32 = 256;
const STEPS: usize = 30;

/// Time in which a change of a session is written for other servers.
const RECORDED: Duration = Duration::from_millis(110);

/// Time in which an event is handled.
const HANDLED: Duration = Duration::from_millis(1);

#[gateway(namespace = "/rooms")]
struct Rooms;

#[gateway]
impl Rooms {
    #[subscribe]
    async fn join(&self, socket: Socket, Data(room): Data<String>) -> Result<(), Exception> {
        Ok(socket.join(room).await?)
    }

    #[subscribe]
    fn leave(&self, socket: Socket, Data(room): Data<String>) {
        socket.leave(&room);
    }

    /// Sends to a room, or to everybody without one.
    #[subscribe]
    fn say(&self, namespace: Namespace, Data((room, number)): Data<(Option<String>, usize)>) {
        let target = room.map_or_else(|| namespace.all(), |room| namespace.to(room));
        target.emit("event", &number);
    }

    #[subscribe]
    fn own(&self, socket: Socket, Data(number): Data<usize>) -> Result<(), SendError> {
        socket.emit("event", &number)
    }
}

#[derive(Clone, Copy, Debug)]
enum Move {
    Join(usize, usize),
    Leave(usize, usize),
    /// To a room, or to everybody.
    Say(usize, Option<usize>),
    /// To the own socket.
    Own(usize),
    Lose(usize),
    /// Comes back to a node, or to the next one that lives.
    Return(usize, usize),
    Kill(usize),
    Partition(usize, usize),
    Heal,
    Delay(u8),
}

fn step() -> impl Strategy<Value = Move> {
    let (client, room, node) = (0..CLIENTS, 0..ROOMS.len(), 0..NODES);
    prop_oneof![
        4 => (client.clone(), room.clone()).prop_map(|(client, room)| Move::Join(client, room)),
        2 => (client.clone(), room.clone()).prop_map(|(client, room)| Move::Leave(client, room)),
        8 => (client.clone(), prop::option::of(room)).prop_map(|(client, room)| Move::Say(client, room)),
        3 => client.clone().prop_map(Move::Own),
        4 => client.clone().prop_map(Move::Lose),
        5 => (client, node.clone()).prop_map(|(client, node)| Move::Return(client, node)),
        1 => node.clone().prop_map(Move::Kill),
        2 => (node.clone(), node).prop_map(|(one, other)| Move::Partition(one, other)),
        2 => Just(Move::Heal),
        1 => (0..40_u8).prop_map(Move::Delay),
    ]
}

enum Presence {
    Here(Box<TestClient>),
    Away(LostConnection),
}

struct ModelClient {
    presence: Option<Presence>,
    node: usize,
    format: usize,
    rooms: BTreeSet<usize>,
    heard: Vec<usize>,
    expected: Vec<usize>,
}

/// Clients have these formats in turn: JSON, Socket.IO, MessagePack.
fn speaking(format: usize, connecting: ConnectBuilder<'_>) -> ConnectBuilder<'_> {
    match format % 3 {
        0 => connecting,
        1 => connecting.socket_io(),
        _ => connecting.protocol("gateway.v1.msgpack"),
    }
}

struct Running {
    cluster: TestCluster,
    alive: [bool; NODES],
    clients: Vec<ModelClient>,
    said: usize,
    /// The sender of each event.
    senders: Vec<usize>,
}

impl ModelClient {
    fn lose(&mut self) {
        self.presence = match self.presence.take() {
            Some(Presence::Here(here)) => Some(Presence::Away(here.lose())),
            away => away,
        };
    }
}

impl Running {
    async fn start() -> Self {
        // An offset is awaited for as long as it takes: what goes out without one may come twice.
        let options = gateway_core::cluster::ClusterOptions::new().offset_timeout(Duration::from_hours(1));
        let configure = |server: Server| {
            server
                .gateway::<Rooms>()
                .recovery(Recovery::new().within(Duration::from_hours(1)))
                .cluster_options(options.clone())
        };
        let cluster = cluster_with_log(NODES, configure).await.unwrap();
        let mut running = Self { cluster, alive: [true; NODES], clients: Vec::new(), said: 0, senders: Vec::new() };
        for number in 0..CLIENTS {
            let (node, format) = (number % NODES, number);
            let connecting = speaking(format, running.cluster.node(node).connect("/rooms").resumable());
            let presence = Some(Presence::Here(Box::new(connecting.await.unwrap())));
            let (rooms, heard, expected) = Default::default();
            running.clients.push(ModelClient { presence, node, format, rooms, heard, expected });
        }
        // A client knows its place in the log once it has read an event.
        running.say(0, None).await;
        running.settle().await;
        running
    }

    async fn take(&mut self, step: Move) {
        match step {
            Move::Join(client, room) => {
                if self.ask(client, "join", ROOMS[room]).await {
                    self.clients[client].rooms.insert(room);
                    // What was sent to the room before is behind the client's offset from here on.
                    self.own(client).await;
                    self.settle().await;
                }
            }
            Move::Leave(client, room) => {
                if self.ask(client, "leave", ROOMS[room]).await {
                    self.clients[client].rooms.remove(&room);
                }
            }
            Move::Say(client, room) => self.say(client, room).await,
            Move::Own(client) => self.own(client).await,
            Move::Lose(client) => {
                self.read(client).await;
                self.clients[client].lose();
            }
            Move::Return(client, node) => self.come_back(client, node).await,
            Move::Kill(node) => {
                if self.alive.iter().filter(|alive| **alive).count() > 1 && self.alive[node] {
                    self.settle().await;
                    for client in 0..CLIENTS {
                        self.read(client).await;
                    }
                    self.cluster.kill_node(node);
                    self.alive[node] = false;
                    self.clients.iter_mut().filter(|client| client.node == node).for_each(ModelClient::lose);
                }
            }
            Move::Partition(one, other) => {
                if one != other {
                    self.cluster.partition(&[one], &[other]);
                }
            }
            Move::Heal => self.cluster.heal(),
            Move::Delay(milliseconds) => self.cluster.delay(Duration::from_millis(milliseconds.into())),
        }
    }

    /// A change of rooms is not compared with events under way, so these arrive first.
    async fn ask(&mut self, client: usize, event: &str, room: &str) -> bool {
        if !matches!(self.clients[client].presence, Some(Presence::Here(_))) {
            return false;
        }
        self.settle().await;
        if let Some(Presence::Here(here)) = &mut self.clients[client].presence {
            let () = here.emit_with_ack(event, room).await.unwrap();
        }
        sleep(RECORDED).await;
        true
    }

    async fn say(&mut self, client: usize, room: Option<usize>) {
        let Some(Presence::Here(sender)) = &mut self.clients[client].presence else { return };
        // Its reply would wait with the event for the other nodes while the log is separated.
        sender.emit("say", (room.map(|room| ROOMS[room]), self.said)).await;
        sleep(HANDLED).await;
        for client in &mut self.clients {
            if room.is_none_or(|room| client.rooms.contains(&room)) {
                client.expected.push(self.said);
            }
        }
        self.senders.push(client);
        self.said += 1;
    }

    async fn own(&mut self, client: usize) {
        let Some(Presence::Here(own)) = &mut self.clients[client].presence else { return };
        own.emit("own", self.said).await;
        sleep(HANDLED).await;
        self.clients[client].expected.push(self.said);
        self.senders.push(client);
        self.said += 1;
    }

    async fn come_back(&mut self, client: usize, node: usize) {
        let node = (node..NODES).chain(0..node).find(|node| self.alive[*node]).expect("one lives");
        let state = &mut self.clients[client];
        let Some(Presence::Away(lost)) = &state.presence else { return };
        let connecting = self.cluster.node(node).connect("/rooms").come_back(lost);
        let back = speaking(state.format, connecting).await.unwrap();
        assert!(back.is_recovered(), "client {client} comes back to node {node}");
        (state.presence, state.node) = (Some(Presence::Here(Box::new(back))), node);
    }

    /// Lets everything arrive.
    async fn settle(&mut self) {
        self.cluster.heal();
        self.cluster.quiet().await;
        sleep(RECORDED).await;
    }

    async fn read(&mut self, client: usize) {
        let state = &mut self.clients[client];
        let Some(Presence::Here(here)) = &mut state.presence else { return };
        while let Ok(received) = timeout(Duration::from_millis(1), here.next()).await {
            if let Received::Event { data, .. } = received {
                state.heard.push(serde_json::from_value(data).unwrap());
            }
        }
    }

    async fn check(&mut self) -> Result<(), String> {
        self.settle().await;
        for client in 0..CLIENTS {
            self.come_back(client, 0).await;
        }
        self.settle().await;
        for client in 0..CLIENTS {
            self.read(client).await;
            let ModelClient { heard, expected, .. } = &self.clients[client];
            let of = |list: &[usize], sender| -> Vec<usize> {
                list.iter().copied().filter(|number| self.senders[*number] == sender).collect()
            };
            for sender in 0..CLIENTS {
                let (heard, expected) = (of(heard, sender), of(expected, sender));
                if heard != expected {
                    return Err(format!("client {client} heard {heard:?} of sender {sender}, and not {expected:?}"));
                }
            }
        }
        Ok(())
    }
}

fn run(program: &[Move]) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let mut running = Running::start().await;
        for step in program {
            running.take(*step).await;
        }
        running.check().await
    })
}

#[test]
fn a_client_that_comes_back_has_missed_nothing_and_reads_nothing_twice() {
    let config = Config { cases: CASES, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    runner.run(&vec(step(), 1..STEPS), |program| run(&program).map_err(TestCaseError::fail)).unwrap();
}
