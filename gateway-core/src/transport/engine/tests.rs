use std::task::Waker;

use super::*;
use crate::transport::memory::{self, ClientFrame};

fn context() -> Context<'static> {
    Context::from_waker(Waker::noop())
}

/// Returns the messages of one receive.
fn receive(engine: &mut EngineTransport<memory::Memory>) -> (Poll<Result<(), Broken>>, Vec<String>) {
    let mut received = Vec::new();
    let polled = engine.poll_receive(&mut context(), &mut |message, _| {
        received.push(format!("{message:?}"));
        Flow::Continue
    });
    (polled, received)
}

#[tokio::test]
async fn the_open_packet_is_the_first_thing_a_client_reads() {
    let (transport, client) = memory::pair();
    let mut engine = EngineTransport::open(transport, "0{}", Duration::from_secs(1)).await.unwrap();
    let later = Encoded::frame(OpCode::Text, b"4a");
    assert!(engine.poll_write(&mut context(), later.as_slice()).is_ready());
    for expected in ["0{}", "4a"] {
        let received = client.poll_receive(&mut context());
        assert!(matches!(received, Poll::Ready(Ok(message)) if message == expected.into()));
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_the_open_packet_is_let_go() {
    let (mut transport, client) = memory::pair();
    client.pause();
    while transport.poll_write(&mut context(), Encoded::frame(OpCode::Text, b"x").as_slice()).is_ready() {}
    assert!(EngineTransport::open(transport, "0{}", Duration::from_secs(1)).await.is_none());
}

#[test]
fn packets_become_messages() {
    let check = |packets: &[&str], expected: &[&str]| {
        let (transport, client) = memory::pair();
        let mut engine = EngineTransport::new(transport);
        for packet in packets {
            client.send(ClientFrame::Message((*packet).into()));
        }
        assert_eq!(receive(&mut engine).1, expected, "{packets:?}");
    };
    check(&["4hi", "4"], &[r#"Text("hi")"#, r#"Text("")"#]);
    check(&["bAQI="], &["Binary([1, 2])"]);
    check(&["3", "3probe"], &["Pong", "Pong"]);
    check(&["1"], &["Close(None)"]);
    check(&["0", "5", "6", "4a"], &[r#"Text("a")"#]);
}

#[test]
fn what_is_no_packet_ends_it_without_a_status() {
    for wrong in ["", "2", "2probe", "7", "x", "€", "b!"] {
        let (transport, client) = memory::pair();
        let mut engine = EngineTransport::new(transport);
        client.send(ClientFrame::Message(wrong.into()));
        client.send(ClientFrame::Message("4late".into()));
        let (polled, received) = receive(&mut engine);
        let Poll::Ready(Err(Broken::Violation(disconnect))) = polled else { panic!("{wrong:?}: {polled:?}") };
        assert_eq!(disconnect.code, CloseCode::NO_STATUS, "{wrong:?}");
        assert!(received.is_empty(), "{wrong:?}");
    }
}
