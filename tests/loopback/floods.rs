//! Clients that send too much, too little or nonsense: each ends with its code, and disturbs nobody.

use std::time::Duration;

use gateway_core::limits::Limits;
use gateway_core::prelude::*;
use gateway_tests::{Frame, Raw, Received};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::server::Probe;

const ALIVE: &str = r#"{"event":"echo","data":"alive","id":1}"#;

async fn is_alive(client: &mut Raw) {
    client.text(ALIVE).await;
    assert_eq!(client.next_text().await, ALIVE);
}

/// Sends one piece after the other until the server has ended the connection; says after how many.
async fn drip(server: &mut Probe, client: &mut Raw, pieces: impl IntoIterator<Item = Vec<u8>>) -> usize {
    for (sent, piece) in pieces.into_iter().enumerate() {
        if server.ends.try_recv().is_ok() {
            return sent;
        }
        client.write(&piece).await;
        sleep(Duration::from_millis(20)).await;
    }
    panic!("it was never ended");
}

#[tokio::test]
async fn a_flood_of_pings_is_ended() {
    let mut server = Probe::start().await;
    let mut client = server.connect().await;
    let pings = |number: usize| Frame::new(Frame::PING, "p").bytes().repeat(number);
    client.write(&pings(100)).await;
    for _ in 0..100 {
        assert_eq!(client.next().await, Received::Pong(b"p".to_vec()), "as many as are allowed are answered");
    }
    client.write(&pings(10_000)).await;
    assert_eq!(client.close_code().await, Some(1008));
    assert!(matches!(server.ends.recv().await, Some(DisconnectReason::Violation(_))));
    is_alive(&mut server.connect().await).await;
}

#[tokio::test]
async fn pings_are_bounded_only_where_the_server_says_so() {
    let limits = Limits::new().pings_per_second(None);
    let server = Probe::with(|server| server.limits(limits)).await;
    let mut client = server.connect().await;
    client.write(&Frame::new(Frame::PING, "p").bytes().repeat(10_000)).await;
    is_answered_at_last(&mut client).await;
}

/// The server may leave pings unanswered, but not what follows them.
async fn is_answered_at_last(client: &mut Raw) {
    client.text(ALIVE).await;
    loop {
        match client.next().await {
            Received::Pong(_) => {}
            other => return assert_eq!(other, Received::Text(ALIVE.into())),
        }
    }
}

#[tokio::test]
async fn a_flood_of_pongs_is_ignored() {
    let server = Probe::start().await;
    let mut client = server.connect().await;
    client.write(&Frame::new(Frame::PONG, [0; 125]).bytes().repeat(100_000)).await;
    is_alive(&mut client).await;
}

#[tokio::test]
async fn a_message_that_is_never_finished_is_not_waited_for() {
    let limits = Limits::new().assembly_timeout(Duration::from_millis(200));
    let mut server = Probe::with(|server| server.limits(limits)).await;
    let fragment = |opcode| Frame::new(opcode, "more ").not_last().bytes();
    let fragments = std::iter::once(fragment(Frame::TEXT)).chain(vec![fragment(Frame::CONTINUATION); 1_000]);
    let bytes = Frame::text("x".repeat(1_000)).bytes().into_iter().map(|byte| vec![byte]);
    for pieces in [fragments.collect::<Vec<_>>(), bytes.collect()] {
        let mut client = server.connect().await;
        let sent = drip(&mut server, &mut client, pieces).await;
        println!("ended after {sent} pieces in 20 ms each");
        assert_eq!(client.close_code().await, Some(1008));
    }
}

#[tokio::test]
async fn a_part_of_a_frame_is_no_sign_of_life() {
    let time = Duration::from_millis(100);
    let limits = Limits::new().ping_interval(time).ping_timeout(time);
    let mut server = Probe::with(|server| server.limits(limits)).await;
    let mut client = server.connect().await;
    let ping = Frame::new(Frame::PING, [0; 125]).bytes();
    let sent = drip(&mut server, &mut client, ping.iter().map(|byte| vec![*byte])).await;
    println!("ended after {sent} of {} bytes in 20 ms each", ping.len());
    assert_eq!(client.close_code().await, Some(4001));
}

#[tokio::test]
async fn what_follows_a_close_is_not_heard_and_the_end_comes_anyway() {
    let limits = Limits::new().close_timeout(Duration::from_millis(200));
    let server = Probe::with(|server| server.limits(limits)).await;
    let mut client = server.connect().await;
    let mut bytes = Frame::close(1000, "").bytes();
    bytes.extend(Frame::close(1001, "").bytes());
    bytes.extend(Frame::text(ALIVE).bytes());
    client.write(&bytes).await;
    assert_eq!(client.next().await, Received::Close(Some(1000), String::new()));
    assert_eq!(client.next().await, Received::End);
    // A client that was told its violation and does not go.
    let mut client = server.connect().await;
    client.send(Frame::text("x").unmasked()).await;
    assert!(matches!(client.next().await, Received::Close(Some(1002), _)));
    assert_eq!(client.next().await, Received::End);
}

/// `SplitMix64`, as noise: the same at every run.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB)
    };
    (0..length.div_ceil(8)).flat_map(|_| next().to_le_bytes()).take(length).collect()
}

/// Throws bytes at an open connection, says that there are no more, and reads until the server has closed too.
async fn throw(mut stream: TcpStream, bytes: &[u8]) -> usize {
    let _refused = stream.write_all(bytes).await;
    let _closed = stream.shutdown().await;
    let mut answer = Vec::new();
    let _reset = stream.read_to_end(&mut answer).await;
    answer.len()
}

#[tokio::test]
async fn noise_and_zeros_are_answered_or_ignored() {
    let server = Probe::start().await;
    let mut witness = server.connect().await;
    let (mut thrown, mut answered) = (0, 0);
    for seed in 0..60 {
        let bytes = if seed % 10 == 0 { vec![0; 30_000] } else { noise(seed, 10_000) };
        let mut stream = TcpStream::connect(server.address).await.expect("the server listens");
        if seed % 2 == 1 {
            let mut client = Raw::over(stream);
            client.upgrade("/probe").await;
            stream = client.into_inner();
        }
        thrown += bytes.len();
        answered += throw(stream, &bytes).await;
    }
    println!("{thrown} bytes of noise, {answered} of answers");
    assert!(answered < thrown, "an answer is no amplifier");
    is_alive(&mut witness).await;
    is_alive(&mut server.connect().await).await;
}
