//! Section 2: pings and pongs.

use gateway_tests::{Frame, Received};

use crate::case::{Case, Pace, pong, section};

fn ping(payload: impl Into<Vec<u8>>) -> Frame {
    Frame::new(Frame::PING, payload)
}

fn unasked(payload: &str) -> Frame {
    Frame::new(Frame::PONG, payload)
}

/// RFC 6455 §5.5.2, §5.5.3: a ping is answered with its payload, a pong nobody asked for with nothing. That every one of
/// several pings is answered is more than the RFC asks for.
#[tokio::test]
async fn section_2_pings_and_pongs() {
    let bytes = [0x00, 0xFF, 0xFE, 0xFD, 0xFC, 0xFB, 0x00, 0xFF];
    let ten = || (0..10).map(|number| format!("payload-{number}"));
    let asked = || ten().map(ping).collect::<Vec<_>>();
    let answered = || ten().map(pong).collect::<Vec<Received>>();
    let cases = vec![
        Case::new("2.1").sends(Pace::AtOnce, [ping("")]).hears([pong("")]),
        Case::new("2.2").sends(Pace::AtOnce, [ping("Hello, world!")]).hears([pong("Hello, world!")]),
        Case::new("2.3").sends(Pace::AtOnce, [ping(bytes)]).hears([pong(bytes)]),
        Case::new("2.4").sends(Pace::AtOnce, [ping([0xFE; 125])]).hears([pong([0xFE; 125])]),
        Case::new("2.5").sends(Pace::AtOnce, [ping([0xFE; 126])]).fails(1002),
        Case::new("2.6").sends(Pace::Chops(1), [ping([0xFE; 125])]).hears([pong([0xFE; 125])]),
        Case::new("2.7").sends(Pace::AtOnce, [unasked("")]),
        Case::new("2.8").sends(Pace::AtOnce, [unasked("unsolicited pong payload")]),
        Case::new("2.9")
            .sends(Pace::AtOnce, [unasked("unsolicited pong payload"), ping("ping payload")])
            .hears([pong("ping payload")]),
        Case::new("2.10").sends(Pace::AtOnce, asked()).hears(answered()),
        Case::new("2.11").sends(Pace::Chops(1), asked()).hears(answered()),
    ];
    section(cases, 11).await;
}
