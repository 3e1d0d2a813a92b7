//! Clients that make the server keep what they send, or what they only announce.

use gateway_core::limits::Limits;
use gateway_tests::{Frame, Raw, upgrade_request};
use tokio::io::AsyncWriteExt;

use crate::gateway::Target;
use crate::{Growth, alone, settle, until};

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

#[tokio::test]
async fn a_million_pings_cost_nothing() {
    let _alone = alone().await;
    let ping = Frame::new(Frame::PING, [b'p'; 125]).bytes();
    let pings = ping.repeat(100);
    // Without a bound on them, so that all are read: only the latest is answered.
    let limits = Limits::new().pings_per_second(None);
    let target = Target::with(|server| server.limits(limits)).await;
    let mut client = target.stream("/prey").await;
    settle().await;
    let mut growth = Growth::begin();
    for _ in 0..10_000 {
        client.write_all(&pings).await.expect("the server reads on");
        growth.look();
    }
    settle().await;
    println!("{} bytes for 1000000 pings whose client does not read", growth.most());
    assert!(growth.most() <= MIB, "{}", growth.most());
    assert_eq!(target.count(), 1);
    drop(client);
    // By default they are ended long before.
    let target = Target::start().await;
    let mut client = target.stream("/prey").await;
    let mut growth = Growth::begin();
    for _ in 0..10_000 {
        if client.write_all(&pings).await.is_err() {
            break;
        }
        growth.look();
    }
    until(|| target.violations() == 1).await;
    println!("{} bytes until it is closed", growth.most());
    assert!(growth.most() <= MIB, "{}", growth.most());
}

#[tokio::test]
async fn what_is_announced_is_not_allocated() {
    let _alone = alone().await;
    let target = Target::start().await;
    let announced: Vec<u8> = Frame::text("x").declaring(1024 * 1024).bytes();
    let mut clients = Vec::with_capacity(100);
    for _ in 0..100 {
        clients.push(target.stream("/prey").await);
    }
    settle().await;
    let mut growth = Growth::begin();
    for client in &mut clients {
        client.write_all(&announced).await.expect("the server reads");
    }
    settle().await;
    let each = growth.most() / clients.len();
    println!("{each} bytes for each message of 1 MiB of which one byte has come");
    assert!(each <= 4 * KIB, "{each}");
}

#[tokio::test]
async fn a_message_that_is_not_finished_costs_what_has_come_of_it() {
    let _alone = alone().await;
    let target = Target::start().await;
    let most = MIB - 64;
    let mut clients = Vec::with_capacity(16);
    for _ in 0..16 {
        clients.push(target.stream("/prey").await);
    }
    settle().await;
    let fragment = |opcode, length| Frame::new(opcode, vec![b'x'; length]).not_last().bytes();
    let frames = [fragment(Frame::TEXT, 16 * KIB), fragment(Frame::CONTINUATION, most - 16 * KIB)].concat();
    let mut growth = Growth::begin();
    for client in &mut clients {
        client.write_all(&frames).await.expect("the server reads");
        settle().await;
        growth.look();
    }
    let each = growth.most() / clients.len();
    println!("{each} bytes for each message of {most} bytes that goes on");
    assert!(each <= MIB + 64 * KIB, "{each}");
    // One byte more than may be ends it, and gives everything back.
    let beyond = fragment(Frame::CONTINUATION, 65);
    for client in &mut clients {
        client.write_all(&beyond).await.expect("the server reads");
    }
    until(|| target.violations() == 16).await;
    drop(clients);
    target.is_empty().await;
    println!("{} bytes are left", growth.now());
    assert!(growth.now() <= 64 * KIB, "{}", growth.now());
}

#[tokio::test]
async fn fragments_of_nothing_and_of_a_byte_are_counted() {
    let _alone = alone().await;
    let target = Target::start().await;
    for (before, payload) in (0..).zip(["", "x"]) {
        let mut client = target.stream("/prey").await;
        let first = Frame::text(payload).not_last().bytes();
        let more = Frame::new(Frame::CONTINUATION, payload).not_last().bytes().repeat(1000);
        let mut growth = Growth::begin();
        client.write_all(&first).await.expect("the server reads");
        for _ in 0..1000 {
            if client.write_all(&more).await.is_err() {
                break;
            }
            growth.look();
        }
        until(|| target.violations() == before + 1).await;
        println!("{} bytes for a million fragments of {} bytes", growth.most(), payload.len());
        assert!(growth.most() <= 256 * KIB, "{}", growth.most());
    }
}

