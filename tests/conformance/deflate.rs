//! Sections 12 (compression of different data) and 13 (the parameters of both peers), and what Autobahn leaves out: which
//! answers are compressed, and what is wrong with a compressed message.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};
use gateway_core::serve::Deflate;
use gateway_tests::{Frame, Raw, Received, upgrade_request};
use tokio::time::timeout;

use crate::case::Echo;

const KIB: usize = 1024;
/// From this size on a message is compressed, unless the options say otherwise.
const DEFAULT_THRESHOLD: usize = 1024;

/// Sizes of messages and of their fragments, where they are fragmented. Autobahn sends a thousand of each.
const SIZES: [(usize, Option<usize>); 18] = [
    (16, None),
    (64, None),
    (256, None),
    (KIB, None),
    (4 * KIB, None),
    (8 * KIB, None),
    (16 * KIB, None),
    (32 * KIB, None),
    (64 * KIB, None),
    (128 * KIB, None),
    (8 * KIB, Some(256)),
    (16 * KIB, Some(256)),
    (32 * KIB, Some(256)),
    (64 * KIB, Some(256)),
    (128 * KIB, Some(256)),
    (128 * KIB, Some(KIB)),
    (128 * KIB, Some(4 * KIB)),
    (128 * KIB, Some(32 * KIB)),
];

/// So many of a size, that none is alone and the large ones do not take minutes.
fn count(size: usize) -> usize {
    (64 * KIB / size).clamp(2, 32)
}

/// Content of messages: pieces of 256 KiB each, always the same.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Content {
    Json,
    Bitmap,
    Prose,
    Html,
    /// As that of a file that is compressed already.
    Noise,
}

const WORDS: [&str; 12] = [
    "habe",
    "nun",
    "ach",
    "Philosophie",
    "Juristerei",
    "und",
    "Medizin",
    "leider",
    "auch",
    "Theologie",
    "heiß",
    "Bemühn",
];

impl Content {
    const ALL: [Self; 5] = [Self::Json, Self::Bitmap, Self::Prose, Self::Html, Self::Noise];

    fn bytes(self) -> Vec<u8> {
        let mut state = 0x9E37_79B9_7F4A_7C15_u64;
        let mut random = move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            usize::try_from(state >> 40).expect("24 bits")
        };
        let mut bytes = Vec::new();
        while bytes.len() < 256 * KIB {
            match self {
                Self::Json => {
                    let (id, word) = (random(), WORDS[random() % WORDS.len()]);
                    bytes.extend(format!("{{\"id\":{id},\"name\":\"{word}\",\"on\":{}}},", id % 2 == 0).bytes());
                }
                Self::Bitmap => {
                    let (row, column) = (bytes.len() / 512, bytes.len() % 512);
                    bytes.push(u8::try_from((row / 8 + column / 8 + random() % 64 / 63) % 256).expect("a byte"));
                }
                Self::Prose => {
                    bytes.extend(WORDS[random() % WORDS.len()].bytes());
                    bytes.push(b' ');
                }
                Self::Html => {
                    let word = WORDS[random() % WORDS.len()];
                    bytes.extend(format!("<li class=\"entry\"><a href=\"/{word}\">{word}</a></li>\n").bytes());
                }
                Self::Noise => bytes.push(u8::try_from(random() % 256).expect("a byte")),
            }
        }
        bytes
    }

    /// The message at some place; text where that is text, which is all ASCII but two words.
    fn message(self, all: &[u8], start: usize, size: usize) -> Received {
        let bytes = all[start..start + size].to_vec();
        match self {
            Self::Json | Self::Prose | Self::Html => Received::Text(
                String::from_utf8(bytes.iter().map(|byte| if byte.is_ascii() { *byte } else { b'?' }).collect())
                    .expect("ASCII"),
            ),
            Self::Bitmap | Self::Noise => Received::Binary(bytes),
        }
    }
}

/// A client that compresses as it has agreed.
struct Client {
    raw: Raw,
    compress: Compress,
    keeps_window: bool,
    /// Compressed messages of the server.
    compressed: Arc<AtomicUsize>,
}

