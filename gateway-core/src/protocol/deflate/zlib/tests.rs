use proptest::prelude::*;

use super::*;
use crate::protocol::deflate::{LARGEST_WINDOW, SMALLEST_WINDOW, deflated, longest_deflated};
use crate::protocol::{Encoded, OpCode};

const LIMIT: usize = 1000;

fn inflate(inflater: &mut Inflater, compressed: &[u8]) -> Result<Vec<u8>, u16> {
    inflater.inflate(compressed, LIMIT).map_err(|disconnect| disconnect.code.as_u16())
}

/// A compressor of a client with this window, which it keeps between messages.
fn client(bits: u8) -> impl FnMut(&[u8]) -> Vec<u8> {
    let mut compress = Compress::new_with_window_bits(Compression::best(), false, bits);
    move |message| {
        if message.is_empty() {
            // §7.2.3.6: zlib has nothing to flush.
            return vec![0x00];
        }
        let mut out = Vec::with_capacity(message.len() * 2 + 1024);
        compress.compress_vec(message, &mut out, FlushCompress::Sync).unwrap();
        assert!(out.ends_with(&TAIL));
        out.truncate(out.len() - TAIL.len());
        out
    }
}

/// RFC 7692 §7.2.3.
#[test]
fn the_examples_of_the_rfc_are_read() {
    let check = |inflater: &mut Inflater, compressed: &[u8]| {
        assert_eq!(inflate(inflater, compressed), Ok(b"Hello".to_vec()), "{compressed:02x?}");
    };
    let alone = &mut Inflater::new(Takeover::Never);
    let compressed = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
    check(alone, &compressed);
    check(alone, &[0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00]);
    check(alone, &[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00]);
    check(alone, &[0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00]);
    assert_eq!(inflate(alone, &[0xf2, 0x00, 0x11, 0x00, 0x00]), Err(1007));
    let keeping = &mut Inflater::new(Takeover::Kept(15));
    check(keeping, &compressed);
    check(keeping, &[0xf2, 0x00, 0x11, 0x00, 0x00]);
    assert_eq!(inflate(keeping, &[0x00]), Ok(Vec::new()));
}

#[test]
fn what_is_not_compressed_data_is_invalid() {
    let alone = &mut Inflater::new(Takeover::Never);
    for wrong in [&[0x07][..], &[0xff; 10], &[0x00, 0x05, 0x00, 0xfa, 0xfe, 0x48], b"Hello"] {
        assert_eq!(inflate(alone, wrong), Err(1007), "{wrong:02x?}");
    }
    let ends = |count| [[0x03, 0x00].repeat(count), vec![0x00]].concat();
    assert_eq!(inflate(alone, &ends(MOST_ENDS)), Ok(Vec::new()));
    assert_eq!(inflate(alone, &ends(MOST_ENDS + 1)), Err(1007));
}

