//! Filters: from a failure to what its client is told.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use futures_core::Stream;
use futures_util::stream;
use gateway_core::metrics::Counter;
use gateway_core::pipeline::{Filter, FilterOutcome};
use gateway_core::prelude::*;
use gateway_core::testing::Received;
use gateway_core::{CloseCode, Disconnect};
use serde_json::{Value, json};
use tokio::time::sleep;

#[derive(Debug, thiserror::Error)]
#[error("the disk is full")]
struct DiskFull;

#[derive(Debug, thiserror::Error, Exception)]
enum StoreError {
    #[error("no such document")]
    Missing(u32),
    #[error("the store failed")]
    #[exception(hide)]
    Disk(#[source] DiskFull),
}

#[derive(Debug, thiserror::Error, Exception)]
#[error("you are muted")]
struct Muted;

/// By the type that handlers return.
#[derive(Default)]
struct Stores;

impl Filter for Stores {
    type Error = StoreError;

    fn catch(&self, error: &StoreError, context: &Context<'_>) -> FilterOutcome {
        match error {
            StoreError::Missing(id) => {
                let exception = Exception::new("missing", "look elsewhere").with_details(&json!({"id": id}));
                FilterOutcome::answer(exception.with_cause(&json!({"event": context.event(), "data": context.data()})))
            }
            StoreError::Disk(_) => FilterOutcome::rethrow(),
        }
    }
}

/// By a source of it.
#[derive(Default)]
struct Disks;

impl Filter for Disks {
    type Error = DiskFull;