impl Client {
    /// Offers to compress, and reads which parameters were agreed on.
    async fn connect(server: &Echo, offer: &str) -> (Self, String) {
        let mut raw = server.dial().await;
        let offer = format!("Sec-WebSocket-Extensions: {offer}\r\n");
        let response = raw.ask(&upgrade_request("/echo", &offer)).await;
        assert_eq!(response.status, 101);
        let agreed = response.header("sec-websocket-extensions").expect("compression is agreed on").to_owned();
        let bits = |name: &str| {
            let parameter = agreed.split("; ").find_map(|parameter| parameter.strip_prefix(name)?.strip_prefix('='));
            parameter.map_or(15, |bits| bits.parse().expect("a window"))
        };
        // A reader with no larger window than agreed on, so that what does not keep to it cannot be read.
        let mut inflate = Decompress::new_with_window_bits(false, bits("server_max_window_bits"));
        let compressed = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&compressed);
        raw.inflating(move |message| {
            count.fetch_add(1, Ordering::Relaxed);
            inflate.reset(false);
            inflated(&mut inflate, message)
        });
        let compress = Compress::new_with_window_bits(Compression::default(), false, bits("client_max_window_bits"));
        let keeps_window = !agreed.contains("client_no_context_takeover");
        (Self { raw, compress, keeps_window, compressed }, agreed)
    }

    async fn send(&mut self, message: &Received, fragment: Option<usize>) {
        let (opcode, payload) = match message {
            Received::Text(text) => (Frame::TEXT, text.as_bytes()),
            Received::Binary(bytes) => (Frame::BINARY, &bytes[..]),
            other => panic!("not a message: {other:?}"),
        };
        if !self.keeps_window {
            self.compress.reset();
        }
        let compressed = deflated(&mut self.compress, payload);
        let pieces: Vec<&[u8]> = compressed.chunks(fragment.unwrap_or(usize::MAX)).collect();
        for (index, piece) in pieces.iter().enumerate() {
            let frame = if index == 0 {
                Frame::new(opcode, *piece).reserved(4)
            } else {
                Frame::new(Frame::CONTINUATION, *piece)
            };
            self.raw.send(if index + 1 < pieces.len() { frame.not_last() } else { frame }).await;
        }
    }
}

fn deflated(compress: &mut Compress, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(payload.len() * 2 + 1024);
    compress.compress_vec(payload, &mut out, FlushCompress::Sync).expect("memory takes everything");
    out.strip_suffix(&[0x00, 0x00, 0xFF, 0xFF]).expect("a flush ends so").to_vec()
}

fn inflated(inflate: &mut Decompress, message: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(256 * KIB);
    for piece in [message, &[0x00, 0x00, 0xFF, 0xFF]] {
        inflate.decompress_vec(piece, &mut out, FlushDecompress::Sync).expect("the server compresses as agreed");
    }
    assert!(out.len() < out.capacity(), "there was room for all of it");
    out
}

/// Sends messages of one size and hears them back, compressed where that is worth it.
async fn echo(client: &mut Client, content: Content, (size, fragment): (usize, Option<usize>)) {
    let all = content.bytes();
    for number in 0..count(size) {
        let message = content.message(&all, number * 997, size);
        client.send(&message, fragment).await;
        let before = client.compressed.load(Ordering::Relaxed);
        assert!(client.raw.next().await == message, "message {number} came back as another");
        let is_compressed = client.compressed.load(Ordering::Relaxed) > before;
        assert_eq!(is_compressed, size >= DEFAULT_THRESHOLD && content != Content::Noise, "{content:?}");
    }
}

/// Runs the sizes of a group on connections of their own.
async fn group(server: &Echo, name: &str, content: Content, (offer, agreed): (&str, &str)) {
    for (number, size) in (1..).zip(SIZES) {
        let case = async {
            let (mut client, found) = Client::connect(server, offer).await;
            assert_eq!(found, format!("permessage-deflate; server_no_context_takeover{agreed}"));
            echo(&mut client, content, size).await;
            client.raw.send(Frame::close(1000, "")).await;
            assert_eq!(client.raw.close_code().await, Some(1000));
        };
        assert!(timeout(Duration::from_mins(1), case).await.is_ok(), "{name}.{number}, {content:?}, hangs");
    }
}

#[tokio::test]
async fn section_12_different_data() {
    let server = Echo::with(|server| server.deflate(Deflate::default())).await;
    for (number, content) in (1..).zip(Content::ALL) {
        let offer = ("permessage-deflate; client_max_window_bits", "; client_no_context_takeover");
        group(&server, &format!("12.{number}"), content, offer).await;
    }
}

