//! Section 6: texts are UTF-8 (RFC 6455 §8.1, RFC 3629), and fail at the first byte that cannot be.

use gateway_tests::Frame;

use crate::case::{Case, Pace, pong, section, text};

/// A word of two and three bytes a character.
const GREEK: &str = "κ\u{1f79}σμε";
const MIXED: &str = "Hello-µ@ßöäüàá-UTF-8!!";
/// Above U+10FFFF: wrong at its second byte.
const TOO_HIGH: &[u8] = b"\xf4\x90\x80\x80";

#[tokio::test]
async fn section_6_utf8() {
    let mut cases = empty_fragments();
    cases.extend(split_characters());
    cases.extend(failing_fast());
    for (group, sequences) in (5..).zip(sequences()) {
        for (number, (bytes, is_valid)) in (1..).zip(sequences) {
            let case = Case::new(format!("6.{group}.{number}")).sends(Pace::AtOnce, [Frame::text(bytes.clone())]);
            cases.push(verdict(case, &bytes, is_valid));
        }
    }
    section(cases, 145).await;
}

/// Sequences of the case above, split wherever they can be, have the same verdict.
#[tokio::test]
async fn section_6_utf8_byte_by_byte() {
    let mut cases = Vec::new();
    for (group, sequences) in (5..).zip(sequences()) {
        for (number, (bytes, is_valid)) in (1..).zip(sequences) {
            let name = |how| Case::new(format!("6.{group}.{number}, {how}"));
            let chopped = name("chopped").sends(Pace::Chops(1), [Frame::text(bytes.clone())]);
            cases.push(verdict(chopped, &bytes, is_valid));
            let in_fragments = name("in fragments").sends(Pace::AtOnce, fragments(bytes.chunks(1)));
            cases.push(verdict(in_fragments, &bytes, is_valid));
        }
    }
    section(cases, 2 * 132).await;
}

fn verdict(case: Case, bytes: &[u8], is_valid: bool) -> Case {
    if is_valid { case.hears([text(str::from_utf8(bytes).expect("it is said to be"))]) } else { case.fails(1007) }
}

/// A text message in these pieces.
fn fragments<'a>(pieces: impl ExactSizeIterator<Item = &'a [u8]>) -> Vec<Frame> {
    let count = pieces.len();
    let frame = |(index, piece): (usize, &[u8])| {
        let frame = Frame::new(if index == 0 { Frame::TEXT } else { Frame::CONTINUATION }, piece);
        if index + 1 == count { frame } else { frame.not_last() }
    };
    pieces.enumerate().map(frame).collect()
}

fn in_pieces(name: &str, pieces: &[&[u8]]) -> Case {
    Case::new(name).sends(Pace::AtOnce, fragments(pieces.iter().copied()))
}

fn empty_fragments() -> Vec<Case> {
    let middle = "middle frame payload";
    vec![
        Case::new("6.1.1").sends(Pace::AtOnce, [Frame::text("")]).hears([text("")]),
        in_pieces("6.1.2", &[b"", b"", b""]).hears([text("")]),
        in_pieces("6.1.3", &[b"", middle.as_bytes(), b""]).hears([text(middle)]),
    ]
}

fn split_characters() -> Vec<Case> {
    let bytes = |text: &'static str| text.as_bytes().chunks(1);
    let (left, right) = MIXED.split_at("Hello-µ@ßöä".len());
    let invalid = [GREEK.as_bytes(), b"\xed\xa0\x80edited"].concat();
    vec![
        Case::new("6.2.1").sends(Pace::AtOnce, [Frame::text(MIXED)]).hears([text(MIXED)]),
        in_pieces("6.2.2", &[left.as_bytes(), right.as_bytes()]).hears([text(MIXED)]),
        Case::new("6.2.3").sends(Pace::AtOnce, fragments(bytes(MIXED))).hears([text(MIXED)]),
        Case::new("6.2.4").sends(Pace::AtOnce, fragments(bytes(GREEK))).hears([text(GREEK)]),
        Case::new("6.3.1").sends(Pace::AtOnce, [Frame::text(invalid.clone())]).fails(1007),
        Case::new("6.3.2").sends(Pace::AtOnce, fragments(invalid.chunks(1))).fails(1007),
    ]
}

/// The rest of the message is never sent: the verdict comes with the byte that makes it sure.
fn failing_fast() -> Vec<Case> {
    let all = [GREEK.as_bytes(), TOO_HIGH, b"edited"].concat();
    let sure = GREEK.len() + 1;
    let in_frames = |name: &str, first: &[u8], second: &[u8]| {
        let more = |payload: &[u8]| Frame::new(Frame::CONTINUATION, payload).not_last();
        Case::new(name)
            .sends(Pace::AtOnce, [Frame::text(first).not_last(), Frame::new(Frame::PING, "still there?")])
            .hears([pong("still there?")])
            .sends(Pace::AtOnce, [more(second)])
            .fails(1007)
    };
    let in_chops = |name: &str, first: &[u8], second: &[u8]| {
        let size = all.len() as u64;
        let front = Frame::text([first, second].concat()).declaring(size);
        Case::new(name).sends(Pace::Chops(6 + first.len()), [front]).fails(1007)
    };
    vec![
        in_frames("6.4.1", GREEK.as_bytes(), TOO_HIGH),
        in_frames("6.4.2", &all[..sure], &all[sure..=sure]),
        in_chops("6.4.3", GREEK.as_bytes(), TOO_HIGH),
        in_chops("6.4.4", &all[..sure], &all[sure..=sure]),
    ]
}

type Sequences = Vec<(Vec<u8>, bool)>;

