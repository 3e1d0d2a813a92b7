//! Section 5: fragmentation (RFC 6455 §5.4).

use gateway_tests::{Frame, Received};

use crate::case::{Case, Pace, pong, section, text};

const PACES: [Pace; 3] = [Pace::AtOnce, Pace::Frames, Pace::Chops(1)];

fn ping(payload: &str) -> Frame {
    Frame::new(Frame::PING, payload)
}

fn first(payload: &str) -> Frame {
    Frame::text(payload).not_last()
}

fn more(payload: &str) -> Frame {
    Frame::new(Frame::CONTINUATION, payload).not_last()
}

fn last(payload: &str) -> Frame {
    Frame::new(Frame::CONTINUATION, payload)
}

#[tokio::test]
async fn section_5_fragmentation() {
    let mut cases = vec![
        Case::new("5.1").sends(Pace::AtOnce, [ping("fragment1").not_last(), last("fragment2")]).fails(1002),
        Case::new("5.2")
            .sends(Pace::AtOnce, [Frame::new(Frame::PONG, "fragment1").not_last(), last("fragment2")])
            .fails(1002),
    ];
    // A message in two frames, a ping between them, and a rest without a beginning (its last frame, then not).
    for (number, pace) in (0..).zip(PACES) {
        let name = |from: usize| Case::new(format!("5.{}", from + number));
        let whole = text("fragment1fragment2");
        cases.push(name(3).sends(pace, [first("fragment1"), last("fragment2")]).hears([whole.clone()]));
        let with_ping = [first("fragment1"), ping("ping payload"), last("fragment2")];
        cases.push(name(6).sends(pace, with_ping).hears([pong("ping payload"), whole]));
        let hello = || Frame::text("Hello, world!");
        cases.push(name(9).sends(pace, [last("nothing to continue"), hello()]).fails(1002));
        cases.push(name(12).sends(pace, [more("nothing to continue"), hello()]).fails(1002));
    }
    cases.extend(broken_order());
    cases.extend([("5.19", Pace::Frames), ("5.20", Pace::Chops(1))].map(|(name, pace)| with_two_pings(name, pace)));
    section(cases, 20).await;
}

/// Frames of a message where they may not stand.
fn broken_order() -> [Case; 4] {
    let twice = |frames: [Frame; 3]| [frames.clone(), frames].concat();
    let lone = twice([more("fragment1"), first("fragment2"), last("fragment3")]);
    let lone_last = twice([last("fragment1"), first("fragment2"), last("fragment3")]);
    [
        Case::new("5.15")
            .sends(Pace::AtOnce, [first("fragment1"), last("fragment2"), more("fragment3"), Frame::text("fragment4")])
            .hears([text("fragment1fragment2")])
            .fails(1002),
        Case::new("5.16").sends(Pace::AtOnce, lone).fails(1002),
        Case::new("5.17").sends(Pace::AtOnce, lone_last).fails(1002),
        Case::new("5.18").sends(Pace::AtOnce, [first("fragment1"), Frame::text("fragment2")]).fails(1002),
    ]
}

/// Pings within a message are answered before its end.
fn with_two_pings(name: &str, pace: Pace) -> Case {
    let whole: Received = text("fragment1fragment2fragment3fragment4fragment5");
    Case::new(name)
        .sends(pace, [first("fragment1"), more("fragment2"), ping("pongme 1!")])
        .hears([pong("pongme 1!")])
        .sends(pace, [more("fragment3"), more("fragment4"), ping("pongme 2!")])
        .hears([pong("pongme 2!")])
        .sends(pace, [last("fragment5")])
        .hears([whole])
}
