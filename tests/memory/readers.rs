//! Clients that do not read, and such as are away.

use std::time::Duration;

use gateway_core::limits::Limits;
use gateway_core::metrics::Counter;
use gateway_core::serve::Recovery;
use gateway_tests::{Frame, Raw, Received};

use crate::gateway::Target;
use crate::{Growth, alone, settle, until};

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

#[tokio::test]
async fn two_hundred_megabytes_for_clients_that_do_not_read() {
    let _alone = alone().await;
    for slow in [1, 10] {
        let each = two_hundred_megabytes(slow).await;
        println!("{each} bytes for each of {slow} slow clients; what is sent to all is kept once");
        assert!(each <= 3 * MIB / 2, "{each}");
    }
}

/// Sends to `slow` clients that do not read and one that does, who misses nothing. Gives the most that each of the slow
/// ones has cost.
async fn two_hundred_megabytes(slow: usize) -> usize {
    let target = Target::start().await;
    let mut reader = target.connect("/prey").await;
    let mut clients = Vec::with_capacity(slow);
    for _ in 0..slow {
        clients.push(target.stream("/prey").await);
    }
    let prey = target.running.handle().of("/prey").expect("a namespace");
    until(|| prey.count() == slow + 1).await;
    let text = "x".repeat(64 * KIB);
    let mut growth = Growth::begin();
    for _ in 0..200 * 16 {
        prey.emit("told", &text);
        assert!(next_text(&mut reader).await.len() > 64 * KIB, "it misses nothing");
        growth.look();
    }
    until(|| prey.count() == 1).await;
    assert_eq!(target.running.handle().count(Counter::SlowDisconnects), slow as u64);
    drop(clients);
    settle().await;
    assert!(growth.now() <= 512 * KIB, "{} bytes are left", growth.now());
    growth.most() / slow
}

/// Connects as a client of Socket.IO does, over a WebSocket.
async fn socket_io(target: &Target) -> Raw {
    let mut client = target.connect("/socket.io/?EIO=4&transport=websocket").await;
    assert!(client.next_text().await.starts_with("0{"));
    client.text("40/prey,").await;
    assert!(client.next_text().await.starts_with("40/prey,{"));
    client
}

#[tokio::test]
async fn what_is_kept_for_those_who_are_away_is_bounded() {
    const AWAY: usize = 10;
    let _alone = alone().await;
    let recovery = Recovery::new().within(Duration::from_mins(2));
    let target = Target::with(|server| server.recovery(recovery)).await;
    let prey = target.running.handle().of("/prey").expect("a namespace");
    let mut clients = Vec::with_capacity(AWAY);
    for _ in 0..AWAY {
        clients.push(socket_io(&target).await);
    }
    until(|| prey.count() == AWAY).await;
    drop(clients);
    until(|| prey.count() == 0).await;
    let mut growth = Growth::begin();
    // A megabyte a second for two minutes.
    for number in 0..120 {
        for _ in 0..16 {
            prey.emit("told", &format!("{number}{}", "x".repeat(64 * KIB)));
            growth.look();
        }
    }
    let shared = growth.most();
    println!("{shared} bytes for {AWAY} who are away; what is sent to all of them is kept once");
    assert!(shared <= 2 * MIB, "{shared}");
}

/// Each event has a place in the log of each socket; on a socket where nothing is sent any more, old ones go all the same.
#[tokio::test]
async fn what_is_kept_for_those_who_are_here_is_bounded_and_goes_in_time() {
    const HERE: usize = 10;
    let _alone = alone().await;
    let recovery = Recovery::new().within(Duration::from_secs(2));
    let limits = Limits::new().ping_interval(Duration::from_millis(500));
    let target = Target::with(|server| server.recovery(recovery).limits(limits)).await;
    let prey = target.running.handle().of("/prey").expect("a namespace");
    let mut clients = Vec::with_capacity(HERE);
    for _ in 0..HERE {
        let mut client = target.connect("/prey?resume").await;
        client.next_text().await;
        clients.push(client);
    }
    until(|| prey.count() == HERE).await;
    let mut growth = Growth::begin();
    for number in 0..1500 {
        prey.emit("n", &number);
        for client in &mut clients {
            next_text(client).await;
        }
        growth.look();
    }
    let each = growth.most() / HERE;
    // By then all of it is too old, and the clock of each connection has fired since.
    for _ in 0..8 {
        for client in &mut clients {
            answer_ping(client).await;
        }
    }
    settle().await;
    let left = growth.now() / HERE;
    println!("{each} bytes for each of {HERE} who are here, {left} once it is too old");
    assert!(each <= 72 * KIB, "{each}");
    assert!(left <= 2 * KIB, "{left}");
}

/// Reads the next text. Pings before it are answered: on a machine that takes its time there are some.
async fn next_text(client: &mut Raw) -> String {
    loop {
        match client.next().await {
            Received::Text(text) => return text,
            Received::Ping(payload) => client.send(Frame::new(Frame::PONG, payload)).await,
            other => panic!("a text was expected, not {other:?}"),
        }
    }
}

async fn answer_ping(client: &mut Raw) {
    match client.next().await {
        Received::Ping(payload) => client.send(Frame::new(Frame::PONG, payload)).await,
        other => panic!("a ping was expected, not {other:?}"),
    }
}
