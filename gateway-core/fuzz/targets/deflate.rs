//! Compressed messages. However frames are split, the same messages come out; data is read as another implementation reads
//! it, never beyond the limit; what a server compresses is what it was; an offer is answered by what it allows.

#![no_main]

use gateway_core::fuzzing::{Read, agree, inflate, read_compressed_frames, write_compressed};
use gateway_core::serve::Deflate;
use http::{HeaderMap, HeaderValue};
use libfuzzer_sys::fuzz_target;
use miniz_oxide::inflate::stream::{InflateState, inflate as other_inflate};
use miniz_oxide::{DataFormat, MZFlush, MZStatus};

const LIMIT: usize = 4096;
const TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];

// The first byte says what the rest is, and what it is read by.
fuzz_target!(|input: &[u8]| {
    let Some((&kind, rest)) = input.split_first() else { return };
    let bits = 9 + (kind >> 2) % 7;
    let takeover = (kind & 0x80 != 0).then_some(bits);
    match kind % 4 {
        0 => check_frames(rest, kind, takeover),
        1 => check_data(rest, takeover),
        2 => check_server(rest, bits, 1 + (kind >> 5)),
        _ => check_offer(rest),
    }
});

fn check_frames(stream: &[u8], split: u8, takeover: Option<u8>) {
    let whole = read_compressed_frames(stream, [], LIMIT, takeover);
    let sizes = (0..).map(|piece: usize| 1 + (usize::from(split) * (piece + 1)) % 23);
    assert_eq!(read_compressed_frames(stream, sizes, LIMIT, takeover), whole, "in pieces");
    assert_eq!(read_compressed_frames(stream, std::iter::repeat(1), LIMIT, takeover), whole, "byte by byte");
    for message in whole.messages {
        let length = match message {
            Read::Text(text) => text.len(),
            Read::Binary(bytes) | Read::Ping(bytes) => bytes.len(),
            Read::Pong | Read::Close(_) => 0,
        };
        assert!(length <= LIMIT);
    }
}

/// Two messages of the same data: the second may refer to the first only where the client keeps its window.
fn check_data(data: &[u8], takeover: Option<u8>) {
    let once = inflate(&[data], LIMIT, takeover);
    if let Some(once) = &once {
        assert!(once[0].len() <= LIMIT);
        // The other one takes references to what was never sent, so it may read what we do not.
        assert!(other_reading(data).is_none_or(|other| other == once[0]));
    }
    let twice = inflate(&[data, data], LIMIT, None);
    assert_eq!(twice.map(|twice| twice[0] == twice[1]), inflate(&[data], LIMIT, None).map(|_| true));
    let _ = inflate(&[data, data], LIMIT, takeover);
}

/// `None` where the other one reads it otherwise by its nature: it stops at a block that is marked as the last.
fn other_reading(data: &[u8]) -> Option<Vec<u8>> {
    let mut state = InflateState::new_boxed(DataFormat::Raw);
    let mut out = vec![0; LIMIT + 1];
    let mut written = 0;
    for piece in [data, &TAIL] {
        let read = other_inflate(&mut state, piece, &mut out[written..], MZFlush::Partial);
        written += read.bytes_written;
        let is_all = read.bytes_consumed == piece.len() && read.status == Ok(MZStatus::Ok);
        if !is_all || written > LIMIT {
            return None;
        }
    }
    out.truncate(written);
    Some(out)
}

fn check_server(message: &[u8], window: u8, level: u8) {
    let frame = write_compressed(message, window, level);
    let (header, length) = match frame[1] {
        126 => (4, usize::from(u16::from_be_bytes([frame[2], frame[3]]))),
        127 => panic!("inputs are shorter"),
        short => (2, usize::from(short)),
    };
    assert_eq!(frame.len(), header + length, "one frame");
    let data = &frame[header..];
    if frame[0] == 0xc2 {
        assert!(data.len() < message.len());
        assert_eq!(inflate(&[data], message.len(), None), Some(vec![message.to_vec()]));
    } else {
        assert_eq!((frame[0], data), (0x82, message));
    }
}

fn check_offer(offer: &[u8]) {
    let Ok(offer) = HeaderValue::from_bytes(offer) else { return };
    let headers = HeaderMap::from_iter([(http::header::SEC_WEBSOCKET_EXTENSIONS, offer)]);
    let own = Deflate::new().client_no_context_takeover(false).client_max_window_bits(12);
    let Some(answer) = agree(&headers, &own) else { return };
    assert!(answer.starts_with("permessage-deflate; server_no_context_takeover"));
    let keeps = !answer.contains("client_no_context_takeover");
    assert_eq!(keeps, answer.contains("client_max_window_bits") && keeps, "kept windows are bounded");
    // What we answer is an offer we would take.
    let answered = HeaderMap::from_iter([(
        http::header::SEC_WEBSOCKET_EXTENSIONS,
        HeaderValue::from_str(&answer).expect("ASCII"),
    )]);
    assert_eq!(agree(&answered, &own), Some(answer));
}
