//! Names of events: a handler for all that have none, names that clients keep for themselves, and listeners of every name.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::{Arc, Mutex, PoisonError};

use gateway_core::SocketId;
use gateway_core::extract::ToArgs;
use gateway_core::extract::{Args, EventName, RawArgs};
use gateway_core::metrics::EventInfo;
use gateway_core::prelude::*;
use gateway_core::testing::{Received, TestClient, TestServer};
use serde_json::{Value, json};

#[gateway(namespace = "/relay")]
struct Relay;

#[gateway]
impl Relay {
    #[subscribe]
    fn known(&self) -> &'static str {
        "known"
    }

    #[subscribe("*")]
    async fn any(&self, EventName(event): EventName, args: RawArgs) -> Result<Data<(String, usize)>, Exception> {
        tokio::task::yield_now().await;
        if args.is_empty() {
            return Err(Exception::new("empty", "there is nothing to relay"));
        }
        Ok(Data((event, args.len())))
    }
}

#[gateway(namespace = "/shop")]
struct Shop;

#[gateway]
impl Shop {
    #[subscribe("paid", "sent", "order.item.*")]
    fn several(&self, EventName(event): EventName) -> String {
        format!("several {event}")
    }

    #[subscribe("order.*")]
    async fn order(&self, EventName(event): EventName) -> Result<String, Exception> {
        tokio::task::yield_now().await;
        if event.ends_with("fail") { Err(Exception::message("as told")) } else { Ok(format!("order {event}")) }
    }

    #[subscribe("order.cancel")]
    fn cancel(&self) -> &'static str {
        "cancel"
    }

    #[subscribe("*.cancel")]
    fn any_cancel(&self) -> &'static str {
        "any cancel"
    }

    #[subscribe("*")]
    fn rest(&self, EventName(event): EventName) -> String {
        format!("rest {event}")
    }
}

#[tokio::test(start_paused = true)]
async fn the_most_precise_name_answers_and_knows_the_real_one() {
    let server = Server::empty().gateway::<Shop>().test().await.unwrap();
    for mut client in [server.connect("/shop").await.unwrap(), server.connect("/shop").socket_io().await.unwrap()] {
        for (event, answer) in [
            ("paid", "several paid"),
            ("sent", "several sent"),
            ("order.item.add", "several order.item.add"),
            ("order.item.add.all", "several order.item.add.all"),
            ("order.item", "order order.item"),
            ("order.pay.later", "order order.pay.later"),
            ("order.cancel", "cancel"),
            ("order.*", "order order.*"),
            ("cart.cancel", "any cancel"),
            ("cart.line.cancel", "rest cart.line.cancel"),
            ("order", "rest order"),
            ("order.", "rest order."),
        ] {
            assert_eq!(client.emit_with_ack::<String>(event, ()).await.unwrap(), answer, "{event}");
        }
        assert!(client.emit_with_ack::<String>("order.fail", ()).await.is_err());
    }
}

#[tokio::test(start_paused = true)]
async fn answers_and_failures_of_a_pattern_are_on_the_events_own_name() {
    let server = Server::empty().gateway::<Shop>().test().await.unwrap();
    let mut client = server.connect("/shop").await.unwrap();
    client.emit("order.pay", ()).await;
    assert_eq!(client.next().await, Received::Event { event: "order.pay".into(), data: "order order.pay".into() });
    client.emit("sent", ()).await;
    assert_eq!(client.next().await, Received::Event { event: "sent".into(), data: "several sent".into() });
    let failure = client.emit_with_ack::<Value>("order.fail", ()).await.unwrap_err();
    assert_eq!(failure.payload()["cause"], json!({"pattern": "order.fail"}));
}

#[gateway(namespace = "/shop")]
struct Rival;

#[gateway]
impl Rival {
    #[subscribe("order.*", "sent", "bill.*")]
    fn rival(&self) {}
}

#[tokio::test]
async fn a_name_or_a_pattern_that_is_never_reached_stops_the_start() {
    let report = Server::empty().gateway::<Shop>().gateway::<Rival>().check().unwrap_err().to_string();
    assert!(report.contains("2 problems"), "{report}");
    for event in ["order.*", "sent"] {
        assert!(report.contains(&format!("`{event}` in `/shop` is subscribed twice: by `")), "{report}");
    }
}

#[gateway(namespace = "/plain")]
struct Plain;

