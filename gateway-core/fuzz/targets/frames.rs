//! A client's bytes. However they are split, the same messages come out and the same violation is found; and they are the
//! messages that tungstenite reads.

#![no_main]

use gateway_core::fuzzing::{FuzzReading, Read, read_frames};
use gateway_fuzz::allocating;
use libfuzzer_sys::fuzz_target;
use tungstenite::error::{Error, ProtocolError};
use tungstenite::protocol::{Role, WebSocketConfig};
use tungstenite::{Message, WebSocket};

const LIMIT: usize = 4096;

// The first byte says how the rest is split.
/// Bytes allocated for a byte of input, at most: a frame of six bytes is an element of the list of messages.
const MOST: usize = 16;

fuzz_target!(|input: &[u8]| {
    let Some((&split, stream)) = input.split_first() else { return };
    let whole = allocating(MOST, stream.len(), || read_frames(stream, [], LIMIT));
    let sizes = (0..).map(|piece: usize| 1 + (usize::from(split) * (piece + 1)) % 23);
    assert_eq!(read_frames(stream, sizes, LIMIT), whole, "in pieces");
    assert_eq!(read_frames(stream, std::iter::repeat(1), LIMIT), whole, "byte by byte");
    check_against_another(stream, &whole);
});

/// Where neither fails, both have read the same. Where one fails, what it has read before is what the other has read too:
/// it may fail earlier (at a byte that cannot be text, at a length that is not the shortest) but not read otherwise.
fn check_against_another(stream: &[u8], ours: &FuzzReading) {
    let (theirs, failed) = other_reading(stream);
    let shared = ours.messages.len().min(theirs.len());
    assert_eq!(ours.messages[..shared], theirs[..shared], "{ours:?}, {theirs:?}");
    if ours.failed.is_none() && !failed {
        assert_eq!(ours.messages, theirs);
    }
    if failed {
        assert!(ours.failed.is_some() || is_stricter(ours), "the other one fails, we read {ours:?}");
    }
}

/// A close frame ends what we read; the other one looks at what follows it too.
fn is_stricter(ours: &FuzzReading) -> bool {
    matches!(ours.messages.last(), Some(Read::Close(_)))
}

fn other_reading(stream: &[u8]) -> (Vec<Read>, bool) {
    let config = WebSocketConfig::default().max_message_size(Some(LIMIT)).max_frame_size(Some(LIMIT));
    let nobody = std::io::Cursor::new(Vec::new());
    let mut socket = WebSocket::from_partially_read(nobody, stream.to_vec(), Role::Server, Some(config));
    let mut messages = Vec::new();
    loop {
        match socket.read() {
            Ok(Message::Text(text)) => messages.push(Read::Text(text.to_string())),
            Ok(Message::Binary(bytes)) => messages.push(Read::Binary(bytes.to_vec())),
            Ok(Message::Ping(bytes)) => messages.push(Read::Ping(bytes.to_vec())),
            Ok(Message::Pong(_)) => messages.push(Read::Pong),
            Ok(Message::Close(frame)) => {
                let close = frame.map(|frame| (u16::from(frame.code), frame.reason.to_string()));
                // What it says in place of a code it does not know, 1014 among them.
                if close.as_ref().is_some_and(|(code, reason)| (*code, reason.as_str()) == (1002, "Protocol violation"))
                {
                    return (messages, true);
                }
                messages.push(Read::Close(close));
                return (messages, false);
            }
            Ok(Message::Frame(_)) => unreachable!("never read"),
            Err(Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) | Error::ConnectionClosed) => {
                return (messages, false);
            }
            Err(_) => return (messages, true),
        }
    }
}
