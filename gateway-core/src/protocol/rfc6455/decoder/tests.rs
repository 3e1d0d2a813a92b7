use proptest::prelude::*;
use tokio_tungstenite::tungstenite::error::{Error, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Message, WebSocket};

use super::*;

const LIMIT: usize = 1000;

/// A client's frame, masked; `first` is its first byte.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [0x11, 0x22, 0x33, 0x44];
    let mut bytes = vec![first];
    match payload.len() {
        len @ 0..=125 => bytes.push(0x80 | u8::try_from(len).unwrap()),
        len => {
            bytes.push(0xfe);
            bytes.extend_from_slice(&u16::try_from(len).unwrap().to_be_bytes());
        }
    }
    bytes.extend_from_slice(&mask);
    bytes.extend(payload.iter().enumerate().map(|(index, byte)| byte ^ mask[index % 4]));
    bytes
}

/// Decodes `bytes`, fed in pieces of the given sizes.
fn decode(bytes: &[u8], pieces: &[usize]) -> (Vec<String>, Option<u16>) {
    decode_by(FrameDecoder::new(LIMIT), bytes, pieces)
}

fn decode_by(mut decoder: FrameDecoder, bytes: &[u8], pieces: &[usize]) -> (Vec<String>, Option<u16>) {
    let mut messages = Vec::new();
    let mut rest = bytes.to_vec();
    let mut sizes = pieces.iter().copied().chain(std::iter::repeat(usize::MAX));
    while !rest.is_empty() {
        let mut piece: Vec<u8> = rest.drain(..rest.len().min(sizes.next().unwrap().max(1))).collect();
        let fed = decoder.feed(&mut piece, &mut |received| {
            messages.push(format!("{received:?}"));
            Flow::Continue
        });
        match fed {
            Ok(read) => assert_eq!(read, piece.len()),
            Err(disconnect) => return (messages, Some(disconnect.code.as_u16())),
        }
    }
    (messages, None)
}

fn check(frames: &[Vec<u8>], messages: &[&str], code: Option<u16>) {
    let bytes = frames.concat();
    for pieces in [vec![], vec![1; bytes.len()], vec![7; bytes.len()]] {
        let (found, found_code) = decode(&bytes, &pieces);
        assert_eq!(
            (found.iter().map(String::as_str).collect::<Vec<_>>(), found_code),
            (messages.to_vec(), code),
            "{bytes:02x?}"
        );
    }
}

#[test]
fn messages_are_whole_however_they_were_split() {
    check(&[frame(0x81, b"hi"), frame(0x82, &[1])], &["Text(\"hi\")", "Binary([1])"], None);
    check(&[frame(0x01, b"a"), frame(0x89, b"p"), frame(0x80, b"b")], &["Ping([112])", "Text(\"ab\")"], None);
    check(&[frame(0x01, &[0xc3]), frame(0x80, &[0xa4])], &["Text(\"ä\")"], None);
    check(&[frame(0x81, b""), frame(0x01, b""), frame(0x80, b"")], &["Text(\"\")", "Text(\"\")"], None);
    check(
        &[frame(0x88, &[3, 232]), frame(0x81, b"late")],
        &["Close(Some(Disconnect { code: CloseCode(1000), reason: \"\" }))"],
        None,
    );
    check(&[frame(0x81, &[b'x'; 1000])], &[&format!("Text({:?})", "x".repeat(1000))], None);
}

#[test]
fn each_violation_has_its_code() {
    check(&[vec![0x81, 0x02, b'h', b'i']], &[], Some(1002));
    check(&[frame(0xc1, b"rsv")], &[], Some(1002));
    check(&[frame(0x83, b"opcode")], &[], Some(1002));
    check(&[frame(0x89, &[0; 126])], &[], Some(1002));
    check(&[frame(0x09, b"fragmented")], &[], Some(1002));
    check(&[frame(0x80, b"lone")], &[], Some(1002));
    check(&[frame(0x01, b"a"), frame(0x81, b"b")], &[], Some(1002));
    check(&[frame(0x88, &[3])], &[], Some(1002));
    check(&[frame(0x88, &[3, 237])], &[], Some(1002));
    check(&[frame(0x88, &[3, 232, 0xff])], &[], Some(1007));
    check(&[frame(0x81, &[0xff])], &[], Some(1007));
    check(&[frame(0x81, &[0xc3])], &[], Some(1007));
    check(&[frame(0x81, &[b'x'; 1001])], &[], Some(1009));
    check(&[frame(0x01, &[b'x'; 600]), frame(0x80, &[b'x'; 600])], &[], Some(1009));
    check(
        &vec![frame(0x00, b""); 2000]
            .into_iter()
            .enumerate()
            .map(|(index, next)| if index == 0 { frame(0x01, b"") } else { next })
            .collect::<Vec<_>>(),
        &[],
        Some(1008),
    );
}

#[test]
fn bad_text_fails_before_its_message_ends() {
    let (messages, code) = decode(&frame(0x01, &[b'a', 0xff]), &[]);
    assert_eq!((messages.len(), code), (0, Some(1007)));
    let unfinished = &frame(0x81, &[0xf4, 0x90, b'a', b'a'])[..8];
    assert_eq!(decode(unfinished, &[]).1, Some(1007));
}

#[test]
fn a_pause_leaves_the_rest_to_the_caller() {
    let mut bytes = [frame(0x81, b"a"), frame(0x81, b"b")].concat();
    let mut decoder = FrameDecoder::new(LIMIT);
    let read = decoder.feed(&mut bytes, &mut |_| Flow::Pause).unwrap();
    assert_eq!(read, bytes.len() / 2);
}

