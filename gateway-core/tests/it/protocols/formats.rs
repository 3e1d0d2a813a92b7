//! Forms of plain WebSocket's messages beside the protocol's own JSON: one of the application's, and MessagePack.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::borrow::Cow;
use std::time::Duration;

use futures_core::Stream;
use futures_util::stream;
use gateway_core::extract::Args;
use gateway_core::format::{ClientMessage, FormatError, IncomingMessage, MessageFormat, OutgoingKind, OutgoingMessage};
use gateway_core::metrics::Counter;
use gateway_core::prelude::*;
use gateway_core::testing::{Received, TestClient, TestServer};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio::time::sleep;

/// `["event", data]` in, the protocol's own objects out: what NestJS calls a message parser.
struct Pairs;

impl MessageFormat for Pairs {
    fn read<'a>(&self, message: ClientMessage<'a>) -> Result<IncomingMessage<'a>, FormatError> {
        let (event, data): (&str, &RawValue) = serde_json::from_str(message.text()?)?;
        match event {
            "ignored" => Ok(IncomingMessage::Nothing),
            "panic" => panic!("on request"),
            event => Ok(IncomingMessage::event(event, Some(data))),
        }
    }
}

/// Lines both ways: `event id data`, with `-` for no id.
struct Lines;

impl MessageFormat for Lines {
    fn read<'a>(&self, message: ClientMessage<'a>) -> Result<IncomingMessage<'a>, FormatError> {
        let mut words = message.text()?.splitn(3, ' ');
        let (Some(event), Some(id), Some(data)) = (words.next(), words.next(), words.next()) else {
            return Err(FormatError::new("a line has three words"));
        };
        let json = |text: &'a str| serde_json::from_str::<&RawValue>(text).map(Cow::Borrowed);
        match event {
            "answer" => {
                Ok(IncomingMessage::Answer { question: id.parse().unwrap_or_default(), outcome: Ok(Some(json(data)?)) })
            }
            "decline" => {
                Ok(IncomingMessage::Answer { question: id.parse().unwrap_or_default(), outcome: Err(json(data)?) })
            }
            "cancel" => Ok(IncomingMessage::Cancel { id: json(id)? }),
            event => {
                let id = if id == "-" { None } else { Some(json(id)?) };
                Ok(IncomingMessage::Event { event: event.into(), data: Some(json(data)?), id, trace: None })
            }
        }
    }

    fn write(&self, says: &OutgoingMessage<'_>) -> Option<Message> {
        let (event, data) = (says.event(), says.data().unwrap_or_default());
        let id = says.id().unwrap_or_else(|| "-".to_owned());
        match (says.kind(), event) {
            (OutgoingKind::Event, "secret") => None,
            (OutgoingKind::Event, "panic") => panic!("on request"),
            (OutgoingKind::Question(number), _) => Some(format!("question {event} {number} {data}").into()),
            (kind, _) => Some(format!("{kind:?} {event} {id} {data}").into()),
        }
    }
}

#[gateway(namespace = "/forms")]
struct Forms;

#[gateway]
impl Forms {
    #[on_connect]
    async fn joined(&self, socket: Socket, handshake: Handshake) -> Result<(), ConnectRejection> {
        if handshake.query("refuse").is_some() {
            return Err(ConnectRejection::new("no", "not today"));
        }
        Ok(socket.join("all").await?)
    }

    #[subscribe]
    fn push(&self, Data(data): Data<Value>) -> Reply {
        Reply::event("pop", data)
    }

    #[subscribe]
    fn sum(&self, Args((one, other)): Args<(u8, u8)>) -> u8 {
        one + other
    }

    #[subscribe]
    fn reverse(&self, bytes: Bytes) -> Bytes {
        bytes.iter().rev().copied().collect()
    }

    #[subscribe]
    fn tell(&self, namespace: Namespace, Data((event, data)): Data<(String, Value)>) -> usize {
        namespace.to("all").emit(&event, &data).queued
    }

    #[subscribe]
    fn bytes_for_all(&self, namespace: Namespace, bytes: Bytes) {
        namespace.emit("bytes", &bytes);
    }

    #[subscribe]
    fn count(&self, Data(end): Data<u8>) -> impl Stream<Item = u8> {
        stream::iter(1..=end)
    }

    #[subscribe]
    fn forever(&self) -> impl Stream<Item = u8> {
        stream::unfold(0, |number| async move {
            sleep(Duration::from_secs(1)).await;
            Some((number, number + 1))
        })
    }

    #[subscribe]
    async fn ask(&self, socket: Socket) -> Result<Value, Exception> {
        Ok(socket.emit_with_ack("why", &json!({"not": null})).await?)
    }
}

async fn server_of(form: Option<&'static dyn MessageFormat>) -> TestServer {
    let server = Server::empty().gateway::<Forms>();
    match form {
        Some(form) => server.message_format(form),
        None => server,
    }
    .test()
    .await
    .unwrap()
}

