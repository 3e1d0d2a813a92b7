//! Server-sent events over HTTP/2: the stream and its POSTs share a connection.

use bytes::Bytes;
use gateway_core::prelude::*;
use gateway_core::serve::ServerSentEvents;
use h2::{Reason, RecvStream, SendStream};
use http::Method;
use tokio::time::timeout;

use crate::client::{Client, PATIENCE};
use crate::server::Probe;

/// A client that listens.
struct Listener {
    receiving: RecvStream,
    sending: SendStream<Bytes>,
    read: String,
}

impl Listener {
    async fn open(client: &mut Client) -> Self {
        let request = client.to(Method::GET, "/probe").header("accept", "text/event-stream");
        let (response, mut sending) = client.open(request).await;
        sending.send_data(Bytes::new(), true).expect("a request without a body");
        let response = timeout(PATIENCE, response).await.expect("an answer").expect("no reset");
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert!(!response.headers().contains_key("connection"), "RFC 9113 §8.2.2");
        Self { receiving: response.into_body(), sending, read: String::new() }
    }

    /// Reads up to the end of this text, and returns it with what came before.
    async fn until(&mut self, end: &str) -> String {
        loop {
            if let Some(at) = self.read.find(end) {
                let rest = self.read.split_off(at + end.len());
                return std::mem::replace(&mut self.read, rest);
            }
            let data = timeout(PATIENCE, self.receiving.data()).await.expect("events");
            let data = data.unwrap_or_else(|| panic!("the stream ended before {end:?}: {}", self.read)).expect("data");
            self.receiving.flow_control().release_capacity(data.len()).expect("it was taken");
            self.read.push_str(std::str::from_utf8(&data).expect("a text"));
        }
    }

    async fn expect(&mut self, name: &str, count: usize, bytes: usize) {
        let event = format!("event: {name}\ndata: \"{}\"\n\n", "x".repeat(bytes));
        for number in 0..count {
            assert_eq!(self.until("\n\n").await, event, "{number}");
        }
    }

    async fn stream_id(&mut self) -> String {
        self.until("data: {\"stream\":\"").await;
        let id = self.until("\"").await.trim_end_matches('"').to_owned();
        self.until("\n\n").await;
        id
    }
}

async fn start() -> Probe {
    Probe::with(|server| server.server_sent_events(ServerSentEvents::new())).await
}

async fn post(client: &mut Client, stream: &str, body: impl Into<Bytes>) -> String {
    let request = client.to(Method::POST, "/probe").header("gateway-stream", stream);
    client.request(request, body).await.body
}

/// An event that is answered on the stream.
const ECHO: &str = r#"{"event":"echo","data":0}"#;

#[tokio::test]
async fn many_streams_of_one_connection_listen_and_post() {
    let server = start().await;
    let mut client = server.dial().await;
    let mut listeners = Vec::new();
    for _ in 0..20 {
        let mut listener = Listener::open(&mut client).await;
        let id = listener.stream_id().await;
        listeners.push((listener, id));
    }
    for (number, (listener, id)) in (1..).zip(&mut listeners) {
        let asked = format!(r#"{{"event":"echo","data":"asked","id":{number}}}"#);
        assert_eq!(post(&mut client, id, asked.clone()).await, asked);
        assert_eq!(post(&mut client, id, ECHO).await, "");
        assert_eq!(listener.until("\n\n").await, "event: echo\ndata: 0\n\n");
    }
}

#[tokio::test]
async fn a_stream_that_is_reset_is_gone_and_its_neighbour_listens_on() {
    let mut server = start().await;
    let mut client = server.dial().await;
    let (mut one, mut other) = (Listener::open(&mut client).await, Listener::open(&mut client).await);
    one.stream_id().await;
    let id = other.stream_id().await;
    one.sending.send_reset(Reason::CANCEL);
    drop(one);
    assert_eq!(server.end().await, DisconnectReason::Lost);
    post(&mut client, &id, ECHO).await;
    assert_eq!(other.until("\n\n").await, "event: echo\ndata: 0\n\n");
}

#[tokio::test]
async fn a_server_that_stops_ends_each_stream_with_its_reason() {
    let server = start().await;
    let mut client = server.dial().await;
    let mut listener = Listener::open(&mut client).await;
    listener.stream_id().await;
    let stopping = tokio::spawn(server.running.stop());
    listener.until("event: gateway:close\ndata: {\"code\":1001,").await;
    listener.until("\n\n").await;
    while let Some(rest) = timeout(PATIENCE, listener.receiving.data()).await.expect("the end") {
        assert!(rest.expect("no reset").is_empty(), "the last event is the last");
    }
    drop(client);
    stopping.await.expect("it stops");
}

/// More than a slow client may have waiting, sent in one turn.
#[tokio::test]
async fn a_burst_reaches_every_stream_that_is_read() {
    let server = start().await;
    let mut client = server.dial().await;
    let (mut one, mut other) = (Listener::open(&mut client).await, Listener::open(&mut client).await);
    let id = one.stream_id().await;
    other.stream_id().await;
    for (count, bytes) in [(1500, 8), (510, 3000), (100, 15_000)] {
        let asked = format!(r#"{{"event":"burst","data":[{count},{bytes}],"id":1}}"#);
        let reading = async {
            one.expect("own", count, bytes).await;
            one.expect("all", count, bytes).await;
        };
        let (answer, (), ()) = tokio::join!(post(&mut client, &id, asked), reading, other.expect("all", count, bytes));
        assert_eq!(answer, r#"{"event":"burst","data":0,"id":1}"#);
    }
}