/// Decodes the same bytes with tungstenite; returns the messages, and `true` after a failure.
fn oracle(bytes: &[u8]) -> (Vec<String>, bool) {
    let config = WebSocketConfig::default().max_message_size(Some(LIMIT)).max_frame_size(Some(LIMIT));
    let stream = std::io::Cursor::new(Vec::new());
    let mut socket = WebSocket::from_partially_read(stream, bytes.to_vec(), Role::Server, Some(config));
    let mut messages = Vec::new();
    loop {
        match socket.read() {
            Ok(Message::Text(text)) => messages.push(format!("{:?}", ReceivedMessage::Text(&text))),
            Ok(Message::Binary(bytes)) => messages.push(format!("{:?}", ReceivedMessage::Binary(&bytes))),
            Ok(Message::Ping(bytes)) => messages.push(format!("{:?}", ReceivedMessage::Ping(&bytes))),
            Ok(Message::Pong(_)) => messages.push("Pong".to_owned()),
            Ok(_) | Err(Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) | Error::ConnectionClosed) => {
                return (messages, false);
            }
            Err(_) => return (messages, true),
        }
    }
}

fn arbitrary_frame() -> impl Strategy<Value = Vec<u8>> {
    let first = prop_oneof![
        8 => prop::sample::select(vec![0x81_u8, 0x82, 0x01, 0x02, 0x00, 0x80, 0x89, 0x8a]),
        1 => any::<u8>().prop_filter("closing is checked by itself", |first| first & 0x0f != 8),
    ];
    let payload = prop_oneof![
        6 => "[a-zä€😀]{0,60}".prop_map(String::into_bytes),
        1 => proptest::collection::vec(any::<u8>(), 0..40),
        1 => "[a-z]{100,600}".prop_map(String::into_bytes),
    ];
    (first, payload).prop_map(|(first, payload)| frame(first, &payload))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn it_reads_what_tungstenite_reads(frames in proptest::collection::vec(arbitrary_frame(), 1..8), pieces in proptest::collection::vec(1_usize..40, 0..60)) {
        let bytes = frames.concat();
        let (messages, code) = decode(&bytes, &pieces);
        let (expected, failed) = oracle(&bytes);
        prop_assert_eq!(code.is_some(), failed, "{:?}", code);
        prop_assert_eq!(messages, expected);
    }

    #[test]
    fn the_split_does_not_matter(bytes in proptest::collection::vec(any::<u8>(), 0..200), pieces in proptest::collection::vec(1_usize..20, 0..60)) {
        let (whole, split) = (decode(&bytes, &[]), decode(&bytes, &pieces));
        prop_assert_eq!(&whole.1, &split.1);
        prop_assert_eq!(whole, split);
    }
}

/// RFC 7692 §7.2.3.1, and the same in two pieces.
#[cfg(feature = "deflate")]
mod compressed {
    use super::*;
    use crate::protocol::{Inflater, Takeover};

    const HELLO: [u8; 7] = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];

    fn check(frames: &[Vec<u8>], messages: &[&str], code: Option<u16>) {
        let bytes = frames.concat();
        for piece in [1, 2, 5, usize::MAX] {
            let decoder = FrameDecoder::new(LIMIT).with_inflater(Inflater::new(Takeover::Never));
            let (found, found_code) = decode_by(decoder, &bytes, &vec![piece; bytes.len()]);
            assert_eq!(
                (found.iter().map(String::as_str).collect::<Vec<_>>(), found_code),
                (messages.to_vec(), code),
                "{bytes:02x?} by {piece}"
            );
        }
    }

    #[test]
    fn messages_are_inflated_however_they_were_split() {
        check(&[frame(0xc1, &HELLO), frame(0x81, b"plain")], &["Text(\"Hello\")", "Text(\"plain\")"], None);
        let ping = frame(0x89, b"?");
        let fragments = [frame(0x42, &HELLO[..3]), ping, frame(0x00, &[]), frame(0x80, &HELLO[3..])];
        check(&fragments, &["Ping([63])", "Binary([72, 101, 108, 108, 111])"], None);
    }

    #[test]
    fn the_bit_elsewhere_and_other_bits_are_violations() {
        check(&[frame(0x41, &HELLO[..3]), frame(0xc0, &HELLO[3..])], &[], Some(1002));
        for first in [0xc0, 0xc8, 0xc9, 0xca, 0xa1, 0x91, 0xe1, 0xd2] {
            check(&[frame(first, &HELLO)], &[], Some(1002));
        }
    }

    #[test]
    fn the_limit_is_of_the_inflated_message_and_text_is_utf_8() {
        // "a" a thousand times, and once more.
        let thousand = [0x4a, 0x4c, 0x1c, 0x05, 0xa3, 0x60, 0x14, 0x0c, 0x77, 0x00, 0x00];
        check(&[frame(0xc2, &thousand)], &[&format!("Binary({:?})", vec![b'a'; LIMIT])], None);
        let one_more = [&thousand[..], &[0x00, 0x00, 0xff, 0xff, 0x4a, 0x04, 0x00]].concat();
        check(&[frame(0xc2, &one_more)], &[], Some(1009));
        check(&[frame(0xc1, &[0x00, 0x01, 0x00, 0xfe, 0xff, 0xff, 0x00])], &[], Some(1007));
        check(&[frame(0xc1, b"no such data")], &[], Some(1007));
    }
}
