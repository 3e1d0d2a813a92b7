//! A client chooses the form of its messages by the subprotocol it names.

use gateway_core::format::{ClientMessage, FormatError, IncomingMessage, MessageFormat};
use gateway_tests::{Frame, Raw, Received, upgrade_request};

use crate::server::Probe;

/// `event data`, and objects back.
struct Words;

impl MessageFormat for Words {
    fn read<'a>(&self, message: ClientMessage<'a>) -> Result<IncomingMessage<'a>, FormatError> {
        let (event, data) = message.text()?.split_once(' ').ok_or(FormatError::new("one word"))?;
        Ok(IncomingMessage::event(event, Some(serde_json::from_str(data)?)))
    }
}

async fn connect(server: &Probe, protocol: &str) -> Raw {
    let mut client = Raw::dial(server.address).await;
    let more = if protocol.is_empty() { String::new() } else { format!("Sec-WebSocket-Protocol: {protocol}\r\n") };
    let response = client.ask(&upgrade_request("/probe", &more)).await;
    assert_eq!(response.status, 101);
    client
}

#[tokio::test]
async fn message_pack_is_named_as_a_subprotocol() {
    let server = Probe::start().await;
    let mut client = connect(&server, "gateway.v1.msgpack, auth.e30").await;
    // {"event": "echo", "data": {"a": 1}, "id": 7}
    let request = b"\x83\xa5event\xa4echo\xa4data\x81\xa1a\x01\xa2id\x07";
    client.send(Frame::new(Frame::BINARY, *request)).await;
    assert_eq!(client.next().await, Received::Binary(request.to_vec()));
}

#[tokio::test]
async fn who_names_no_protocol_of_the_framework_speaks_the_applications_form() {
    let server = Probe::with(|server| server.message_format(&Words).subprotocols(["words"])).await;
    for protocol in ["", "words", "other"] {
        let mut client = connect(&server, protocol).await;
        client.text(r#"echo {"a": 1}"#).await;
        assert_eq!(client.next_text().await, r#"{"event":"echo","data":{"a": 1}}"#, "{protocol}");
        client.text("echo").await;
        assert!(client.next_text().await.contains("one word"), "{protocol}");
    }
    let mut client = connect(&server, "gateway.v1").await;
    client.text(r#"{"event":"length","data":"four","id":1}"#).await;
    assert_eq!(client.next_text().await, r#"{"event":"length","data":4,"id":1}"#);
}
