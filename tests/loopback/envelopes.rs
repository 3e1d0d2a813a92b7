//! Envelopes that are wrong inside a right frame are answered, and the connection lives.

use gateway_tests::{Frame, Raw};
use serde_json::Value;

use crate::server::Probe;

async fn exchange(client: &mut Raw, text: &str) -> Value {
    client.text(text).await;
    serde_json::from_str(&client.next_text().await).expect("JSON")
}

async fn is_alive(client: &mut Raw) {
    let answer = exchange(client, r#"{"event":"echo","data":"alive","id":"last"}"#).await;
    assert_eq!(answer, serde_json::json!({ "event": "echo", "data": "alive", "id": "last" }));
}

/// Each text is answered by an exception with this code.
async fn all_fail(code: &str, texts: impl IntoIterator<Item = impl AsRef<str>>) {
    let server = Probe::start().await;
    let mut client = server.connect().await;
    for text in texts {
        let text = text.as_ref();
        let answer = exchange(&mut client, text).await;
        let shown = &text[..text.len().min(80)];
        assert_eq!(answer["event"], "exception", "{shown}: {answer}");
        assert_eq!(answer["data"]["status"], "error", "{shown}");
        assert_eq!(answer["data"]["code"], code, "{shown}: {answer}");
        is_alive(&mut client).await;
    }
}

#[tokio::test]
async fn malformed_json() {
    all_fail("malformed", ["", " ", "{", "}", "{]", "nul", "{\"event\":\"echo\"} x", "{'event':'echo'}", "\u{feff}{}"])
        .await;
}

#[tokio::test]
async fn json_that_is_no_envelope() {
    all_fail("malformed", ["null", "5", "\"text\"", "[]", "[\"echo\",1]", "true"]).await;
}

#[tokio::test]
async fn an_envelope_without_an_event() {
    all_fail("malformed", ["{}", r#"{"data":1}"#, r#"{"event":null}"#, r#"{"event":5}"#, r#"{"event":{}}"#]).await;
}

#[tokio::test]
async fn an_id_that_may_not_be_one() {
    let long = format!(r#"{{"event":"echo","id":"{}"}}"#, "x".repeat(129));
    all_fail(
        "malformed",
        [r#"{"event":"echo","id":{}}"#, r#"{"event":"echo","id":1.5}"#, r#"{"event":"echo","id":true}"#, &long],
    )
    .await;
}

#[tokio::test]
async fn an_unknown_event() {
    all_fail(
        "unknown_event",
        ["nobody", "", "Echo", "toString", "__proto__"].map(|name| format!(r#"{{"event":"{name}"}}"#)),
    )
    .await;
}

#[tokio::test]
async fn data_of_another_type() {
    let data = ["\"text\"", "null", "1.5", "[1]", "99999999999", "{}"];
    all_fail("unreadable", data.map(|data| format!(r#"{{"event":"typed","data":{data}}}"#))).await;
}

#[tokio::test]
async fn nesting_beyond_the_limit() {
    let nested = |depth: usize| format!(r#"{{"event":"echo","data":{}{}}}"#, "[".repeat(depth), "]".repeat(depth));
    all_fail("too_deep", [200, 100_000].map(nested)).await;
    let objects = format!(r#"{{"event":"echo","data":{}1{}}}"#, r#"{"a":"#.repeat(50_000), "}".repeat(50_000));
    all_fail("too_deep", [objects]).await;

    let server = Probe::start().await;
    let mut client = server.connect().await;
    let allowed = nested(100);
    client.text(&allowed).await;
    assert_eq!(client.next_text().await, allowed);
}

#[tokio::test]
async fn a_failure_carries_the_id_of_its_request() {
    let server = Probe::start().await;
    let mut client = server.connect().await;
    for text in [
        r#"{"event":"nobody","id":"a\u0062"}"#,
        r#"{"event":"typed","data":"x","id":"a\u0062"}"#,
        r#"{"event":"panic","id":"a\u0062"}"#,
    ] {
        client.text(text).await;
        let answer = client.next_text().await;
        assert!(answer.contains(r#""event":"exception""#), "{answer}");
        // As it was written, escapes included.
        assert!(answer.contains(r#""id":"a\u0062""#), "{answer}");
    }
    is_alive(&mut client).await;
}

#[tokio::test]
async fn an_envelope_in_a_binary_message_is_read_the_same_way() {
    let server = Probe::start().await;
    let mut client = server.connect().await;
    client.send(Frame::new(Frame::BINARY, r#"{"event":"echo","data":1}"#)).await;
    assert_eq!(client.next_text().await, r#"{"event":"echo","data":1}"#);
    for bytes in [&[0xFF, 0xFE][..], &[0; 10], b"{\"event\":\"echo\",\"data\":\"\xC3\x28\"}"] {
        client.send(Frame::new(Frame::BINARY, bytes)).await;
        let answer: Value = serde_json::from_str(&client.next_text().await).expect("JSON");
        assert_eq!(answer["data"]["code"], "malformed", "{answer}");
    }
    is_alive(&mut client).await;
}