#[gateway]
impl Plain {
    #[subscribe]
    fn known(&self) {}
}

async fn connect() -> (TestServer, TestClient) {
    let server = Server::empty().gateway::<Relay>().gateway::<Plain>().test().await.unwrap();
    let client = server.connect("/relay").await.unwrap();
    (server, client)
}

#[tokio::test(start_paused = true)]
async fn an_event_without_a_handler_of_its_own_goes_to_the_one_for_all() {
    let (server, mut client) = connect().await;
    assert_eq!(client.emit_with_ack::<Value>("known", json!([1])).await.unwrap(), "known");
    assert_eq!(client.emit_with_ack::<Value>("draw", json!([1, 2])).await.unwrap(), json!(["draw", 2]));
    assert_eq!(client.emit_with_ack::<Value>("*", "x").await.unwrap(), json!(["*", 1]));
    assert_eq!(client.emit_with_ack::<Value>("", "x").await.unwrap(), json!(["", 1]));
    let mut plain = server.connect("/plain").await.unwrap();
    assert_eq!(plain.emit_with_ack::<Value>("draw", ()).await.unwrap_err().code(), Some("unknown_event"));
}

#[tokio::test(start_paused = true)]
async fn its_answers_and_failures_are_on_the_events_own_name() {
    let (_server, mut client) = connect().await;
    client.emit("draw", "x").await;
    assert_eq!(client.next().await, Received::Event { event: "draw".into(), data: json!(["draw", 1]) });
    let failure = client.emit_with_ack::<Value>("draw", ()).await.unwrap_err();
    assert_eq!(failure.payload()["cause"], json!({"pattern": "draw"}));
}

