//! Sections 1 (framing), 3 (reserved bits) and 4 (opcodes).

use gateway_tests::{Frame, Opcode};

use crate::case::{Case, Pace, binary, section, text};

/// Payloads around every change in how a length is written (RFC 6455 §5.2), and one in many reads.
#[tokio::test]
async fn section_1_framing() {
    let sizes = [(0, None), (125, None), (126, None), (127, None), (128, None), (65_535, None), (65_536, None)];
    let chopped = [(65_536, Some(997))];
    let mut cases = Vec::new();
    for (number, (size, chop)) in (1..).zip(sizes.into_iter().chain(chopped)) {
        let pace = chop.map_or(Pace::AtOnce, Pace::Chops);
        let stars = "*".repeat(size);
        cases.push(Case::new(format!("1.1.{number}")).sends(pace, [Frame::text(stars.clone())]).hears([text(stars)]));
        let bytes = vec![0xFE; size];
        let frame = Frame::new(Frame::BINARY, bytes.clone());
        cases.push(Case::new(format!("1.2.{number}")).sends(pace, [frame]).hears([binary(bytes)]));
    }
    section(cases, 16).await;
}

const HELLO: &str = "Hello, world!";

fn hello() -> Frame {
    Frame::text(HELLO)
}

/// RFC 6455 §5.2: no extension was agreed on, so every reserved bit fails the connection; what came before it is answered.
#[tokio::test]
async fn section_3_reserved_bits() {
    let ping = || Frame::new(Frame::PING, "");
    let mut cases = vec![
        Case::new("3.1").sends(Pace::AtOnce, [hello().reserved(1)]),
        Case::new("3.5").sends(Pace::AtOnce, [Frame::new(Frame::BINARY, vec![0, 0xFF, 0xFE]).reserved(5)]),
        Case::new("3.6").sends(Pace::AtOnce, [Frame::new(Frame::PING, HELLO).reserved(6)]),
        Case::new("3.7").sends(Pace::AtOnce, [Frame::close(1000, "").reserved(7)]),
    ];
    for (number, bits, pace) in [(2, 2, Pace::AtOnce), (3, 3, Pace::Frames), (4, 4, Pace::Chops(1))] {
        let frames = [hello(), hello().reserved(bits), ping()];
        cases.push(Case::new(format!("3.{number}")).sends(pace, frames).hears([text(HELLO)]));
    }
    section(cases.into_iter().map(|case| case.fails(1002)).collect(), 7).await;
}

/// RFC 6455 §5.2: opcodes without a meaning fail the connection.
#[tokio::test]
async fn section_4_opcodes() {
    let mut cases = Vec::new();
    for (group, first) in [(1, 0x3), (2, 0xB)] {
        let name = |number| format!("4.{group}.{number}");
        let unknown = |number: Opcode, payload: &str| Frame::new(first + number - 1, payload);
        cases.push(Case::new(name(1)).sends(Pace::AtOnce, [unknown(1, "")]));
        cases.push(Case::new(name(2)).sends(Pace::AtOnce, [unknown(2, "reserved opcode payload")]));
        for (number, payload, pace) in [(3, "", Pace::AtOnce), (4, HELLO, Pace::Frames), (5, HELLO, Pace::Chops(1))] {
            let frames = [hello(), unknown(number, payload), Frame::new(Frame::PING, "")];
            cases.push(Case::new(name(number)).sends(pace, frames).hears([text(HELLO)]));
        }
    }
    section(cases.into_iter().map(|case| case.fails(1002)).collect(), 10).await;
}
