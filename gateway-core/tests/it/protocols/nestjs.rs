//! The switch for clients that depend on what NestJS does, beside what the protocol's own suites say of it: silence about
//! unknown events, every fault of a payload, numbers written as texts, a login that is refused by an event.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use gateway_core::Disconnect;
use gateway_core::extract::Args;
use gateway_core::extract::Lenient;
use gateway_core::metrics::Counter;
use gateway_core::prelude::*;
use gateway_core::testing::{Failure, Received, TestClient, TestServer};
use gateway_core::validation::{Validate, ValidationErrors};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize, garde::Validate)]
#[serde(rename_all = "camelCase")]
struct Say {
    #[garde(length(chars, min = 1, max = 20))]
    room_name: String,
    #[garde(length(chars, min = 1, max = 10))]
    text: String,
    #[garde(range(max = 3))]
    #[serde(default)]
    loud: u8,
}

/// Two arguments, of which the second has rules.
#[derive(Deserialize, garde::Validate)]
struct SayTo(#[garde(skip)] u32, #[garde(dive)] Say);

#[derive(Deserialize)]
struct Span {
    from: u32,
    to: u32,
    name: String,
}

impl Validate for Span {
    fn check(&self, faults: &mut ValidationErrors) {
        if self.from > self.to {
            faults.add("to", "order", format!("must not be before {}", self.from));
        }
        if self.name.is_empty() {
            faults.add("name", "length", "must not be empty");
        }
    }
}

#[gateway(namespace = "/desk")]
struct Desk;

#[gateway]
impl Desk {
    #[subscribe]
    fn say(&self, Valid(Data(say)): Valid<Data<Say>>) -> String {
        format!("{}: {} ({})", say.room_name, say.text, say.loud)
    }

    #[subscribe]
    fn span(&self, Valid(Data(span)): Valid<Data<Span>>) -> String {
        format!("{} to {} is {}", span.from, span.to, span.name)
    }

    #[subscribe]
    fn unchecked(&self, Data(span): Data<Span>) -> u32 {
        span.to - span.from
    }

    #[subscribe]
    fn several(&self, Valid(Args(SayTo(to, say))): Valid<Args<SayTo>>) -> String {
        format!("{to}: {}", say.text)
    }

    #[subscribe]
    fn number(&self, Data(Lenient(number)): Data<Lenient<u32>>) -> u32 {
        number
    }

    #[subscribe]
    fn whole(&self, Valid(Data(Lenient(say))): Valid<Data<Lenient<Say>>>) -> u8 {
        say.loud
    }
}

async fn desk(nestjs: bool) -> TestServer {
    Server::empty().gateway::<Desk>().nestjs_compat(nestjs).test().await.unwrap()
}

async fn clients(server: &TestServer) -> [TestClient; 3] {
    let plain = server.connect("/desk").await.unwrap();
    let packed = server.connect("/desk").protocol("gateway.v1.msgpack").await.unwrap();
    [plain, packed, server.connect("/desk").socket_io().await.unwrap()]
}

#[tokio::test(start_paused = true)]
async fn an_unknown_event_is_passed_over_and_counted() {
    let server = desk(true).await;
    for (number, mut client) in clients(&server).await.into_iter().enumerate() {
        client.emit("nobody", 1).await;
        client.expect_nothing().await;
        assert_eq!(server.count(Counter::DroppedEvents), number as u64 + 1);
    }
    assert_eq!(server.count(Counter::Exceptions), 0);

    let server = desk(false).await;
    for mut client in clients(&server).await {
        client.emit("nobody", 1).await;
        assert_eq!(client.expect_exception().await.code(), Some("unknown_event"));
    }
}

#[tokio::test(start_paused = true)]
async fn an_unknown_request_of_the_plain_protocol_has_its_end_and_an_ack_has_none_as_in_nestjs() {
    let server = desk(true).await;
    let [mut plain, _packed, mut socket_io] = clients(&server).await;
    let failure = plain.emit_with_ack::<()>("nobody", 1).await.unwrap_err();
    assert_eq!(failure.message(), "no handler for the event `nobody`");
    socket_io.begin("nobody", 1).await;
    socket_io.expect_nothing().await;
}

fn paths(failure: &Failure) -> Vec<(String, String)> {
    let faults = failure.payload().get("details").and_then(Value::as_array).cloned().unwrap_or_default();
    let text = |fault: &Value, name: &str| fault[name].as_str().unwrap_or_default().to_owned();
    faults.iter().map(|fault| (text(fault, "path"), text(fault, "rule"))).collect()
}

/// Faults that a client is told of this payload, in its own form of the answer.
async fn faults(client: &mut TestClient, event: &str, data: Value) -> Vec<(String, String)> {
    client.emit(event, data).await;
    let failure = client.expect_exception().await;
    paths(&failure)
}

#[tokio::test(start_paused = true)]
async fn every_fault_of_a_payload_is_told() {
    let server = desk(true).await;
    let told = |list: &[(&str, &str)]| -> Vec<_> {
        list.iter().map(|(path, rule)| ((*path).to_owned(), (*rule).to_owned())).collect()
    };
    for mut client in clients(&server).await {
        let all = told(&[("$.roomName", "missing"), ("$.text", "missing")]);
        assert_eq!(faults(&mut client, "say", json!({})).await, all);
        let all = told(&[("$.roomName", "type"), ("$.loud", "range"), ("$.text", "length")]);
        assert_eq!(faults(&mut client, "say", json!({"roomName": 7, "text": "", "loud": 9})).await, all);
        let all = told(&[("$.loud", "range"), ("$.text", "missing"), ("$.roomName", "length")]);
        assert_eq!(faults(&mut client, "say", json!({"roomName": "", "loud": 256})).await, all);
        let all = told(&[("$.from", "type"), ("$.name", "type")]);
        assert_eq!(faults(&mut client, "unchecked", json!({"from": "a", "to": 2, "name": 3})).await, all);
        let all = told(&[("$.from", "type"), ("$.name", "length")]);
        assert_eq!(faults(&mut client, "span", json!({"from": "a", "to": 2, "name": ""})).await, all);
        let all = told(&[("$[0]", "type"), ("$[1].roomName", "missing"), ("$[1].text", "length")]);
        client.emit("several", Args(("a", json!({"text": ""})))).await;
        assert_eq!(paths(&client.expect_exception().await), all);
        // What has the right shape is told of its rules alone.
        let all = told(&[("$.to", "order"), ("$.name", "length")]);
        assert_eq!(faults(&mut client, "span", json!({"from": 3, "to": 2, "name": ""})).await, all);
        assert_eq!(faults(&mut client, "say", json!("text")).await, told(&[("$", "type")]));
        let said = json!({"roomName": "tea", "text": "milk?"});
        client.begin("say", said).await;
        assert!(format!("{:?}", client.next().await).contains("tea: milk? (0)"));
    }
}

#[tokio::test(start_paused = true)]
async fn without_the_switch_reading_ends_at_the_first_fault() {
    let server = desk(false).await;
    for mut client in clients(&server).await {
        let failure = client.emit_with_ack::<String>("say", json!({})).await.unwrap_err();
        assert_eq!(paths(&failure), [("$.roomName".to_owned(), "missing".to_owned())]);
    }
}

#[tokio::test(start_paused = true)]
async fn many_faults_have_a_bounded_answer_and_a_large_payload_is_read_once() {
    let server = desk(true).await;
    let mut client = server.connect("/desk").await.unwrap();
    let large = json!({"roomName": 7, "text": "x".repeat(100_000)});
    assert_eq!(faults(&mut client, "say", large).await, [("$.roomName".to_owned(), "type".to_owned())]);
}

#[tokio::test(start_paused = true)]
async fn numbers_may_come_as_texts_where_a_handler_says_so() {
    for nestjs in [false, true] {
        let server = desk(nestjs).await;
        for mut client in clients(&server).await {
            assert_eq!(client.emit_with_ack::<u32>("number", "7").await.unwrap(), 7);
            assert_eq!(client.emit_with_ack::<u32>("number", 7).await.unwrap(), 7);
            let loud = json!({"roomName": "tea", "text": "milk?", "loud": "2"});
            assert_eq!(client.emit_with_ack::<u8>("whole", loud).await.unwrap(), 2);
        }
        let mut client = server.connect("/desk").await.unwrap();
        let failure = client.emit_with_ack::<u32>("number", "seven").await.unwrap_err();
        let expected = "the data cannot be read: $: expected a whole number from 0 to 4294967295, found a string";
        assert_eq!(failure.message(), expected);
        let failure =
            client.emit_with_ack::<u8>("whole", json!({"roomName": "tea", "text": "milk?", "loud": "9"})).await;
        assert_eq!(paths(&failure.unwrap_err()), [("$.loud".to_owned(), "range".to_owned())]);
    }
}

/// Lets a client in, tells it that its login failed, and sends it away, as `handleConnection` of many NestJS gateways does.
#[gateway(namespace = "/login")]
struct Login;

#[gateway]
impl Login {
    #[on_connect]
    fn connected(&self, socket: Socket) -> Result<(), Exception> {
        if socket.handshake().query("token") != Some("secret") {
            socket.emit("unauthorized", &json!({"message": "invalid token"}))?;
            socket.disconnect(Disconnect::default());
        }
        Ok(())
    }

    #[subscribe]
    fn whoami(&self) -> &'static str {
        "ann"
    }
}

#[tokio::test(start_paused = true)]
async fn a_login_may_be_refused_by_an_event_and_a_disconnect() {
    for nestjs in [false, true] {
        let server = Server::empty().gateway::<Login>().nestjs_compat(nestjs).test().await.unwrap();
        for protocol in ["", "gateway.v1.msgpack", "socket.io"] {
            let connect = server.connect("/login?token=wrong");
            let mut client = match protocol {
                "" => connect.await,
                "socket.io" => connect.socket_io().await,
                packed => connect.protocol(packed).await,
            }
            .unwrap();
            let told = Received::Event { event: "unauthorized".into(), data: json!({"message": "invalid token"}) };
            assert_eq!(client.next().await, told, "{protocol}");
            client.closed().await;
        }
        assert_eq!(server.of("/login").count(), 0);
        let mut ann = server.connect("/login?token=secret").await.unwrap();
        assert_eq!(ann.emit_with_ack::<String>("whoami", ()).await.unwrap(), "ann");
    }
}