/// As Tornado's clients, which do not see the parameter.
#[test]
fn a_client_that_keeps_its_window_unasked_is_understood_from_its_first_reference_on() {
    for unlike in 0..PROBATION - 1 {
        let mut client = client(15);
        let mut inflater = Inflater::new(Takeover::Declined(15));
        for number in 0..=unlike {
            let message = [number; 2];
            assert_eq!(inflate(&mut inflater, &client(&message)), Ok(message.to_vec()));
        }
        for number in 0..40 {
            let message = format!(r#"{{"event":"position","data":{{"x":{number},"y":0}}}}"#).into_bytes();
            assert_eq!(inflate(&mut inflater, &client(&message)), Ok(message), "{unlike} {number}");
        }
        // Broken data are as broken as ever.
        assert_eq!(inflate(&mut inflater, &[0xff; 10]), Err(1007));
    }
}

#[test]
fn a_client_that_keeps_no_window_as_it_was_asked_costs_none() {
    let mut inflater = Inflater::new(Takeover::Declined(15));
    let message = br#"{"event":"position","data":{"x":1,"y":0}}"#;
    for number in 0..=PROBATION {
        let held = usize::from(number) * message.len();
        assert!(inflater.seen.capacity() <= held, "{} bytes after {number}", inflater.seen.capacity());
        assert_eq!(inflate(&mut inflater, &client(15)(message)), Ok(message.to_vec()));
    }
    assert_eq!(inflater.seen.capacity(), 0);
    // It is believed from now on.
    let mut client = client(15);
    assert_eq!(inflate(&mut inflater, &client(message)), Ok(message.to_vec()));
    assert_eq!(inflate(&mut inflater, &client(message)), Err(1007));
}

#[test]
fn a_bomb_costs_no_more_than_the_limit() {
    const LIMIT: usize = 1024 * 1024;
    let bomb = client(15)(&vec![0; 16 * LIMIT]);
    assert!(bomb.len() < 20_000, "{} bytes", bomb.len());
    for takeover in [Takeover::Never, Takeover::Declined(15), Takeover::Kept(15)] {
        let mut inflater = Inflater::new(takeover);
        let mut out = Vec::new();
        let found = run(&mut Decompress::new(false), &bomb, LIMIT, &mut out).map_err(|disconnect| disconnect.code);
        assert_eq!(found, Err(CloseCode::TOO_BIG));
        assert_eq!((out.len(), out.capacity()), (LIMIT + 1, LIMIT + 1));
        assert_eq!(inflater.inflate(&bomb, LIMIT).map_err(|disconnect| disconnect.code), Err(CloseCode::TOO_BIG));
        assert!(inflater.seen.is_empty());
        let exact = client(15)(&vec![0; LIMIT]);
        assert_eq!(inflater.inflate(&exact, LIMIT).unwrap().len(), LIMIT);
        assert!(inflater.seen.capacity() <= 32 * 1024, "what a connection holds");
    }
}

#[test]
fn frames_are_compressed_one_by_one_where_it_helps() {
    let how = Deflating { window: 15, level: 6, threshold: 20 };
    let (long, short, noise) = ("a".repeat(200), "a".repeat(19), (0..=255).collect::<Vec<u8>>());
    let frame = |opcode, payload: &[u8]| Encoded::frame(opcode, payload);
    let plain = |frame: &Encoded| assert!(frame.deflated(how).is_none(), "{frame:?}");
    plain(&frame(OpCode::Text, short.as_bytes()));
    plain(&frame(OpCode::Binary, &noise));
    plain(&frame(OpCode::Pong, &long.as_bytes()[..100]));
    let several = [
        frame(OpCode::Text, short.as_bytes()),
        frame(OpCode::Text, long.as_bytes()),
        frame(OpCode::Binary, &noise),
        frame(OpCode::Binary, long.as_bytes()),
    ];
    let all: Vec<u8> = several.iter().flat_map(|frame| frame.as_slice().to_vec()).collect();
    let out = deflated(&all, how).unwrap();
    let (first, rest) = out.split_at(several[0].len());
    assert_eq!(first, several[0].as_slice());
    let check = |bytes: &[u8], opcode: u8| {
        assert_eq!(bytes[0], opcode);
        let compressed = &bytes[2..2 + usize::from(bytes[1])];
        assert_eq!(inflate(&mut Inflater::new(Takeover::Never), compressed), Ok(long.clone().into_bytes()));
        2 + compressed.len()
    };
    let read = check(rest, 0xc1);
    let (third, last) = rest[read..].split_at(several[2].len());
    assert_eq!(third, several[2].as_slice());
    assert_eq!(check(last, 0xc2), last.len());
    // What is compressed already stays as it is.
    assert!(deflated(&out, how).is_none());
}

/// Texts that repeat themselves and each other, and noise.
fn message() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..LIMIT),
        ("[a-c]{1,5}", 0..LIMIT).prop_map(|(word, len)| word.bytes().cycle().take(len).collect()),
    ]
}

proptest! {
    #[test]
    fn what_is_compressed_is_read_back(
        messages in proptest::collection::vec(message(), 1..5),
        window in SMALLEST_WINDOW..=LARGEST_WINDOW,
        level in 1..=9_u8,
    ) {
        let how = Deflating { window, level, threshold: 0 };
        for message in messages {
            let mut out = vec![7];
            if deflate(&message, how, &mut out) {
                prop_assert!(out.len() <= message.len());
                // It keeps to its window: a reader with no larger one can read it.
                let mut read = Vec::with_capacity(LIMIT + 1);
                let mut narrow = Decompress::new_with_window_bits(false, window);
                run(&mut narrow, &out[1..], LIMIT, &mut read).unwrap();
                prop_assert_eq!(&read, &message);
                prop_assert_eq!(inflate(&mut Inflater::new(Takeover::Never), &out[1..]), Ok(message));
            } else {
                prop_assert_eq!(out, vec![7]);
            }
        }
    }

    #[test]
    fn a_client_that_keeps_its_window_is_understood(
        messages in proptest::collection::vec(message(), 1..20),
        window in SMALLEST_WINDOW..=LARGEST_WINDOW,
    ) {
        let mut client = client(window);
        let mut inflater = Inflater::new(Takeover::Kept(window));
        let mut unasked = Inflater::new(Takeover::Declined(window));
        for (number, message) in messages.into_iter().enumerate() {
            let compressed = client(&message);
            prop_assert!(compressed.len() <= longest_deflated(message.len()));
            let inflated = inflate(&mut inflater, &compressed);
            prop_assert_eq!(inflated.as_ref(), Ok(&message));
            give_back(inflated.unwrap());
            prop_assert!(inflater.seen.capacity() <= 1 << window);
            let inflated = inflate(&mut unasked, &compressed);
            match inflated {
                Ok(inflated) => prop_assert_eq!(&inflated, &message),
                Err(code) => {
                    // It had long been believed to keep none.
                    prop_assert_eq!((code, number > usize::from(PROBATION)), (1007, true));
                    unasked = Inflater::new(Takeover::Kept(window));
                    unasked.seen.clone_from(&inflater.seen);
                }
            }
        }
    }
}
