//! Packets of a Socket.IO client, as text with binary parts or as MessagePack. An event that is read can be written in
//! every form, and is read as the same again.

#![no_main]

use bytes::Bytes;
use gateway_core::Message;
use gateway_core::fuzzing::{FuzzForm, FuzzPacket, read_packets, write_packet, write_plain};
use gateway_fuzz::allocating;
use libfuzzer_sys::fuzz_target;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

const DEPTH: usize = 128;

/// Of every kind, so that every way of reading is tried.
#[derive(Deserialize)]
#[serde(untagged)]
#[expect(dead_code, reason = "read only")]
enum Anything {
    Bytes(Bytes),
    Tagged(Tagged),
    Object { a: Bytes, b: Option<Box<Anything>> },
    List(Vec<Anything>),
    Other(Value),
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "read only")]
enum Tagged {
    Nothing,
    One(Bytes),
    Two(u8, Bytes),
    Named { bytes: Bytes },
}

/// Bytes allocated for a byte of input, at most: a packet of a few bytes is an element of the list, a value of one byte five in JSON.
const MOST: usize = 64;

fuzz_target!(|input: &[u8]| {
    let Some((&form, input)) = input.split_first() else { return };
    let form = if form.is_multiple_of(2) { FuzzForm::Text } else { FuzzForm::Packed };
    let messages = messages(form, input);
    let (events, _) = allocating(MOST, input.len(), || read_packets(form, &messages, DEPTH));
    for said in events {
        let plain = write_plain(&said);
        assert!(serde_json::from_str::<&RawValue>(&plain).is_ok(), "{plain}");
        let _ = said.args.read::<Anything>(0);
        let _ = said.args.read::<Tagged>(0);
        let _ = said.args.read::<Value>(0);
        if is_name(&said.namespace) {
            check(FuzzForm::Text, &said);
        }
        check(FuzzForm::Packed, &said);
    }
});

/// Pieces between bytes that are in no text; binary ones begin with a `B`.
fn messages(form: FuzzForm, input: &[u8]) -> Vec<Message> {
    if form == FuzzForm::Packed {
        return vec![Message::from(input.to_vec())];
    }
    let message = |piece: &[u8]| match (piece, std::str::from_utf8(piece)) {
        ([b'B', bytes @ ..], _) => Message::from(bytes.to_vec()),
        (_, Ok(text)) => Message::from(text),
        (_, Err(_)) => Message::from(piece.to_vec()),
    };
    input.split(|byte| *byte == 0xff).map(message).collect()
}

/// Only such a namespace can be named in text.
fn is_name(namespace: &str) -> bool {
    namespace.starts_with('/') && !namespace.contains(',')
}

fn check(form: FuzzForm, said: &FuzzPacket) {
    let Some(once) = again(form, said) else { return };
    assert_eq!((&once.namespace, &once.event, once.id), (&said.namespace, &said.event, said.id));
    assert_eq!(once.args.len(), said.args.len());
    for index in 0..said.args.len() {
        assert_eq!(bytes(&once, index), bytes(said, index), "{said:?}");
    }
    // Numbers and half surrogate pairs may have become what MessagePack has for them, but once.
    assert_eq!(again(form, &once), Some(once));
}

fn bytes(said: &FuzzPacket, index: usize) -> Option<Bytes> {
    said.args.read(index).ok()
}

fn again(form: FuzzForm, said: &FuzzPacket) -> Option<FuzzPacket> {
    let (mut events, violation) = read_packets(form, &write_packet(form, said), DEPTH);
    // Only MessagePack is read by depth.
    if violation == Some("a packet is nested too deeply") {
        return None;
    }
    assert_eq!((events.len(), violation), (1, None), "{said:?}");
    events.pop()
}
