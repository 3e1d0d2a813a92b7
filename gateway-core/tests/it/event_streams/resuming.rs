//! Streams whose session goes on while others still deal with it: back before the loss was noticed, lost again on the way
//! in, sent away while they are away. `connections/resuming.rs` has the same for clients with one connection.

use std::future::IntoFuture;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gateway_core::Disconnect;
use gateway_core::http::StatusCode;
use gateway_core::metrics::Counter;
use gateway_core::prelude::*;
use gateway_core::serve::Recovery;
use gateway_core::testing::{ConnectError, EventStreamBuilder, EventStreamClient, TestServer};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::serve;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn write(&self, line: impl Into<String>) {
        self.0.lock().unwrap().push(line.into());
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// Lets connect hooks of clients that come back end.
#[derive(Clone)]
struct Gate(Arc<Semaphore>);

#[gateway(namespace = "/chat")]
struct Chat {
    log: Log,
    gate: Gate,
}

#[gateway]
impl Chat {
    #[on_connect]
    async fn joined(&self, socket: Socket) -> Result<(), ConnectRejection> {
        if !socket.is_recovered() {
            self.log.write("new");
            return Ok(socket.join("general").await?);
        }
        self.log.write("back");
        if socket.handshake().header("x-name") == Some("mallory") {
            return Err(ConnectRejection::new("not_you", "not you"));
        }
        self.gate.0.acquire().await.unwrap().forget();
        Ok(())
    }

    #[subscribe]
    async fn remember(&self, socket: Socket, Data(text): Data<String>) {
        sleep(Duration::from_millis(500)).await;
        socket.set_state(text);
        socket.join("late").await.unwrap();
    }

    #[subscribe]
    fn state(&self, socket: Socket) -> Data<(Option<String>, Vec<String>)> {
        let mut rooms = socket.rooms();
        rooms.sort();
        Data((socket.state::<String>().map(|text| (*text).clone()), rooms))
    }

    #[on_disconnect]
    async fn left(&self, why: DisconnectReason) {
        sleep(Duration::from_millis(100)).await;
        self.log.write(format!("left: {why}"));
    }
}

struct Case {
    server: TestServer,
    log: Log,
    gate: Gate,
}

impl Case {
    async fn new() -> Self {
        let (log, gate) = (Log::default(), Gate(Arc::new(Semaphore::new(0))));
        let recovery = Recovery::new().within(Duration::from_mins(2));
        let (own_log, own_gate) = (log.clone(), gate.clone());
        let server = serve::<Chat>(|server| server.recovery(recovery).provide(own_log).provide(own_gate)).await;
        Self { server, log, gate }
    }

    /// A new socket that has heard an event.
    async fn connected(&self) -> EventStreamClient {
        let mut client = self.server.connect_sse("/chat").await.unwrap();
        self.server.of("/chat").emit("first", &1);
        assert_eq!(client.expect_named("first").await.data::<u8>(), 1);
        assert_eq!(client.expect_named("gateway:session").await.data::<Value>()["resumed"], false);
        assert_eq!(self.log.take(), ["new"]);
        client
    }

    fn let_in(&self) {
        self.gate.0.add_permits(1);
    }

    fn again(&self, id: &str) -> EventStreamBuilder {
        self.server.connect_sse("/chat").last_event_id(id)
    }

    /// A client that has resumed; what it has missed is unread.
    async fn back(&self, id: &str) -> EventStreamClient {
        self.let_in();
        self.again(id).await.unwrap()
    }

    async fn is_new(&self, id: &str) {
        let mut client = self.again(id).await.unwrap();
        assert_eq!(client.expect_named("gateway:session").await.data::<Value>()["resumed"], false);
    }

    /// Begins to come back, and waits until its hook waits.
    async fn coming_back(&self, id: &str) -> JoinHandle<Result<EventStreamClient, ConnectError>> {
        let coming = tokio::spawn(self.again(id).into_future());
        settle().await;
        coming
    }
}

async fn settle() {
    sleep(Duration::from_millis(200)).await;
}

/// Ends a stream and returns the id that resumes it.
async fn lose(client: EventStreamClient) -> String {
    let id = client.last_event_id().to_owned();
    client.close().await;
    id
}

async fn is_resumed(client: &mut EventStreamClient) {
    assert_eq!(client.expect_named("gateway:session").await.data::<Value>()["resumed"], true);
}

#[tokio::test(start_paused = true)]
async fn who_is_back_before_the_loss_was_noticed_takes_the_session_over() {
    let case = Case::new().await;
    let mut phone = case.connected().await;
    case.server.of("/chat").emit("missed", &"by the old one");
    let mut again = case.back(phone.last_event_id()).await;
    assert_eq!(again.expect_named("missed").await.data::<String>(), "by the old one");
    is_resumed(&mut again).await;
    again.expect_nothing().await;
    assert_eq!(case.server.of("/chat").to("general").count(), 1);
    assert_eq!(case.log.take(), ["left: the client resumed on another connection (4503)", "back"]);
    assert_eq!(case.server.of("/chat").emit("after", &2).queued, 1);
    assert_eq!(again.expect_named("after").await.data::<u8>(), 2);

    assert_eq!(phone.expect_named("missed").await.data::<String>(), "by the old one");
    let close = phone.expect_named("gateway:close").await.data::<Value>();
    assert_eq!((&close["code"], &close["reconnect"]), (&json!(4503), &json!(false)));
    assert_eq!(phone.next().await, None);
    // The earlier stream's id speaks for nobody, once it has ended.
    settle().await;
    let (status, text) = phone.post(r#"{"event":"state","id":1}"#).await;
    assert_eq!(status, StatusCode::NOT_FOUND, "{text}");
    let (_, rooms): (Option<String>, Vec<String>) = again.emit_with_ack("state", ()).await.unwrap();
    assert_eq!(rooms, ["general"]);
    // And it may be lost as any other.
    let id = lose(again).await;
    settle().await;
    is_resumed(&mut case.back(&id).await).await;
}

#[tokio::test(start_paused = true)]
async fn the_disconnect_hook_has_ended_before_the_connect_hook_of_the_same_socket_begins() {
    let case = Case::new().await;
    let mut ann = case.connected().await;
    ann.emit("remember", "x").await;
    let id = lose(ann).await;
    sleep(Duration::from_millis(49)).await;
    let began = Instant::now();
    let mut ann = case.back(&id).await;
    assert_eq!(case.log.take(), ["left: the connection was lost (1006)", "back"]);
    assert_eq!(began.elapsed().as_millis(), 550, "the handler's time, and the hook's");
    let (state, rooms): (Option<String>, Vec<String>) = ann.emit_with_ack("state", ()).await.unwrap();
    assert_eq!((state.as_deref(), rooms), (Some("x"), vec!["general".to_owned(), "late".to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn who_is_lost_on_the_way_in_may_try_again() {
    let case = Case::new().await;
    let id = lose(case.connected().await).await;
    settle().await;
    for attempt in 0..3 {
        case.server.of("/chat").emit("missed", &attempt);
        case.coming_back(&id).await.abort();
        settle().await;
    }
    assert_eq!(case.server.count(Counter::Recoveries), 0);
    let mut ann = case.back(&id).await;
    for attempt in 0..3 {
        assert_eq!(ann.expect_named("missed").await.data::<i32>(), attempt);
    }
    is_resumed(&mut ann).await;
    ann.expect_nothing().await;
    assert_eq!(case.log.take(), ["left: the connection was lost (1006)", "back", "back", "back", "back"]);
    assert_eq!(case.server.count(Counter::Recoveries), 1);
}

#[tokio::test(start_paused = true)]
async fn who_tries_again_while_its_first_try_is_under_way_takes_over_from_it() {
    let case = Case::new().await;
    let id = lose(case.connected().await).await;
    settle().await;
    let first = case.coming_back(&id).await;
    case.server.of("/chat").emit("missed", &1);
    let second = case.coming_back(&id).await;
    // Its browser tries again, or has gone.
    first.await.unwrap().unwrap_err();
    case.let_in();
    let mut ann = second.await.unwrap().unwrap();
    assert_eq!(ann.expect_named("missed").await.data::<u8>(), 1);
    is_resumed(&mut ann).await;
    assert_eq!(case.server.of("/chat").count(), 1);
}

#[tokio::test(start_paused = true)]
async fn who_has_missed_a_thousand_events_comes_in_while_more_are_sent() {
    let case = Case::new().await;
    let id = lose(case.connected().await).await;
    settle().await;
    let send = |numbers: std::ops::Range<usize>| {
        for number in numbers {
            case.server.of("/chat").emit("n", &number);
        }
    };
    send(0..1000);
    let coming = case.coming_back(&id).await;
    send(1000..1200);
    case.let_in();
    let mut ann = coming.await.unwrap().unwrap();
    for number in 0..1200 {
        assert_eq!(ann.expect_named("n").await.data::<usize>(), number);
    }
    is_resumed(&mut ann).await;
    ann.expect_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn who_was_refused_may_come_back_with_better_credentials() {
    let case = Case::new().await;
    let id = lose(case.connected().await).await;
    settle().await;
    case.server.of("/chat").emit("missed", &"once");
    let refused = case.again(&id).header("x-name", "mallory").await;
    assert!(matches!(refused, Err(ConnectError::Refused(..))), "{refused:?}");
    let mut ann = case.back(&id).await;
    assert_eq!(ann.expect_named("missed").await.data::<String>(), "once");
    is_resumed(&mut ann).await;
    ann.expect_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn who_was_disconnected_while_away_does_not_come_back() {
    for by_handle in [false, true] {
        let case = Case::new().await;
        let ann = case.connected().await;
        let socket = case.server.of("/chat").sockets().pop().unwrap();
        let id = lose(ann).await;
        settle().await;
        let general = case.server.of("/chat").to("general");
        assert_eq!(general.emit("missed", &1).queued, 1);
        if by_handle {
            socket.disconnect(Disconnect::default());
        } else {
            assert_eq!(general.disconnect(Disconnect::default()), 1);
        }
        assert_eq!(general.emit("missed", &1).queued, 0, "nothing is kept for it");
        settle().await;
        assert_eq!(case.server.of("/chat").rooms(), []);
        case.is_new(&id).await;
    }
}

#[tokio::test(start_paused = true)]
async fn who_is_disconnected_on_the_way_in_does_not_come_back() {
    let case = Case::new().await;
    let id = lose(case.connected().await).await;
    settle().await;
    let coming = case.coming_back(&id).await;
    assert_eq!(case.server.of("/chat").all().disconnect(Disconnect::default()), 1);
    coming.await.unwrap().unwrap_err();
    case.is_new(&id).await;
}

#[tokio::test(start_paused = true)]
async fn a_handle_from_before_the_loss_reaches_the_client_that_came_back() {
    let case = Case::new().await;
    let ann = case.connected().await;
    let socket = case.server.of("/chat").sockets().pop().unwrap();
    let id = lose(ann).await;
    settle().await;
    let mut ann = case.back(&id).await;
    socket.emit("told", &1).unwrap();
    assert_eq!(ann.expect_named("told").await.data::<u8>(), 1);
    socket.volatile().emit("pointer", &"a text").unwrap();
    assert_eq!(ann.expect_named("pointer").await.data::<String>(), "a text");
    let question = tokio::spawn(async move {
        let answer = socket.emit_with_ack::<u8>("sure?", &()).await.unwrap();
        socket.disconnect(Disconnect::default());
        answer
    });
    let asked = ann.expect_named("gateway:ask").await.data::<Value>();
    ann.answer(asked["ask"].as_u64().unwrap(), 7).await;
    assert_eq!(question.await.unwrap(), 7);
    ann.expect_named("gateway:close").await;
    settle().await;
    assert_eq!(case.server.of("/chat").count(), 0);
}

#[tokio::test(start_paused = true)]
async fn nobody_who_is_away_is_asked() {
    let case = Case::new().await;
    let id = lose(case.connected().await).await;
    let mut bob = case.connected().await;
    settle().await;
    case.log.take();
    let general = case.server.of("/chat").to("general");
    let votes = tokio::spawn(async move { general.emit_with_ack::<u8>("vote", &()).await });
    let asked = bob.expect_named("gateway:ask").await.data::<Value>();
    bob.answer(asked["ask"].as_u64().unwrap(), 1).await;
    let votes = votes.await.unwrap();
    assert_eq!((votes.len(), votes.all().unwrap()), (1, vec![1]));
    is_resumed(&mut case.back(&id).await).await;
}
