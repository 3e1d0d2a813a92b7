use proptest::prelude::*;

use super::*;

/// Messages as a test compares them.
fn owned(received: ReceivedMessage<'_>) -> String {
    match received {
        ReceivedMessage::Text(text) => format!("text {text}"),
        ReceivedMessage::Binary(bytes) => format!("binary {bytes:02x?}"),
        ReceivedMessage::Ping(payload) => format!("ping {}", String::from_utf8_lossy(payload)),
        ReceivedMessage::Pong => "sign".into(),
        ReceivedMessage::Close(close) => format!("close {close:?}"),
    }
}

const LIMITS: MsgpackLimits = MsgpackLimits { depth: 8, attachments: 8 };

fn read(framing: Framing, pieces: &[&[u8]]) -> (Vec<String>, Result<(), Disconnect>) {
    let mut decoder = LineDecoder::new(framing, 32);
    let mut all = Vec::new();
    let mut deliver = |received: ReceivedMessage<'_>| {
        all.push(owned(received));
        Flow::Continue
    };
    for piece in pieces {
        match decoder.feed(piece, &mut deliver) {
            Ok(taken) => assert_eq!(taken, piece.len()),
            Err(close) => return (all, Err(close)),
        }
    }
    let end = decoder.finish(&mut deliver);
    (all, end)
}

fn check(framing: Framing, bytes: &[u8], expected: &[&str]) {
    let (whole, end) = read(framing, &[bytes]);
    assert_eq!((whole, end), (expected.iter().map(ToString::to_string).collect(), Ok(())));
    let single: Vec<_> = bytes.chunks(1).collect();
    assert_eq!(read(framing, &single).0, expected, "byte for byte");
}

#[test]
fn lines_end_with_either_line_break_and_the_last_needs_none() {
    check(
        Framing::Lines,
        b"{\"a\":1}\n{\"b\":2}\r\n{\"c\":3}",
        &["text {\"a\":1}", "text {\"b\":2}", "text {\"c\":3}"],
    );
    check(Framing::Lines, b"\n\r\n \t\n", &["sign", "sign", "sign"]);
    check(Framing::Lines, b"{\"ping\":1}\r\n{\"close\":{}}\n", &["ping 1", "close None"]);
    check(Framing::Lines, b"\xff\n{}\n", &["binary [ff]", "text {}"]);
    check(Framing::Lines, b"a\rb\n", &["text a\rb"]);
}

#[test]
fn messages_of_messagepack_stand_behind_their_length() {
    let bytes = b"\0\0\0\x01\x80\0\0\0\0\0\0\0\x07\x81\xa4ping\x05\0\0\0\x08\x81\xa5close\x80";
    check(Framing::Packed(LIMITS), bytes, &["binary [80]", "sign", "ping 5", "close None"]);
}

#[test]
fn a_message_may_have_as_many_bytes_as_the_limit() {
    let line = |len: usize| [&b"x".repeat(len)[..], b"\r\n"].concat();
    assert_eq!(read(Framing::Lines, &[&line(32)]).0.len(), 1);
    let single = line(32);
    assert_eq!(read(Framing::Lines, &single.chunks(1).collect::<Vec<_>>()).0.len(), 1);
    let too_big = |framing, bytes: &[u8]| {
        let (all, end) = read(framing, &bytes.chunks(7).collect::<Vec<_>>());
        assert_eq!((all.len(), end.unwrap_err().code), (0, CloseCode::TOO_BIG));
        let (all, end) = read(framing, &[bytes]);
        assert_eq!((all.len(), end.unwrap_err().code), (0, CloseCode::TOO_BIG));
    };
    too_big(Framing::Lines, &line(33));
    too_big(Framing::Lines, &b"x".repeat(34));
    too_big(Framing::Packed(LIMITS), b"\0\0\0\x21");
    assert_eq!(read(Framing::Packed(LIMITS), &[&[&b"\0\0\0\x20"[..], &[0xc0; 32]].concat()]).0.len(), 1);
}

#[test]
fn a_message_that_is_cut_off_is_no_message() {
    let (all, end) = read(Framing::Packed(LIMITS), &[b"\0\0\0\x02\x80"]);
    assert_eq!((all.len(), end.unwrap_err().code), (0, CloseCode::PROTOCOL_ERROR));
}

#[test]
fn a_pause_leaves_the_rest_to_the_caller() {
    let check = |framing, bytes: &[u8], first: usize| {
        let mut decoder = LineDecoder::new(framing, 32);
        let mut count = 0;
        let taken = decoder.feed(bytes, &mut |_| {
            count += 1;
            Flow::Pause
        });
        assert_eq!((taken, count, decoder.assembling()), (Ok(first), 1, None));
    };
    check(Framing::Lines, b"1\n2\n3\n", 2);
    check(Framing::Packed(LIMITS), b"\0\0\0\x01a\0\0\0\x01b", 5);
}

#[test]
fn each_message_that_does_not_come_whole_has_a_number() {
    let mut decoder = LineDecoder::new(Framing::Lines, 32);
    let mut deliver = |_: ReceivedMessage<'_>| Flow::Continue;
    let mut after = |bytes: &[u8]| {
        decoder.feed(bytes, &mut deliver).unwrap();
        decoder.assembling()
    };
    assert_eq!([after(b"a"), after(b"b"), after(b"\nc"), after(b"\n")], [Some(1), Some(1), Some(2), None]);
}

#[test]
fn a_line_feed_is_found_at_every_place() {
    for len in 0..200 {
        let mut bytes = vec![b'x'; len];
        assert_eq!(line_feed(&bytes), None);
        bytes.extend_from_slice(b"\nx\n");
        assert_eq!(line_feed(&bytes), Some(len));
    }
}

proptest! {
    #[test]
    fn pieces_do_not_matter(bytes in proptest::collection::vec(prop_oneof![Just(b'\n'), Just(0), Just(1), any::<u8>()], 0..200), cuts in proptest::collection::vec(1..20usize, 1..40)) {
        for framing in [Framing::Lines, Framing::Packed(LIMITS)] {
            let mut pieces = Vec::new();
            let mut rest = &bytes[..];
            for cut in cuts.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (piece, behind) = rest.split_at(rest.len().min(*cut));
                pieces.push(piece);
                rest = behind;
            }
            prop_assert_eq!(read(framing, &pieces), read(framing, &[&bytes]));
        }
    }
}
