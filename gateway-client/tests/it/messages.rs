//! Events, requests, streams and questions between a client and a real server in memory.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use gateway_client::{Bounds, Client, EventError, Exception, RequestError, SendError, Status};
use gateway_core::prelude::{
    Ack, ConnectRejection, Data, Exception as ServerException, Handshake, Namespace, Socket, gateway, on_connect,
    subscribe,
};
use gateway_core::{RequestError as ServerRequestError, Server};
use gateway_types::{Event, Request};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};

use crate::memory::{Network, serve};

#[derive(Debug, Deserialize, Event, PartialEq, Serialize)]
#[event("posted")]
struct Posted {
    text: String,
}

#[derive(Debug, Deserialize, Event, PartialEq, Serialize)]
#[event("moved", args)]
struct Moved(u32, u32);

#[derive(Debug, Deserialize, Event, PartialEq, Serialize)]
#[event("rang", args)]
struct Rang;

#[derive(Deserialize, Request, Serialize)]
#[request("post", reply = usize)]
struct Post {
    text: String,
}

#[derive(Deserialize, Request, Serialize)]
#[request("count", reply = u32)]
struct Count(u32);

#[gateway(namespace = "/chat")]
struct Chat;

#[gateway]
impl Chat {
    #[on_connect]
    fn joined(&self, socket: Socket, handshake: Handshake) -> Result<(), ConnectRejection> {
        if handshake.auth::<Value>().is_ok_and(|auth| auth == "bad") {
            return Err(ConnectRejection::new("bad_login", "who are you?"));
        }
        let _ = socket.emit("welcome", &handshake.auth::<Value>().unwrap_or_default());
        Ok(())
    }

    #[subscribe]
    fn post(&self, namespace: Namespace, Data(post): Data<Post>) -> usize {
        namespace.send(Posted { text: post.text }).queued
    }

    #[subscribe("move")]
    fn moved(&self, socket: Socket) -> Result<(), ServerException> {
        socket.send(Moved(1, 2))?;
        socket.send(Rang)?;
        Ok(socket.emit("bytes", &Bytes::from_static(b"hi"))?)
    }

    #[subscribe]
    fn fail(&self) -> Result<(), ServerException> {
        Err(ServerException::new("muted", "you are muted").with_details(&json!({"until": "noon"})))
    }

    #[subscribe]
    async fn never(&self, _ack: Ack) {
        std::future::pending::<()>().await;
    }

    #[subscribe]
    fn count(&self, Data(end): Data<u32>) -> impl futures_core::Stream<Item = u32> {
        stream::iter(1..=end)
    }

    #[subscribe]
    fn ticks(&self, socket: Socket) -> impl futures_core::Stream<Item = u32> {
        let dropped = Dropped(socket);
        stream::unfold((0, dropped), |(tick, dropped)| async move {
            sleep(Duration::from_secs(1)).await;
            Some((tick, (tick + 1, dropped)))
        })
    }

    #[subscribe]
    fn reverse(&self, Data(bytes): Data<Bytes>) -> Bytes {
        bytes.iter().rev().copied().collect()
    }

    #[subscribe]
    async fn ask(&self, socket: Socket, Data(event): Data<String>) -> Value {
        match socket.emit_with_ack::<Value>(&event, &20).timeout(Duration::from_secs(1)).await {
            Ok(answer) => answer,
            Err(ServerRequestError::Timeout) => json!("timeout"),
            Err(error) => json!(error.to_string()),
        }
    }
}

/// Tells the client when the stream that owns it is dropped.
struct Dropped(Socket);

impl Drop for Dropped {
    fn drop(&mut self) {
        let _ = self.0.emit("dropped", &());
    }
}

async fn network() -> Network {
    serve(Server::empty().gateway::<Chat>()).await.0
}