/// The text of the next message, which is no envelope.
async fn line(client: &mut TestClient) -> String {
    match client.next().await {
        Received::Message(Message::Text(text)) => text.to_string(),
        other => panic!("no line: {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn an_application_reads_its_own_form_and_writes_the_protocols() {
    let server = server_of(Some(&Pairs)).await;
    let mut client = server.connect("/forms").await.unwrap();
    client.send_text(r#"["push",{"test":"test"}]"#).await;
    assert_eq!(client.next().await, Received::Event { event: "pop".into(), data: json!({"test": "test"}) });
    client.send_message(Message::Binary(Bytes::from_static(br#"["sum",[1,2]]"#))).await;
    assert_eq!(client.next().await, Received::Event { event: "sum".into(), data: json!(3) });
    client.send_text(r#"["ignored",1]"#).await;
    client.expect_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_none_of_the_form_is_told_and_a_form_that_panics_disturbs_nobody() {
    let server = server_of(Some(&Pairs)).await;
    let mut client = server.connect("/forms").await.unwrap();
    for (message, code) in [
        (Message::from(r#"{"event":"push"}"#), "malformed"),
        (Message::Binary(Bytes::from_static(&[0xC3, 0x28])), "malformed"),
        (Message::from(r#"["panic",1]"#), "internal"),
    ] {
        client.send_message(message).await;
        assert_eq!(client.expect_exception().await.code(), Some(code));
    }
    client.send_text(r#"["push",1]"#).await;
    assert_eq!(client.next().await, Received::Event { event: "pop".into(), data: json!(1) });
    assert_eq!(server.count(Counter::Panics), 1);
}

#[tokio::test(start_paused = true)]
async fn everything_the_server_says_has_the_applications_form() {
    let server = server_of(Some(&Lines)).await;
    let mut client = server.connect("/forms").await.unwrap();
    for (sent, expected) in [
        ("push - {\"a\":1}", "Reply pop - {\"a\":1}"),
        ("push 7 [1]", "Reply pop 7 [1]"),
        ("sum \"x\" [1,2]", "Reply sum \"x\" 3"),
        ("reverse 8 \"AQI=\"", "Reply reverse 8 \"AgE=\""),
        ("tell - [\"news\",[1,2]]", "Event news - [1,2]"),
    ] {
        client.send_text(sent).await;
        assert_eq!(line(&mut client).await, expected);
    }
    assert_eq!(line(&mut client).await, "Reply tell - 1");
    client.send_text("count 9 2").await;
    for expected in ["Item count 9 1", "Item count 9 2", "End count 9 "] {
        assert_eq!(line(&mut client).await, expected);
    }
    client.send_text("nobody 1 null").await;
    assert!(line(&mut client).await.starts_with("Exception exception 1 {\"status\":\"error\""));
    client.send_text("two words").await;
    assert!(line(&mut client).await.contains("a line has three words"));
}

#[tokio::test(start_paused = true)]
async fn questions_answers_and_cancels_have_it_too() {
    let server = server_of(Some(&Lines)).await;
    let mut client = server.connect("/forms").await.unwrap();
    client.send_text("ask 1 null").await;
    assert_eq!(line(&mut client).await, "question why 0 {\"not\":null}");
    client.send_text("answer 0 {\"so\":true}").await;
    assert_eq!(line(&mut client).await, "Reply ask 1 {\"so\":true}");
    client.send_text("ask 2 null").await;
    line(&mut client).await;
    client.send_text("decline 1 \"no\"").await;
    assert!(line(&mut client).await.contains("\"code\":\"bad_answer\""));
    client.send_text("forever 3 null").await;
    assert_eq!(line(&mut client).await, "Item forever 3 0");
    client.send_text("cancel 3 null").await;
    assert!(line(&mut client).await.contains("\"code\":\"cancelled\""));
    client.expect_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn a_form_may_keep_silent_and_one_that_cannot_write_is_stood_in_for() {
    let server = server_of(Some(&Lines)).await;
    let mut client = server.connect("/forms").await.unwrap();
    client.send_text("tell - [\"secret\",1]").await;
    assert_eq!(line(&mut client).await, "Reply tell - 1");
    // Several that are not said, and something behind them.
    for event in ["secret", "secret", "told"] {
        server.of("/forms").emit(event, &2);
    }
    assert_eq!(line(&mut client).await, "Event told - 2");
    server.of("/forms").emit("secret", &1);
    server.of("/forms").emit("secret", &2);
    client.expect_nothing().await;
    client.send_text("tell - [\"panic\",1]").await;
    assert_eq!(client.next().await, Received::Event { event: "panic".into(), data: json!(1) });
    assert_eq!(line(&mut client).await, "Reply tell - 1");
}

#[tokio::test(start_paused = true)]
async fn one_room_holds_clients_of_every_form() {
    let server = server_of(Some(&Lines)).await;
    let mut own = server.connect("/forms").await.unwrap();
    let mut plain = server.connect("/forms").protocol("gateway.v1").await.unwrap();
    let mut packed = server.connect("/forms").protocol("gateway.v1.msgpack").await.unwrap();
    let mut socket_io = server.connect("/forms").socket_io().await.unwrap();
    assert_eq!(plain.emit_with_ack::<usize>("tell", ("news", json!({"a": [1, null]}))).await.unwrap(), 4);
    assert_eq!(line(&mut own).await, "Event news - {\"a\":[1,null]}");
    for client in [&mut plain, &mut packed, &mut socket_io] {
        assert_eq!(client.expect_named("news").await, json!({"a": [1, null]}));
    }
    plain.emit("bytes_for_all", "AQI=").await;
    assert_eq!(line(&mut own).await, "Event bytes - \"AQI=\"");
    for client in [&mut plain, &mut packed, &mut socket_io] {
        assert_eq!(client.expect_named("bytes").await, "AQI=");
    }
}

#[tokio::test(start_paused = true)]
async fn message_pack_says_all_that_the_plain_protocol_says() {
    let server = server_of(None).await;
    let mut client = server.connect("/forms").protocol("mqtt").protocol("gateway.v1.msgpack").await.unwrap();
    assert_eq!(
        client.emit_with_ack::<Value>("push", json!({"a": [1.5, "x"]})).await.unwrap(),
        json!({"a": [1.5, "x"]})
    );
    assert_eq!(client.emit_with_ack::<u8>("sum", (1, 2)).await.unwrap(), 3);
    assert_eq!(client.stream("count", 3).await.collect::<u8>().await.unwrap(), [1, 2, 3]);
    assert_eq!(client.emit_with_ack::<Value>("nobody", ()).await.unwrap_err().code(), Some("unknown_event"));
    client.emit("push", 7).await;
    assert_eq!(client.next().await, Received::Event { event: "pop".into(), data: json!(7) });
    client.begin("ask", ()).await;
    let (ask, data) = client.expect_question("why").await;
    assert_eq!(data, json!({"not": null}));
    client.answer(ask, "so").await;
    assert!(matches!(client.next().await, Received::Reply { data, .. } if data == "so"));
    client.begin("ask", ()).await;
    let (ask, _) = client.expect_question("why").await;
    client.answer_with_error(ask, "no").await;
    assert!(matches!(client.next().await, Received::Exception { failure, .. } if failure.code() == Some("bad_answer")));
    let mut forever = client.stream("forever", ()).await;
    forever.next::<u8>().await.unwrap().unwrap();
    forever.cancel().await;
    assert_eq!(forever.next::<u8>().await.unwrap().unwrap_err().code(), Some("cancelled"));
    // Text is the plain protocol's JSON, as ever.
    client.send_text(r#"{"event":"push","data":1}"#).await;
    assert_eq!(client.next().await, Received::Event { event: "pop".into(), data: json!(1) });
    let error = server.connect("/forms?refuse=1").protocol("gateway.v1.msgpack").await.unwrap_err();
    assert!(error.to_string().contains("not today"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn binary_data_is_binary_in_message_pack() {
    let server = server_of(None).await;
    let mut client = server.connect("/forms").protocol("gateway.v1.msgpack").await.unwrap();
    // {"event": "reverse", "data": bin [1, 2], "id": 5}
    let request = b"\x83\xa5event\xa7reverse\xa4data\xc4\x02\x01\x02\xa2id\x05";
    client.send_message(Message::Binary(Bytes::from_static(request))).await;
    let answer = Received::Reply { id: 5, event: "reverse".into(), data: json!("AgE="), more: false };
    assert_eq!(client.next().await, answer);
    // A base64 string is read too.
    assert_eq!(client.emit_with_ack::<String>("reverse", "AQI=").await.unwrap(), "AgE=");
}

#[tokio::test(start_paused = true)]
async fn message_pack_that_is_no_envelope_is_told() {
    let server = server_of(None).await;
    let mut client = server.connect("/forms").protocol("gateway.v1.msgpack").await.unwrap();
    let placeholder = b"\x82\xa5event\xa4push\xa4data\x92\xc4\x01\x00\x82\xac_placeholder\xc3\xa3num\x00";
    for message in [
        &b""[..],
        b"\xc1",
        b"\x81\xa5event\x01",
        b"\x81\xa4data\x01",
        b"\x81\xa5event\xa1x\x00",
        b"\x82\xa5event\xa1x\xa5event\xa1x",
        b"\x82\xa5event\xa1x\xa2id\xc4\x01\x00",
        b"\x82\xa5event\xa1x\xa2id\xc3",
        b"\x81\xa5event\xdb\xff\xff\xff\xff",
        placeholder,
    ] {
        client.send_message(Message::Binary(Bytes::copy_from_slice(message))).await;
        assert_eq!(client.expect_exception().await.code(), Some("malformed"), "{message:x?}");
    }
    // What has an id is answered by it.
    client.send_message(Message::Binary(Bytes::from_static(b"\x81\xa2id\x07"))).await;
    assert!(matches!(client.next().await, Received::Exception { id: Some(7), .. }));
    let deep: Vec<u8> = b"\x82\xa5event\xa4push\xa4data".iter().copied().chain([0x91; 200]).chain([0]).collect();
    client.send_message(deep).await;
    assert!(client.expect_exception().await.message().contains("nested"));
}
