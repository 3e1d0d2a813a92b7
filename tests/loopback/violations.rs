//! Violations of RFC 6455 end the connection with the code it names, and disturb no other client.

use gateway_tests::{Frame, Raw, Received};

use crate::server::Probe;

/// Sends the frames, one write each, and expects the end that is told by `code`.
async fn closes_with(code: u16, frames: impl IntoIterator<Item = Frame>) {
    let server = Probe::start().await;
    let mut witness = server.connect().await;
    let mut violator = server.connect().await;
    for frame in frames {
        violator.send(frame).await;
    }
    assert_eq!(violator.close_code().await, Some(code));

    witness.text(r#"{"event":"echo","data":"alive","id":1}"#).await;
    assert_eq!(witness.next_text().await, r#"{"event":"echo","data":"alive","id":1}"#);
}

macro_rules! violations {
    ($($name:ident: $code:literal, $frames:expr;)*) => {$(
        #[tokio::test]
        async fn $name() {
            closes_with($code, $frames).await;
        }
    )*};
}

// The part of RFC 6455 each one violates stands behind it.
violations! {
    an_unmasked_frame: 1002, [Frame::text("x").unmasked()]; // §5.1
    a_reserved_bit: 1002, [Frame::text("x").reserved(0b100)]; // §5.2
    another_reserved_bit: 1002, [Frame::text("x").reserved(0b010)];
    a_reserved_bit_of_a_control_frame: 1002, [Frame::new(Frame::PING, "x").reserved(0b001)];
    an_unknown_data_opcode: 1002, [Frame::new(0x3, "x")]; // §5.2
    an_unknown_control_opcode: 1002, [Frame::new(0xB, "x")];
    a_control_frame_above_125_bytes: 1002, [Frame::new(Frame::PING, [0; 126])]; // §5.5
    a_fragmented_control_frame: 1002, [Frame::new(Frame::PING, "x").not_last()]; // §5.5
    a_continuation_of_nothing: 1002, [Frame::new(Frame::CONTINUATION, "x")]; // §5.4
    a_message_inside_a_fragmented_one: 1002, [Frame::text("x").not_last(), Frame::text("y")]; // §5.4
    a_close_code_that_may_not_be_sent: 1002, [Frame::close(1005, "")]; // §7.4.1
    a_close_code_without_a_meaning: 1002, [Frame::close(999, "")]; // §7.4.2
    a_close_code_out_of_range: 1002, [Frame::close(5000, "")]; // §7.4.2
    a_close_frame_with_half_a_code: 1002, [Frame::new(Frame::CLOSE, [3])]; // §5.5.1
    a_close_reason_that_is_no_utf8: 1007, [Frame::close(1000, [0xC3, 0x28])]; // §8.1
    a_text_that_is_no_utf8: 1007, [Frame::text([0xC3, 0x28])]; // §8.1
    a_text_that_ends_inside_a_character: 1007, [Frame::text("ä".as_bytes()[..1].to_vec())];
    a_text_with_a_surrogate: 1007, [Frame::text([0xED, 0xA0, 0x80])];
    a_text_with_an_overlong_character: 1007, [Frame::text([0xC0, 0xAF])];
    a_character_broken_between_fragments: 1007,
        [Frame::text([0xC3]).not_last(), Frame::new(Frame::CONTINUATION, [0x28])];
    a_fragment_that_is_no_utf8_before_its_message_ends: 1007, [Frame::text([0xC3, 0x28]).not_last()];
    a_text_that_is_no_utf8_before_its_frame_ends: 1007, [Frame::text([0xC3, 0x28]).declaring(100)];
    a_message_in_countless_fragments: 1008, countless_fragments();
    a_declared_length_above_the_limit: 1009, [Frame::text("x").declaring(1024 * 1024 + 1)];
    a_declared_length_above_all_memory: 1009, [Frame::text("x").declaring(1 << 62)];
    fragments_above_the_limit_together: 1009, fragments(1024 * 1024 + 1);
    a_message_of_two_megabytes: 1009, [Frame::text("x".repeat(2 * 1024 * 1024))];
}

/// Each costs the server a frame and brings nothing.
fn countless_fragments() -> Vec<Frame> {
    let empty = std::iter::repeat_n(Frame::new(Frame::CONTINUATION, "").not_last(), 100_000);
    std::iter::once(Frame::text("").not_last()).chain(empty).collect()
}

#[tokio::test]
async fn a_length_that_is_not_written_in_the_shortest_form_or_has_its_first_bit_set() {
    // RFC 6455 §5.2. Each is one byte long, masked with zeros.
    let header = |length: &[u8]| [&[0x81][..], length, &[0; 4], b"x"].concat();
    let server = Probe::start().await;
    for length in [&[0xFE, 0, 1][..], &[0xFF, 0, 0, 0, 0, 0, 0, 0, 1], &[0xFF, 0x80, 0, 0, 0, 0, 0, 0, 1]] {
        let mut violator = server.connect().await;
        violator.write(&header(length)).await;
        assert_eq!(violator.close_code().await, Some(1002), "{length:x?}");
    }
}

/// A text of this length, in fragments of 32 KiB, the last of which never says that it is the last.
fn fragments(length: usize) -> Vec<Frame> {
    let text = "x".repeat(length);
    let mut opcode = Frame::TEXT;
    let fragment = |bytes: &[u8]| Frame::new(std::mem::replace(&mut opcode, Frame::CONTINUATION), bytes).not_last();
    text.as_bytes().chunks(32 * 1024).map(fragment).collect()
}

#[tokio::test]
async fn the_limit_itself_is_allowed_in_one_piece_and_in_fragments() {
    let server = Probe::start().await;
    let mut client = server.connect().await;
    let most = format!(r#"{{"event":"length","data":"{}"}}"#, "x".repeat(1024 * 1024 - 28));
    assert_eq!(most.len(), 1024 * 1024);

    client.text(&most).await;
    assert_eq!(client.next_text().await, r#"{"event":"length","data":1048548}"#);

    let (first, rest) = most.split_at(1000);
    client.send(Frame::text(first).not_last()).await;
    client.send(Frame::new(Frame::CONTINUATION, rest)).await;
    assert_eq!(client.next_text().await, r#"{"event":"length","data":1048548}"#);
}

#[tokio::test]
async fn a_character_may_be_split_between_fragments() {
    let server = Probe::start().await;
    let mut client = server.connect().await;
    let text = r#"{"event":"echo","data":"äöü €𝄞"}"#;
    for (at, byte) in text.bytes().enumerate() {
        let opcode = if at == 0 { Frame::TEXT } else { Frame::CONTINUATION };
        client.send(Frame::new(opcode, [byte]).not_last()).await;
    }
    client.send(Frame::new(Frame::CONTINUATION, "")).await;
    assert_eq!(client.next_text().await, text);
}

#[tokio::test]
async fn a_frame_may_come_byte_by_byte() {
    let server = Probe::start().await;
    let mut client = server.connect().await;
    for byte in Frame::text(r#"{"event":"echo","data":1}"#).bytes() {
        client.write(&[byte]).await;
    }
    assert_eq!(client.next_text().await, r#"{"event":"echo","data":1}"#);
}

#[tokio::test]
async fn many_frames_may_come_in_one_write() {
    let server = Probe::start().await;
    let mut client = server.connect().await;
    let frames = (0..50).map(|number| Frame::text(format!(r#"{{"event":"echo","data":{number}}}"#)).bytes());
    client.write(&frames.flatten().collect::<Vec<_>>()).await;
    for number in 0..50 {
        assert_eq!(client.next_text().await, format!(r#"{{"event":"echo","data":{number}}}"#));
    }
}

#[tokio::test]
async fn a_frame_may_come_with_the_handshake() {
    let server = Probe::start().await;
    let mut client = Raw::dial(server.address).await;
    let mut both = gateway_tests::upgrade_request("/probe", "").into_bytes();
    both.extend(Frame::text(r#"{"event":"echo","data":1}"#).bytes());
    client.write(&both).await;
    assert_eq!(client.response().await.status, 101);
    assert_eq!(client.next_text().await, r#"{"event":"echo","data":1}"#);
}

#[tokio::test]
async fn a_ping_inside_a_fragmented_message_is_answered_at_once() {
    let server = Probe::start().await;
    let mut client = server.connect().await;
    client.send(Frame::text(r#"{"event":"echo","#).not_last()).await;
    client.send(Frame::new(Frame::PING, "are you there")).await;
    assert_eq!(client.next().await, Received::Pong(b"are you there".to_vec()));
    client.send(Frame::new(Frame::CONTINUATION, r#""data":1}"#)).await;
    assert_eq!(client.next_text().await, r#"{"event":"echo","data":1}"#);
}

#[tokio::test]
async fn pongs_nobody_asked_for_are_ignored() {
    let server = Probe::start().await;
    let mut client = server.connect().await;
    for payload in ["", "unasked"] {
        client.send(Frame::new(Frame::PONG, payload)).await;
    }
    client.text(r#"{"event":"echo","data":1}"#).await;
    assert_eq!(client.next_text().await, r#"{"event":"echo","data":1}"#);
}

#[tokio::test]
async fn a_close_is_answered_and_what_follows_is_not_read() {
    for (frame, code) in [
        (Frame::close(1000, "done"), 1000),
        (Frame::close(3000, ""), 3000),
        (Frame::close(4999, "x".repeat(123)), 4999),
    ] {
        let server = Probe::start().await;
        let mut client = server.connect().await;
        client.send(frame).await;
        client.text(r#"{"event":"echo","data":"too late"}"#).await;
        let Received::Close(answered, _) = client.next().await else { panic!("a close frame was expected") };
        assert_eq!(answered, Some(code));
        assert_eq!(client.next().await, Received::End);
    }
}