async fn connected() -> Client {
    network().await.client("/chat").connect().await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn events_are_read_by_their_types() {
    let client = network().await.client("/chat").build().unwrap();
    let mut welcome = client.on::<Value>("welcome");
    let (mut posted, mut moved, mut rang) =
        (client.events::<Posted>(), client.events::<Moved>(), client.events::<Rang>());
    let mut bytes = client.on::<Bytes>("bytes");
    let mut wrong = client.on::<u32>("posted");

    assert_eq!(client.call(&Post { text: "hello".into() }).await.unwrap(), 1);
    client.request::<()>("move", &()).await.unwrap();

    assert_eq!(welcome.next().await.unwrap().unwrap(), Value::Null);
    assert_eq!(posted.next().await.unwrap().unwrap(), Posted { text: "hello".into() });
    assert_eq!(moved.next().await.unwrap().unwrap(), Moved(1, 2));
    assert_eq!(rang.next().await.unwrap().unwrap(), Rang);
    assert_eq!(bytes.next().await.unwrap().unwrap(), "hi");
    assert!(matches!(wrong.next().await, Some(Err(EventError::Malformed(_)))));
    client.close().await;
    assert!(posted.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn credentials_go_as_an_entry_or_in_the_query() {
    let network = network().await;
    let login = json!({"name": "ann & bob"});
    for in_query in [false, true] {
        let builder = network.client("/chat?x=1").auth(&login);
        let client = if in_query { builder.auth_in_query() } else { builder }.build().unwrap();
        let mut welcome = client.on::<Value>("welcome");
        client.ready().await.unwrap();
        assert_eq!(welcome.next().await.unwrap().unwrap(), login);
    }
    let client = network.client("/chat").auth_with(|| async { Ok::<_, std::io::Error>("ann") }).build().unwrap();
    let mut welcome = client.on::<String>("welcome");
    client.ready().await.unwrap();
    assert_eq!(welcome.next().await.unwrap().unwrap(), "ann");
}

#[tokio::test(start_paused = true)]
async fn a_refused_client_is_closed_with_the_exception() {
    for resumes in [true, false] {
        let client = network().await.client("/chat").auth("bad").resume(resumes).build().unwrap();
        let mut status = client.watch();
        client.emit("post", &json!({"text": "a"})).await.unwrap();
        let Status::Closed(closed) = &*status.wait_for(|status| matches!(status, Status::Closed(_))).await.unwrap()
        else {
            unreachable!()
        };
        assert_eq!((closed.code, &*closed.reason), (4500, "refused"));
        assert!(closed.error.as_ref().unwrap().to_string().contains("bad_login"), "{closed}");
        assert!(matches!(client.emit("post", &1).await, Err(SendError::Closed(_))));
        assert!(matches!(client.request::<()>("post", &1).await.unwrap_err().code(), "closed"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_ends_in_one_of_its_ways() {
    let client = connected().await;
    let Err(RequestError::Exception(muted)) = client.request::<()>("fail", &()).await else { panic!("not muted") };
    assert_eq!((muted.code(), muted.message(), muted.event()), ("muted", "you are muted", Some("fail")));
    assert_eq!(muted.details(), Some(&json!({"until": "noon"})));
    assert!(matches!(client.request::<String>("post", &json!({"text": ""})).await, Err(RequestError::Malformed(_))));
    assert_eq!(client.request::<()>("nothing", &()).await.unwrap_err().code(), "unknown_event");

    let start = Instant::now();
    let late = client.request::<()>("never", &()).timeout(Duration::from_secs(2)).await;
    assert!(matches!(late, Err(RequestError::Timeout)), "{late:?}");
    assert_eq!(start.elapsed(), Duration::from_secs(2));
    assert_eq!(client.request::<()>("never", &()).await.unwrap_err().code(), "timeout");
    assert_eq!(start.elapsed(), Duration::from_secs(12));
}

#[tokio::test(start_paused = true)]
async fn a_dropped_request_is_cancelled_at_the_server() {
    let client = connected().await;
    // The handler waits for ever: only the cancel frees its place.
    assert!(timeout(Duration::from_millis(10), client.request::<()>("never", &())).await.is_err());
    assert_eq!(client.call(&Post { text: "on".into() }).timeout(Duration::from_secs(1)).await.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_read_to_its_end() {
    let client = connected().await;
    let items: Vec<u32> = client.call_stream(&Count(1000)).map(Result::unwrap).collect().await;
    assert_eq!(items, (1..=1000).collect::<Vec<_>>());
    // A value is a stream of one item.
    let one: Vec<usize> =
        client.stream::<usize>("post", &Post { text: String::new() }).map(Result::unwrap).collect().await;
    assert_eq!(one, [1]);
    let mut failed = client.stream::<u32>("fail", &());
    assert_eq!(failed.next().await.unwrap().unwrap_err().code(), "muted");
    assert!(failed.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_dropped_stream_ends_at_the_server() {
    let client = connected().await;
    let mut dropped = client.on::<()>("dropped");
    let mut ticks = client.stream::<u32>("ticks", &());
    assert!(timeout(Duration::from_millis(100), ticks.next()).await.is_err(), "it waits for the first tick");
    assert_eq!(ticks.next().await.unwrap().unwrap(), 0);
    assert_eq!(ticks.next().await.unwrap().unwrap(), 1);
    drop(ticks);
    dropped.next().await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_not_read_overflows_and_ends_at_the_server() {
    let bounds = Bounds { unread: 3, ..Bounds::default() };
    let client = network().await.client("/chat").bounds(bounds).connect().await.unwrap();
    let mut dropped = client.on::<()>("dropped");
    let mut ticks = client.stream::<u32>("ticks", &());
    assert_eq!(ticks.next().await.unwrap().unwrap(), 0);
    dropped.next().await.unwrap().unwrap();
    for expected in 1..=3 {
        assert_eq!(ticks.next().await.unwrap().unwrap(), expected);
    }
    assert!(matches!(ticks.next().await, Some(Err(RequestError::Overflow))));
    assert!(ticks.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn binary_data_is_base64_both_ways() {
    let client = connected().await;
    assert_eq!(client.request::<Bytes>("reverse", &Bytes::from_static(b"abc")).await.unwrap(), "cba");
}

#[tokio::test(start_paused = true)]
async fn the_servers_questions_are_answered() {
    let client = connected().await;
    client.answer("double", |n: u32| async move { Ok(2 * n) });
    client.answer("refuse", |_: u32| async move { Err::<(), _>(Exception::new("no", "not today")) });
    client.answer("text", |_: String| async move { Ok(()) });
    client.answer("slow", |_: u32| async move {
        std::future::pending::<()>().await;
        Ok(())
    });
    let ask = async |event: &str| client.request::<Value>("ask", event).await.unwrap();
    assert_eq!(ask("double").await, 40);
    for (event, code) in [("refuse", "no"), ("text", "malformed"), ("nothing", "unanswerable")] {
        let answer = ask(event).await;
        assert!(answer.as_str().unwrap().contains(code), "{event}: {answer}");
    }
    assert_eq!(ask("slow").await, "timeout");
    assert_eq!(ask("double").await, 40, "it does not wait for the answer before");
}

#[tokio::test(start_paused = true)]
async fn a_client_is_closed_with_its_last_handle() {
    let (network, server) = serve(Server::empty().gateway::<Chat>()).await;
    let client = network.client("/chat").connect().await.unwrap();
    let events = client.events::<Posted>();
    drop(client.clone());
    assert_eq!(server.of("/chat").unwrap().sockets().len(), 1);
    drop(client);
    sleep(Duration::from_mins(1)).await;
    assert_eq!(server.of("/chat").unwrap().sockets().len(), 1, "a subscription keeps it");
    drop(events);
    sleep(Duration::from_secs(1)).await;
    assert_eq!(server.of("/chat").unwrap().sockets().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_waits_is_sent_before_a_close() {
    let network = network().await;
    let bob = network.client("/chat").connect().await.unwrap();
    let mut posted = bob.events::<Posted>();
    let ann = network.client("/chat").connect().await.unwrap();
    for text in 0..100 {
        ann.emit("post", &Post { text: text.to_string() }).await.unwrap();
    }
    let closed = ann.close().await;
    assert_eq!((closed.code, closed.error.is_none()), (1000, true));
    for text in 0..100 {
        assert_eq!(posted.next().await.unwrap().unwrap().text, text.to_string());
    }
    assert!(matches!(ann.ready().await, Err(closed) if closed.code == 1000));
}