fn valid<const N: usize>(sequences: [&[u8]; N]) -> Sequences {
    sequences.into_iter().map(|bytes| (bytes.to_vec(), true)).collect()
}

fn invalid<const N: usize>(sequences: [&[u8]; N]) -> Sequences {
    sequences.into_iter().map(|bytes| (bytes.to_vec(), false)).collect()
}

/// Groups 6.5 to 6.23, after Markus Kuhn's collection for decoders.
fn sequences() -> Vec<Sequences> {
    let last_missing: [&[u8]; 10] = [
        b"\xc0",
        b"\xe0\x80",
        b"\xf0\x80\x80",
        b"\xf8\x80\x80\x80",
        b"\xfc\x80\x80\x80\x80",
        b"\xdf",
        b"\xef\xbf",
        b"\xf7\xbf\xbf",
        b"\xfb\xbf\xbf\xbf",
        b"\xfd\xbf\xbf\xbf\xbf",
    ];
    vec![
        // 5: characters of one to four bytes.
        valid([
            b"hello\x24world",
            b"hello\xc2\xa2world",
            b"hello\xe2\x82\xacworld",
            b"hello\xf0\xa4\xad\xa2world",
            GREEK.as_bytes(),
        ]),
        // 6: every beginning of a text.
        (1..=GREEK.len()).map(|length| (GREEK.as_bytes()[..length].to_vec(), GREEK.is_char_boundary(length))).collect(),
        // 7, 8: the first sequence of each length; 9, 10: the last.
        valid([b"\x00", b"\xc2\x80", b"\xe0\xa0\x80", b"\xf0\x90\x80\x80"]),
        invalid([b"\xf8\x88\x80\x80\x80", b"\xfc\x84\x80\x80\x80\x80"]),
        valid([b"\x7f", b"\xdf\xbf", b"\xef\xbf\xbf", b"\xf4\x8f\xbf\xbf"]),
        invalid([b"\xf7\xbf\xbf\xbf", b"\xfb\xbf\xbf\xbf\xbf", b"\xfd\xbf\xbf\xbf\xbf\xbf"]),
        // 11: around the surrogates, and the end.
        [
            valid([b"\xed\x9f\xbf", b"\xee\x80\x80", b"\xef\xbf\xbd", b"\xf4\x8f\xbf\xbf"]),
            invalid([b"\xf4\x90\x80\x80"]),
        ]
        .concat(),
        continuations(),
        lonely_starts(),
        invalid(last_missing),
        // 15: all of these behind each other.
        invalid([&last_missing.concat()]),
        // 16: bytes that never are.
        invalid([b"\xfe", b"\xff", b"\xfe\xfe\xff\xff"]),
        // 17 to 19: longer than needed.
        invalid([
            b"\xc0\xaf",
            b"\xe0\x80\xaf",
            b"\xf0\x80\x80\xaf",
            b"\xf8\x80\x80\x80\xaf",
            b"\xfc\x80\x80\x80\x80\xaf",
        ]),
        invalid([
            b"\xc1\xbf",
            b"\xe0\x9f\xbf",
            b"\xf0\x8f\xbf\xbf",
            b"\xf8\x87\xbf\xbf\xbf",
            b"\xfc\x83\xbf\xbf\xbf\xbf",
        ]),
        invalid([
            b"\xc0\x80",
            b"\xe0\x80\x80",
            b"\xf0\x80\x80\x80",
            b"\xf8\x80\x80\x80\x80",
            b"\xfc\x80\x80\x80\x80\x80",
        ]),
        surrogates(),
        surrogate_pairs(),
        non_characters(),
        // 23: specials.
        (0xb9..=0xbf).map(|byte| (vec![0xef, 0xbf, byte], true)).collect(),
    ]
}

/// 12: continuation bytes without a start, one to six of them, and all.
fn continuations() -> Sequences {
    let alternating: Vec<u8> = [0x80, 0xbf].repeat(3);
    let some = (1..=6).map(|length| alternating[..length].to_vec());
    [vec![0x80], vec![0xbf]]
        .into_iter()
        .chain(some.skip(1))
        .chain([(0x80..0xbf).collect()])
        .map(|bytes| (bytes, false))
        .collect()
}

/// 13: start bytes, each with a space behind it.
fn lonely_starts() -> Sequences {
    let ranges = [0xc0..0xdf, 0xe0..0xef, 0xf0..0xf7, 0xf8..0xfb, 0xfc..0xfd_u8];
    ranges.into_iter().map(|range| (range.flat_map(|start| [start, b' ']).collect(), false)).collect()
}

const HIGH: [[u8; 3]; 4] = [[0xed, 0xa0, 0x80], [0xed, 0xad, 0xbf], [0xed, 0xae, 0x80], [0xed, 0xaf, 0xbf]];
const LOW: [[u8; 3]; 3] = [[0xed, 0xb0, 0x80], [0xed, 0xbe, 0x80], [0xed, 0xbf, 0xbf]];

/// 20: the halves of UTF-16.
fn surrogates() -> Sequences {
    HIGH.into_iter().chain(LOW).map(|bytes| (bytes.to_vec(), false)).collect()
}

/// 21: pairs of them.
fn surrogate_pairs() -> Sequences {
    let pairs = HIGH.into_iter().flat_map(|high| [LOW[0], LOW[2]].map(|low| [high, low].concat()));
    pairs.map(|bytes| (bytes, false)).collect()
}

/// 22: the last two of each plane; not characters, but UTF-8.
fn non_characters() -> Sequences {
    let points = (0x0..=0x10_u32).flat_map(|plane| [plane << 16 | 0xfffe, plane << 16 | 0xffff]);
    points.filter_map(char::from_u32).map(|character| (character.to_string().into_bytes(), true)).collect()
}
