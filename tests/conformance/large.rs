//! Sections 9 (large messages, many messages) and 10 (fragments by a client's own choice), in bounded time.

use gateway_tests::{Frame, Opcode, Received};

use crate::case::{Case, Pace, binary, section, text};

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

const KINDS: [Opcode; 2] = [Frame::TEXT, Frame::BINARY];

/// Bytes that never stand at the same place of two words, so that a piece lost or doubled does not go unseen.
fn payload(length: usize) -> Vec<u8> {
    b"BAsd7&jh23".iter().copied().cycle().take(length).collect()
}

fn echoed(kind: Opcode, payload: Vec<u8>) -> Received {
    if kind == Frame::TEXT { text(String::from_utf8(payload).expect("ASCII")) } else { binary(payload) }
}

/// One message, in fragments of a size where there is one.
fn message(kind: Opcode, payload: &[u8], fragment: Option<usize>) -> Vec<Frame> {
    let pieces = payload.chunks(fragment.unwrap_or(payload.len()));
    let count = pieces.len();
    let frame = |(index, piece): (usize, &[u8])| {
        let frame = Frame::new(if index == 0 { kind } else { Frame::CONTINUATION }, piece);
        if index + 1 == count { frame } else { frame.not_last() }
    };
    pieces.enumerate().map(frame).collect()
}

fn echo(name: String, kind: Opcode, length: usize, (pace, fragment): (Pace, Option<usize>)) -> Case {
    let payload = payload(length);
    Case::new(name).sends(pace, message(kind, &payload, fragment)).hears([echoed(kind, payload)])
}

#[tokio::test]
async fn section_9_whole_messages_up_to_16_mib() {
    let sizes = [64 * KIB, 256 * KIB, MIB, 4 * MIB, 8 * MIB, 16 * MIB];
    let mut cases = Vec::new();
    for (group, kind) in (1..).zip(KINDS) {
        for (number, size) in (1..).zip(sizes) {
            cases.push(echo(format!("9.{group}.{number}"), kind, size, (Pace::AtOnce, None)));
        }
    }
    section(cases, 12).await;
}

#[tokio::test]
async fn section_9_fragments_of_64_bytes_to_4_mib() {
    let sizes = [64, 256, KIB, 4 * KIB, 16 * KIB, 64 * KIB, 256 * KIB, MIB, 4 * MIB];
    let mut cases = Vec::new();
    for (group, kind) in (3..).zip(KINDS) {
        for (number, size) in (1..).zip(sizes) {
            cases.push(echo(format!("9.{group}.{number}"), kind, 4 * MIB, (Pace::AtOnce, Some(size))));
        }
    }
    section(cases, 18).await;
}

#[tokio::test]
async fn section_9_chops_of_64_bytes_to_2_kib() {
    let sizes = [64, 128, 256, 512, KIB, 2 * KIB];
    let mut cases = Vec::new();
    for (group, kind) in (5..).zip(KINDS) {
        for (number, size) in (1..).zip(sizes) {
            cases.push(echo(format!("9.{group}.{number}"), kind, MIB, (Pace::Chops(size), None)));
        }
    }
    section(cases, 12).await;
}

#[tokio::test]
async fn section_9_a_thousand_messages_one_after_the_other() {
    let mut cases = Vec::new();
    for (group, kind) in (7..).zip(KINDS) {
        for (number, size) in (1..).zip([0, 16, 64, 256, KIB, 4 * KIB]) {
            let payload = payload(size);
            let step = |case: Case, _| {
                let frame = Frame::new(kind, payload.clone());
                case.sends(Pace::AtOnce, [frame]).hears([echoed(kind, payload.clone())])
            };
            cases.push((0..1000).fold(Case::new(format!("9.{group}.{number}")), step));
        }
    }
    section(cases, 12).await;
}

#[tokio::test]
async fn section_10_fragments_of_1300_bytes() {
    let case = echo("10.1.1".to_owned(), Frame::TEXT, 65_536, (Pace::AtOnce, Some(1300)));
    section(vec![case], 1).await;
}