#[tokio::test]
async fn half_a_request_costs_its_bytes() {
    let _alone = alone().await;
    let target = Target::start().await;
    let half = format!("GET /prey HTTP/1.1\r\nX: {}", "x".repeat(8 * KIB)).into_bytes();
    let mut clients = Vec::with_capacity(200);
    let mut growth = Growth::begin();
    for _ in 0..200 {
        let mut client = tokio::net::TcpStream::connect(target.address).await.expect("the server listens");
        client.write_all(&half).await.expect("the server reads");
        clients.push(client);
    }
    settle().await;
    let each = growth.most() / clients.len();
    println!("{each} bytes for each request of which 8 KiB have come");
    assert!(each <= 40 * KIB, "{each}");
    drop(clients);
    until(|| crate::held() < growth.base + 256 * KIB).await;
}

#[tokio::test]
async fn nothing_is_left_of_hundreds_of_connections() {
    const CONNECTIONS: usize = 400;
    let _alone = alone().await;
    let target = Target::start().await;
    let files = open_files();
    let mut growth = Growth::begin();
    let mut clients = Vec::with_capacity(CONNECTIONS);
    for _ in 0..CONNECTIONS {
        let mut client = Raw::dial(target.address).await;
        let request = upgrade_request("/prey", "Cookie: session=0123456789abcdef\r\n");
        assert_eq!(client.ask(&request).await.status, 101);
        clients.push(client.into_inner());
    }
    until(|| target.count() == CONNECTIONS).await;
    let each = growth.most() / CONNECTIONS;
    drop(clients);
    target.is_empty().await;
    println!("{each} bytes each, clients included, while they are there; {} bytes are left", growth.now());
    assert!(growth.now() <= 256 * KIB, "{}", growth.now());
    // Fewer, where the test before was still closing some.
    until(|| open_files() <= files).await;
}

/// Sockets of this process; always the same where the system does not tell. Tests that wait for this one have other files.
fn open_files() -> usize {
    let is_socket = |file: std::io::Result<std::fs::DirEntry>| {
        let target = file.and_then(|file| std::fs::read_link(file.path()));
        target.is_ok_and(|target| target.to_string_lossy().starts_with("socket:"))
    };
    std::fs::read_dir("/proc/self/fd").map_or(0, |files| files.map(is_socket).filter(|is_one| *is_one).count())
}

#[tokio::test]
async fn what_a_handler_keeps_of_a_message_is_its_bytes_alone() {
    const MESSAGES: usize = 10_000;
    let _alone = alone().await;
    let target = Target::start().await;
    let binary = Frame::new(Frame::BINARY, *b"0123456789").bytes().repeat(MESSAGES);
    let text = Frame::text(r#"{"event":"keep","data":"0123456789"}"#).bytes().repeat(MESSAGES);
    target.kept.bytes.lock().expect("no test fails in here").reserve_exact(MESSAGES);
    target.kept.texts.lock().expect("no test fails in here").reserve_exact(MESSAGES);
    for (path, frames) in [("/raw", &binary), ("/prey", &text)] {
        let mut client = target.stream(path).await;
        settle().await;
        let mut growth = Growth::begin();
        client.write_all(frames).await.expect("the server reads");
        let kept = || {
            let bytes = target.kept.bytes.lock().expect("no test fails in here").len();
            let texts = target.kept.texts.lock().expect("no test fails in here").len();
            if path == "/raw" { bytes } else { texts }
        };
        until(|| kept() == MESSAGES).await;
        settle().await;
        let each = growth.now() / MESSAGES;
        println!("{path}: {each} bytes for each message of 10");
        assert!(each <= 30 + 32, "three times its bytes, and what counts its owners: {each}");
    }
}