/// Parameters that Autobahn asks of a server, and others that a client may ask for, at a server that lets clients keep
/// their window.
#[tokio::test]
async fn section_13_parameters_of_both_peers() {
    let keeping = Deflate::new().client_no_context_takeover(false).client_max_window_bits(12);
    let server = Echo::with(|server| server.deflate(keeping)).await;
    let (small, large) = ("; server_max_window_bits=9", "; server_max_window_bits=15");
    let offers = [
        ("permessage-deflate; client_max_window_bits", "; client_max_window_bits=12".to_owned()),
        ("permessage-deflate; server_no_context_takeover", "; client_no_context_takeover".to_owned()),
        ("permessage-deflate; server_max_window_bits=9", format!("; client_no_context_takeover{small}")),
        ("permessage-deflate; server_max_window_bits=15", format!("; client_no_context_takeover{large}")),
        (
            "permessage-deflate; server_no_context_takeover; server_max_window_bits=9; client_max_window_bits=10",
            format!("{small}; client_max_window_bits=10"),
        ),
        (
            "permessage-deflate; server_no_context_takeover; server_max_window_bits=15; client_no_context_takeover",
            format!("; client_no_context_takeover{large}"),
        ),
        (
            "permessage-deflate; server_max_window_bits=7, permessage-deflate; server_max_window_bits=9, permessage-deflate",
            format!("; client_no_context_takeover{small}"),
        ),
    ];
    for (number, (offer, agreed)) in (1..).zip(&offers) {
        group(&server, &format!("13.{number}"), Content::Json, (offer, agreed)).await;
    }
}

/// Each on a connection of its own: the frames, and the code that they end it with.
#[tokio::test]
async fn what_is_wrong_with_a_compressed_message_ends_the_connection() {
    let server = Echo::with(|server| server.deflate(Deflate::default())).await;
    let hello = || Frame::text([0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00]);
    let fresh = || Compress::new(Compression::best(), false);
    let bomb = |size| Frame::new(Frame::BINARY, deflated(&mut fresh(), &vec![0; size])).reserved(4);
    let cases: [(&str, Vec<Frame>, u16); 9] = [
        (
            "RSV1 on a continuation",
            vec![hello().reserved(4).not_last(), Frame::new(Frame::CONTINUATION, "").reserved(4)],
            1002,
        ),
        ("RSV1 on a ping", vec![Frame::new(Frame::PING, "").reserved(4)], 1002),
        ("RSV1 on a close frame", vec![Frame::close(1000, "").reserved(4)], 1002),
        ("RSV2", vec![hello().reserved(2)], 1002),
        ("RSV1 and RSV3", vec![hello().reserved(5)], 1002),
        ("no such data", vec![Frame::text("plain").reserved(4)], 1007),
        ("no text", vec![Frame::text(deflated(&mut fresh(), &[0xFF; 9])).reserved(4)], 1007),
        ("a byte more than the limit", vec![bomb(16 * KIB * KIB + 1)], 1009),
        ("a bomb", vec![bomb(256 * KIB * KIB)], 1009),
    ];
    for (name, frames, code) in cases {
        let (mut client, _) = Client::connect(&server, "permessage-deflate").await;
        for frame in frames {
            client.raw.send(frame).await;
        }
        assert_eq!(client.raw.close_code().await, Some(code), "{name}");
    }
}

#[tokio::test]
async fn a_server_without_the_option_and_an_offer_that_is_wrong_go_on_plain() {
    let without = Echo::with(|server| server).await;
    let with = Echo::with(|server| server.deflate(Deflate::default())).await;
    for (server, offer) in [(&without, "permessage-deflate"), (&with, "permessage-deflate; client_max_window_bits=07")]
    {
        let mut raw = server.dial().await;
        let offer = format!("Sec-WebSocket-Extensions: {offer}\r\n");
        let response = raw.ask(&upgrade_request("/echo", &offer)).await;
        assert_eq!((response.status, response.header("sec-websocket-extensions")), (101, None));
        raw.text(&"plain ".repeat(KIB)).await;
        assert_eq!(raw.next_text().await, "plain ".repeat(KIB));
        raw.send(Frame::text("compressed").reserved(4)).await;
        assert_eq!(raw.close_code().await, Some(1002));
    }
}