    fn catch(&self, _: &DiskFull, _: &Context<'_>) -> FilterOutcome {
        FilterOutcome::answer(Exception::new("disk_full", "try again tomorrow"))
    }
}

/// Everything that nobody nearer has caught.
struct Everything(&'static str);

impl Filter for Everything {
    type Error = Exception;

    fn catch(&self, error: &Exception, _: &Context<'_>) -> FilterOutcome {
        FilterOutcome::answer(Exception::new(self.0, format!("{} by {}", error.code().unwrap_or("nothing"), self.0)))
    }
}

#[gateway(namespace = "/store")]
#[filter(Everything("gateway"), Stores)]
struct Store;

#[gateway]
impl Store {
    #[subscribe]
    fn read(&self, Data(id): Data<u32>) -> Result<String, StoreError> {
        Err(StoreError::Missing(id))
    }

    #[subscribe]
    #[filter(Disks)]
    async fn write(&self, _: Data<Value>) -> Result<(), StoreError> {
        sleep(Duration::from_millis(1)).await;
        Err(StoreError::Disk(DiskFull))
    }

    #[subscribe]
    fn say(&self) -> Result<(), Muted> {
        Err(Muted)
    }

    #[subscribe]
    #[filter(Everything("method"))]
    fn shout(&self) -> Result<(), Muted> {
        Err(Muted)
    }

    #[subscribe]
    #[filter(Everything("method"))]
    fn panic(&self) {
        panic!("on request")
    }

    #[subscribe]
    #[filter(Everything("method"))]
    async fn never(&self) {
        std::future::pending::<()>().await;
    }

    #[subscribe]
    #[filter(Everything("method"))]
    #[guard(Nobody)]
    fn guarded(&self) {}
}

#[derive(Default)]
struct Nobody;

impl Guard for Nobody {
    type Grants = ();

    fn check(&self, _: &GuardContext<'_>) -> Result<Grant, Exception> {
        Grant::when(false)
    }
}

async fn code(event: &str, data: Value) -> (String, String) {
    let server = Server::empty().gateway::<Store>().filter(Everything("server")).test().await.unwrap();
    let mut plain = server.connect("/store").await.unwrap();
    let mut other = server.connect("/store").socket_io().await.unwrap();
    let failure = plain.emit_with_ack::<Value>(event, &data).await.unwrap_err();
    let same = other.emit_with_ack::<Value>(event, &data).await.unwrap_err();
    assert_eq!(failure, same);
    (failure.code().unwrap().to_owned(), failure.message().to_owned())
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_caught_by_the_type_of_its_error() {
    let server = Server::empty().gateway::<Store>().test().await.unwrap();
    let mut client = server.connect("/store").await.unwrap();
    let failure = client.emit_with_ack::<String>("read", 7).await.unwrap_err();
    let expected = json!({
        "status": "error", "message": "look elsewhere", "code": "missing", "details": {"id": 7},
        "cause": {"event": "read", "data": 7},
    });
    assert_eq!(*failure.payload(), expected);
}

#[tokio::test(start_paused = true)]
async fn the_nearest_filter_is_asked_first() {
    let check = async |event: &str, data: Value, expected: (&str, &str)| {
        let (code, message) = code(event, data).await;
        assert_eq!((&*code, &*message), expected, "{event}");
    };
    // By a source of the error, at the method.
    check("write", json!(1), ("disk_full", "try again tomorrow")).await;
    // No filter of the method; the gateway's last one does not know the error, the one before it knows all.
    check("say", Value::Null, ("gateway", "muted by gateway")).await;
    check("shout", Value::Null, ("method", "muted by method")).await;
}

#[tokio::test(start_paused = true)]
async fn every_way_to_fail_is_a_failure() {
    let check = async |event: &str, data: Value, expected: &str| {
        assert_eq!(code(event, data).await.1, expected, "{event}");
    };
    check("read", json!("no number"), "unreadable by gateway").await;
    check("guarded", Value::Null, "forbidden by method").await;
    check("panic", Value::Null, "internal by method").await;
    check("never", Value::Null, "timeout by method").await;
}

/// Only what could not be read.
#[derive(Default)]
struct Unreadable;

impl Filter for Unreadable {
    type Error = Rejection;

    fn catch(&self, error: &Rejection, context: &Context<'_>) -> FilterOutcome {
        let path = error.details().map(|faults| &faults[0]["path"]);
        FilterOutcome::reply(Reply::event(
            "unreadable",
            json!({"event": context.event(), "code": error.code(), "path": path}),
        ))
    }
}

/// Ends the socket.
#[derive(Default)]
struct Strict;

impl Filter for Strict {
    type Error = Muted;

    fn catch(&self, _: &Muted, _: &Context<'_>) -> FilterOutcome {
        FilterOutcome::disconnect(Disconnect::new(CloseCode::POLICY, "one word too many"))
    }
}

/// A failure that is an answer.
#[derive(Default)]
struct Lenient;

impl Filter for Lenient {
    type Error = StoreError;

    fn catch(&self, _: &StoreError, _: &Context<'_>) -> FilterOutcome {
        FilterOutcome::reply("never mind")
    }
}

/// As a filter of NestJS does that emits by itself.
#[derive(Default)]
struct Pattern;

impl Filter for Pattern {
    type Error = Exception;

    fn catch(&self, error: &Exception, context: &Context<'_>) -> FilterOutcome {
        FilterOutcome::answer(Exception::payload(&json!({"pattern": context.event(), "message": error.text()})))
    }
}

#[derive(Default)]
struct Explodes;

impl Filter for Explodes {
    type Error = Exception;

    fn catch(&self, _: &Exception, _: &Context<'_>) -> FilterOutcome {
        panic!("on request")
    }
}

#[gateway(namespace = "/ways")]
struct Ways;

#[gateway]
impl Ways {
    #[subscribe]
    #[filter(Unreadable)]
    fn number(&self, Data(number): Data<u8>) -> u8 {
        number
    }

    #[subscribe]
    #[filter(Strict)]
    fn say(&self) -> Result<(), Muted> {
        Err(Muted)
    }

    #[subscribe]
    #[filter(Lenient)]
    fn read(&self) -> Result<(), StoreError> {
        Err(StoreError::Missing(1))
    }

    #[subscribe]
    #[filter(Explodes)]
    fn explode(&self) -> Result<(), Muted> {
        Err(Muted)
    }

    #[subscribe]
    #[filter(Pattern)]
    fn stream(&self) -> impl Stream<Item = Result<u8, Muted>> {
        stream::iter([Ok(1), Ok(2), Err(Muted)])
    }

    #[subscribe]
    #[filter(Lenient)]
    async fn mended(&self) -> impl Stream<Item = Result<u8, StoreError>> {
        sleep(Duration::from_millis(1)).await;
        stream::iter([Ok(1), Err(StoreError::Missing(1))])
    }

    #[subscribe]
    #[filter(Lenient)]
    fn by_hand(&self, _: Ack) -> Result<(), StoreError> {
        Err(StoreError::Missing(1))
    }
}

#[tokio::test(start_paused = true)]
async fn a_filter_may_answer_with_a_value_or_an_event() {
    let server = Server::empty().gateway::<Ways>().test().await.unwrap();
    for mut client in [server.connect("/ways").await.unwrap(), server.connect("/ways").socket_io().await.unwrap()] {
        assert_eq!(client.emit_with_ack::<String>("read", ()).await.unwrap(), "never mind");
        assert_eq!(client.emit_with_ack::<String>("by_hand", ()).await.unwrap(), "never mind");
        client.emit("number", "x").await;
        let told = json!({"event": "number", "code": "unreadable", "path": "$"});
        assert_eq!(client.expect_named("unreadable").await, told);
    }
}

#[tokio::test(start_paused = true)]
async fn a_filter_may_end_the_socket() {
    let server = Server::empty().gateway::<Ways>().test().await.unwrap();
    let mut client = server.connect("/ways").await.unwrap();
    assert_eq!(client.emit_with_ack::<Value>("say", ()).await.unwrap_err().code(), Some("muted"));
    let closed = client.closed().await.unwrap();
    assert_eq!((closed.code, &*closed.reason), (CloseCode::POLICY, "one word too many"));
}

#[tokio::test(start_paused = true)]
async fn a_filter_that_panics_is_a_failure_like_any_other() {
    let server = Server::empty().gateway::<Ways>().test().await.unwrap();
    let mut client = server.connect("/ways").await.unwrap();
    let failure = client.emit_with_ack::<Value>("explode", ()).await.unwrap_err();
    assert_eq!((failure.code(), failure.payload()["id"].is_string()), (Some("internal"), true));
    assert_eq!(server.count(Counter::Panics), 1);
    assert_eq!(client.emit_with_ack::<u8>("number", 1).await.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_fails_is_caught_too() {
    let server = Server::empty().gateway::<Ways>().test().await.unwrap();
    let mut client = server.connect("/ways").await.unwrap();
    let mut stream = client.stream("stream", ()).await;
    assert_eq!(stream.next::<u8>().await.unwrap().unwrap(), 1);
    assert_eq!(stream.next::<u8>().await.unwrap().unwrap(), 2);
    let failure = stream.next::<u8>().await.unwrap().unwrap_err();
    assert_eq!(*failure.payload(), json!({"pattern": "stream", "message": "you are muted"}));
    let mended: Vec<Value> = client.stream("mended", ()).await.collect().await.unwrap();
    assert_eq!(mended, [json!(1), json!("never mind")]);
    client.expect_nothing().await;

    let mut client = server.connect("/ways").socket_io().await.unwrap();
    client.emit("stream", ()).await;
    let Received::Exception { failure, .. } = client.next().await else { panic!("no exception") };
    assert_eq!(failure.payload()["pattern"], "stream");
}

#[derive(Default)]
struct Another;

impl Filter for Another {
    type Error = Exception;

    fn catch(&self, _: &Exception, _: &Context<'_>) -> FilterOutcome {
        FilterOutcome::reply(Reply::stream(stream::iter([7, 8])))
    }
}

#[gateway(namespace = "/streams")]
#[filter(Another)]
struct Streams;

#[gateway]
impl Streams {
    #[subscribe]
    fn stream(&self) -> impl Stream<Item = Result<u8, Muted>> {
        stream::iter([Ok(1), Err(Muted)])
    }

    #[subscribe]
    fn single(&self) -> Result<u8, Muted> {
        Err(Muted)
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_fails_is_not_mended_by_another() {
    let server = Server::empty().gateway::<Streams>().test().await.unwrap();
    let mut client = server.connect("/streams").await.unwrap();
    let failure = client.stream("stream", ()).await.collect::<u8>().await.unwrap_err();
    assert_eq!(failure.code(), Some("internal"));
    assert_eq!(client.stream("single", ()).await.collect::<u8>().await.unwrap(), [7, 8]);
}

#[derive(Debug, thiserror::Error, Exception)]
#[error("the pantry is empty")]
#[exception(code = "pantry", hide)]
struct Pantry;

#[gateway(namespace = "/hidden")]
struct Hides;

#[gateway]
impl Hides {
    #[subscribe]
    fn cook(&self) -> Result<(), Pantry> {
        Err(Pantry)
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_hidden_has_an_id_under_which_the_log_has_it() {
    let server = Server::empty().gateway::<Hides>().test().await.unwrap();
    let mut client = server.connect("/hidden").await.unwrap();
    let failure = client.emit_with_ack::<()>("cook", ()).await.unwrap_err();
    let id = failure.payload()["id"].as_str().unwrap().to_owned();
    let expected = json!({
        "status": "error", "message": "Internal server error", "code": "pantry", "id": id,
        "cause": {"pattern": "cook"},
    });
    assert_eq!(*failure.payload(), expected);
    assert_ne!(client.emit_with_ack::<()>("cook", ()).await.unwrap_err().payload()["id"], *id);
}