#[tokio::test(start_paused = true)]
async fn acks_and_events_of_socket_io_reach_the_one_for_all_too() {
    let (server, _) = connect().await;
    let mut client = server.connect("/relay").socket_io().await.unwrap();
    client.send_text(r#"42/relay,3["draw",1,2]"#).await;
    assert!(matches!(client.next().await, Received::Reply { id: 3, data, .. } if data == json!(["draw", 2])));
    client.send_text(r#"42/relay,4["draw"]"#).await;
    assert!(
        matches!(client.next().await, Received::Exception { id: Some(4), failure } if failure.code() == Some("empty"))
    );
    // Nobody asked for an answer.
    client.send_text(r#"42/relay,["draw",1]"#).await;
    client.expect_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn a_name_that_clients_keep_for_themselves_reaches_no_handler() {
    let (_server, mut client) = connect().await;
    for event in RESERVED {
        assert_eq!(
            client.emit_with_ack::<Value>(event, "x").await.unwrap_err().code(),
            Some("unknown_event"),
            "{event}"
        );
    }
}

const RESERVED: [&str; 6] =
    ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"];

#[gateway(namespace = "/reserved")]
struct Reserved;

#[gateway]
impl Reserved {
    #[subscribe]
    fn emit(&self, socket: Socket, Data(event): Data<String>) -> String {
        format!("{:?} {:?}", socket.emit(&event, &1), socket.volatile().emit(&event, &1))
    }

    #[subscribe]
    fn broadcast(&self, namespace: Namespace, Data(event): Data<String>) -> String {
        format!("{:?}", namespace.emit(&event, &1))
    }

    #[subscribe]
    async fn request(&self, socket: Socket, Data(event): Data<String>) -> String {
        let one = socket.emit_with_ack::<()>(&event, &1).await;
        let all = socket.only().emit_with_ack::<()>(&event, &1).await;
        format!("{one:?} {:?}", all.into_iter().map(|(_, answer)| answer).collect::<Vec<_>>())
    }

    #[subscribe]
    fn reply(&self, Data(event): Data<String>) -> Reply {
        Reply::event(event, 1)
    }
}

#[tokio::test(start_paused = true)]
async fn a_name_that_clients_keep_for_themselves_is_not_sent() {
    let server = Server::empty().gateway::<Reserved>().test().await.unwrap();
    let mut client = server.connect("/reserved").await.unwrap();
    for event in RESERVED {
        let emitted: String = client.emit_with_ack("emit", event).await.unwrap();
        assert_eq!(emitted, "Err(Reserved) Err(Reserved)", "{event}");
        let sent: String = client.emit_with_ack("broadcast", event).await.unwrap();
        assert_eq!(sent, "BroadcastResult { queued: 0, skipped: 1, not_published: false }", "{event}");
        let asked: String = client.emit_with_ack("request", event).await.unwrap();
        assert_eq!(asked, "Err(Unsent(Reserved)) [Err(Unsent(Reserved))]", "{event}");
        assert_eq!(
            client.emit_with_ack::<Value>("reply", event).await.unwrap_err().code(),
            Some("internal"),
            "{event}"
        );
    }
    client.expect_nothing().await;
}

/// Events that listeners heard, in order.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<String>>>);

impl Heard {
    fn note(&self, way: &str, traffic: &EventInfo<'_>) {
        let EventInfo { namespace, socket, event, .. } = traffic;
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(format!("{way} {namespace} {socket} {event}"));
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

#[gateway(namespace = "/heard/{name}")]
struct Loud;

#[gateway]
impl Loud {
    #[subscribe]
    fn id(&self, socket: Socket) -> SocketId {
        socket.id().clone()
    }

    #[subscribe]
    fn say(&self, socket: Socket, namespace: Namespace) -> Result<&'static str, Exception> {
        socket.emit("said", &1)?;
        namespace.emit("everybody", &1);
        Ok("answered")
    }

    #[subscribe]
    async fn ask(&self, socket: Socket) -> Result<u8, Exception> {
        Ok(socket.emit_with_ack("asked", &()).await?)
    }
}

async fn id(client: &mut TestClient) -> String {
    client.emit_with_ack("id", ()).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn listeners_hear_of_every_event_both_ways() {
    let (heard, incoming, outgoing) = <(Heard, Heard, Heard)>::default();
    let (into, out) = (heard.clone(), heard.clone());
    let server = Server::empty()
        .gateway::<Loud>()
        .on_incoming(move |traffic| into.note("in", traffic))
        .on_outgoing(move |traffic| out.note("out", traffic))
        .on_incoming({
            let incoming = incoming.clone();
            move |traffic| incoming.note("", traffic)
        })
        .on_outgoing({
            let outgoing = outgoing.clone();
            move |traffic| outgoing.note("", traffic)
        })
        .test()
        .await
        .unwrap();
    let mut ann = server.connect("/heard/x").await.unwrap();
    let mut bob = server.connect("/heard/x").await.unwrap();
    let (ann_id, bob_id) = (id(&mut ann).await, id(&mut bob).await);
    let line = |way: &str, id: &str, event: &str| format!("{way} /heard/x {id} {event}");
    assert_eq!(heard.take(), [line("in", &ann_id, "id"), line("in", &bob_id, "id")]);

    assert_eq!(ann.emit_with_ack::<String>("say", ()).await.unwrap(), "answered");
    let mut said = heard.take();
    said[2..].sort();
    let mut both = [line("out", &ann_id, "everybody"), line("out", &bob_id, "everybody")];
    both.sort();
    assert_eq!(said[..2], [line("in", &ann_id, "say"), line("out", &ann_id, "said")]);
    assert_eq!(said[2..], both);

    bob.emit("no handler", ()).await;
    ann.begin("ask", ()).await;
    let (ask, _) = ann.expect_question("asked").await;
    ann.answer(ask, 1).await;
    let expected = [line("in", &bob_id, "no handler"), line("in", &ann_id, "ask"), line("out", &ann_id, "asked")];
    assert_eq!(heard.take(), expected);
    assert_eq!((incoming.take().len(), outgoing.take().len()), (5, 4));
}

#[tokio::test(start_paused = true)]
async fn a_listener_that_panics_disturbs_nobody() {
    let heard = Heard::default();
    let after = heard.clone();
    let server = Server::empty()
        .gateway::<Loud>()
        .on_incoming(|_| panic!("on request"))
        .on_incoming(move |traffic| after.note("in", traffic))
        .on_outgoing(|_| panic!("on request"))
        .test()
        .await
        .unwrap();
    let mut ann = server.connect("/heard/x").await.unwrap();
    assert_eq!(ann.emit_with_ack::<String>("say", ()).await.unwrap(), "answered");
    assert_eq!((ann.expect_named("said").await, ann.expect_named("everybody").await), (json!(1), json!(1)));
    assert_eq!(heard.take().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_catch_all_is_an_ordinary_method() {
    let args = Args((1, 2)).to_args().unwrap();
    let Data(answer) = Relay.any(EventName("draw".into()), args).await.unwrap();
    assert_eq!(answer, ("draw".to_owned(), 2));
}
