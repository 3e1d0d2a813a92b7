//! Clients whose session goes on while others still deal with it: back before the loss was noticed, lost again on the way in,
//! sent away while they are away.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use gateway_core::extract::Args;
use gateway_core::metrics::Counter;
use gateway_core::prelude::*;
use gateway_core::serve::Recovery;
use gateway_core::testing::{ConnectBuilder, ConnectError, LostConnection, Received, TestClient, TestServer};
use gateway_core::{CloseCode, Disconnect};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep};

const WITHIN: Duration = Duration::from_mins(2);

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
        if socket.handshake().auth().is_ok_and(|login: Value| login["name"] == "mallory") {
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

    /// Sends a number each second, through a handle of the session that asked for it.
    #[subscribe]
    fn count(&self, socket: Socket) {
        tokio::spawn(async move {
            for number in 0..20 {
                sleep(Duration::from_secs(1)).await;
                let _ = socket.emit("number", &number);
            }
        });
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

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Format {
    Plain,
    Msgpack,
    Lines,
    SocketIo,
}

const FORMATS: [Format; 4] = [Format::Plain, Format::Msgpack, Format::Lines, Format::SocketIo];

struct Case {
    format: Format,
    server: TestServer,
    log: Log,
    gate: Gate,
}

impl Case {
    async fn new(format: Format) -> Self {
        Self::with(format, Recovery::new().within(WITHIN)).await
    }

    async fn with(format: Format, recovery: Recovery) -> Self {
        let (log, gate) = (Log::default(), Gate(Arc::new(Semaphore::new(0))));
        let server = Server::empty().gateway::<Chat>().gateway::<Other>().provide(log.clone()).provide(gate.clone());
        Self { format, server: server.recovery(recovery).test().await.unwrap(), log, gate }
    }

    fn client(&self) -> ConnectBuilder<'_> {
        client_of(&self.server, self.format, "/chat")
    }

    /// A new socket that has heard an event, so that it can come back on either format.
    async fn connected(&self) -> TestClient {
        let mut client = self.client().await.unwrap();
        self.server.of("/chat").emit("first", &1);
        assert_eq!(client.expect_named("first").await, 1);
        assert_eq!(self.log.take(), ["new"], "{:?}", self.format);
        client
    }

    fn let_in(&self) {
        self.gate.0.add_permits(1);
    }

    async fn back(&self, lost: &LostConnection) -> TestClient {
        self.let_in();
        let client = self.client().come_back(lost).await.unwrap();
        assert!(client.is_recovered(), "{:?}", self.format);
        client
    }

    async fn is_new(&self, lost: &LostConnection) -> TestClient {
        let client = self.client().come_back(lost).await.unwrap();
        assert!(!client.is_recovered(), "{:?}", self.format);
        client
    }

    /// Begins to come back, and waits until its hook waits.
    async fn coming_back(&self, lost: &LostConnection) -> TestClient {
        let client = self.client().come_back(lost).without_waiting().unwrap();
        settle().await;
        client
    }
}

fn client_of<'a>(server: &'a TestServer, format: Format, path: &str) -> ConnectBuilder<'a> {
    match format {
        Format::Plain => server.connect(path).resumable(),
        Format::Msgpack => server.connect(path).protocol("gateway.v1.msgpack").resumable(),
        Format::Lines => server.connect_tcp(path).resumable(),
        Format::SocketIo => server.connect(path).socket_io(),
    }
}

async fn settle() {
    sleep(Duration::from_millis(200)).await;
}

#[tokio::test(start_paused = true)]
async fn who_is_back_before_the_loss_was_noticed_takes_the_session_over() {
    for format in FORMATS {
        let case = Case::new(format).await;
        let mut phone = case.connected().await;
        let lost = phone.lost_unnoticed();
        phone.stop_reading();
        case.server.of("/chat").emit("missed", &"by the old one");

        let mut again = case.back(&lost).await;
        assert_eq!(again.expect_named("missed").await, "by the old one");
        again.expect_nothing().await;
        assert_eq!(case.server.of("/chat").to("general").count(), 1, "{format:?}");
        let left = "left: the client resumed on another connection (4503)";
        assert_eq!(case.log.take(), [left, "back"], "{format:?}");
        assert_eq!(case.server.of("/chat").emit("after", &2).queued, 1);
        assert_eq!(again.expect_named("after").await, 2);

        phone.read_on();
        let closed = phone.closed().await;
        match format {
            Format::Plain | Format::Msgpack | Format::Lines => {
                assert_eq!(closed.map(|close| close.code), Some(CloseCode::RESUMED), "{format:?}");
            }
            Format::SocketIo => assert_eq!(closed, None),
        }
        // And it may be lost as any other.
        let lost = again.lose();
        settle().await;
        case.back(&lost).await;
    }
}

/// Nothing else holds the sessions between the first and the latest.
#[tokio::test(start_paused = true)]
async fn an_old_handle_reaches_a_client_that_has_resumed_more_than_once() {
    for format in FORMATS {
        let case = Case::new(format).await;
        let mut client = case.connected().await;
        client.emit_with_ack::<()>("count", ()).await.unwrap();
        let mut number = 0;
        for _ in 0..4 {
            for _ in 0..2 {
                assert_eq!(client.expect_named("number").await, number, "{format:?}");
                number += 1;
            }
            let lost = client.lose();
            // One number is missed, so the next comes when the client is back.
            sleep(Duration::from_millis(1500)).await;
            client = case.back(&lost).await;
        }
        while number < 20 {
            assert_eq!(client.expect_named("number").await, number, "{format:?}");
            number += 1;
        }
    }
}

/// Missed events, and events sent while the hook runs, do not make a client a slow reader.
#[tokio::test(start_paused = true)]
async fn who_has_missed_a_thousand_events_comes_in_while_more_are_sent() {
    for format in FORMATS {
        let case = Case::new(format).await;
        let lost = case.connected().await.lose();
        settle().await;
        let send = |numbers: std::ops::Range<usize>| {
            for number in numbers {
                case.server.of("/chat").emit("n", &number);
            }
        };
        send(0..1000);
        let mut ann = case.coming_back(&lost).await;
        send(1000..1200);
        case.let_in();
        ann.admitted().await.unwrap();
        for number in 0..1200 {
            assert_eq!(event(ann.next().await), ("n".to_owned(), json!(number)), "{format:?}");
        }
        ann.expect_nothing().await;
    }
}

/// A client that takes over from an open connection is counted among the disconnected ones until it is in.
#[tokio::test(start_paused = true)]
async fn tries_that_fail_keep_no_more_sockets_than_may_be_away() {
    for format in FORMATS {
        let case = Case::with(format, Recovery::new().within(WITHIN).sockets(1)).await;
        let mut clients = [case.connected().await, case.connected().await];
        let lost = clients.each_mut().map(TestClient::lost_unnoticed);
        for lost in &lost {
            drop(case.coming_back(lost).await);
            settle().await;
        }
        assert_eq!(case.server.of("/chat").emit("missed", &1).queued, 1, "{format:?}");
        drop(case.is_new(&lost[1]).await);
        case.back(&lost[0]).await;
    }
}

/// A client that has missed too much is a new socket; nobody is the old one any more.
#[tokio::test(start_paused = true)]
async fn a_session_whose_client_became_another_socket_ends() {
    for format in FORMATS {
        let case = Case::new(format).await;
        let mut phone = case.connected().await;
        let lost = phone.lost_unnoticed();
        phone.stop_reading();
        for number in 0..1100 {
            case.server.of("/chat").emit("n", &number);
        }
        let _ann = case.is_new(&lost).await;
        settle().await;
        assert_eq!(case.server.of("/chat").count(), 1, "{format:?}");
        assert_eq!(case.server.of("/chat").emit("n", &1).queued, 1, "{format:?}: nothing is kept for the old one");
    }
}

#[tokio::test(start_paused = true)]
async fn who_is_lost_on_the_way_in_may_try_again() {
    for format in FORMATS {
        let case = Case::new(format).await;
        let lost = case.connected().await.lose();
        settle().await;
        for attempt in 0..3 {
            case.server.of("/chat").emit("missed", &attempt);
            drop(case.coming_back(&lost).await);
            settle().await;
        }
        assert_eq!(case.server.count(Counter::Recoveries), 0, "{format:?}");
        let mut ann = case.back(&lost).await;
        for attempt in 0..3 {
            assert_eq!(ann.expect_named("missed").await, attempt, "{format:?}");
        }
        ann.expect_nothing().await;
        assert_eq!(ann.emit_with_ack::<(Option<String>, Vec<String>)>("state", ()).await.unwrap().1, ["general"]);
        assert_eq!(case.log.take(), ["left: the connection was lost (1006)", "back", "back", "back", "back"]);
        assert_eq!(case.server.count(Counter::Recoveries), 1, "{format:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_tries_again_while_its_first_try_is_under_way_takes_over_from_it() {
    for format in FORMATS {
        let case = Case::new(format).await;
        let lost = case.connected().await.lose();
        settle().await;
        let mut first = case.coming_back(&lost).await;
        case.server.of("/chat").emit("missed", &1);
        let mut ann = case.coming_back(&lost).await;
        first.closed().await;
        case.let_in();
        ann.admitted().await.unwrap();
        assert!(ann.is_recovered(), "{format:?}");
        assert_eq!(ann.expect_named("missed").await, 1, "{format:?}");
        assert_eq!(case.server.of("/chat").count(), 1, "{format:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn tries_that_fail_make_the_time_to_come_back_no_longer() {
    for format in FORMATS {
        let case = Case::new(format).await;
        let lost = case.connected().await.lose();
        let began = Instant::now();
        while began.elapsed() + Duration::from_secs(10) < WITHIN {
            drop(case.coming_back(&lost).await);
            sleep(Duration::from_secs(5)).await;
        }
        assert_eq!(case.server.of("/chat").emit("missed", &1).queued, 1, "{format:?}");
        sleep(Duration::from_secs(15)).await;
        assert_eq!(case.server.of("/chat").emit("missed", &1).queued, 0, "{format:?}");
        case.is_new(&lost).await;
    }
}

#[tokio::test(start_paused = true)]
async fn who_was_refused_may_come_back_with_better_credentials() {
    for format in FORMATS {
        let case = Case::new(format).await;
        let lost = case.connected().await.lose();
        settle().await;
        case.server.of("/chat").emit("missed", &"once");
        let refused = case.client().come_back(&lost).auth(json!({"name": "mallory"})).await;
        assert!(matches!(refused, Err(ConnectError::Refused(..))), "{format:?}");
        let mut ann = case.back(&lost).await;
        assert_eq!(ann.expect_named("missed").await, "once", "{format:?}");
        ann.expect_nothing().await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_disconnect_hook_has_ended_before_the_connect_hook_of_the_same_socket_begins() {
    for format in FORMATS {
        let case = Case::new(format).await;
        let mut ann = case.connected().await;
        ann.begin("remember", "x").await;
        let lost = ann.lose();
        sleep(Duration::from_millis(50)).await;
        let began = Instant::now();
        let mut ann = case.back(&lost).await;
        assert_eq!(case.log.take(), ["left: the connection was lost (1006)", "back"], "{format:?}");
        assert_eq!(began.elapsed().as_millis(), 550, "{format:?}: the handler's time, and the hook's");
        // One socket has one state, whenever a handler of its earlier connection set it.
        let (state, rooms): (Option<String>, Vec<String>) = ann.emit_with_ack("state", ()).await.unwrap();
        assert_eq!((state.as_deref(), rooms), (Some("x"), vec!["general".to_owned(), "late".to_owned()]), "{format:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_leaves_a_namespace_and_enters_it_at_once_waits_for_its_disconnect_hook() {
    let case = Case::new(Format::SocketIo).await;
    let mut ann = case.connected().await;
    for _ in 0..2 {
        ann.send_text("41/chat,").await;
        ann.send_text("40/chat,").await;
    }
    ann.expect_nothing().await;
    settle().await;
    assert_eq!(case.log.take(), ["left: the client left the namespace (1005)", "new"]);
    assert_eq!(case.server.of("/chat").count(), 1);
}

#[tokio::test(start_paused = true)]
async fn who_was_disconnected_while_away_does_not_come_back() {
    for format in FORMATS {
        for by_handle in [false, true] {
            let case = Case::new(format).await;
            let ann = case.connected().await;
            let socket = case.server.of("/chat").sockets().pop().unwrap();
            let lost = ann.lose();
            settle().await;
            let general = case.server.of("/chat").to("general");
            assert_eq!(general.emit("missed", &1).queued, 1);
            if by_handle {
                socket.disconnect(Disconnect::default());
            } else {
                assert_eq!(general.disconnect(Disconnect::default()), 1);
            }
            assert_eq!(general.emit("missed", &1).queued, 0, "{format:?}: nothing is kept for it");
            settle().await;
            assert_eq!(case.server.of("/chat").rooms(), [], "{format:?}");
            case.is_new(&lost).await;
        }
    }
}

/// A handle is of the socket, whichever connection it has.
#[tokio::test(start_paused = true)]
async fn a_handle_from_before_the_loss_reaches_the_client_that_came_back() {
    for format in FORMATS {
        let case = Case::new(format).await;
        let ann = case.connected().await;
        let socket = case.server.of("/chat").sockets().pop().unwrap();
        let lost = ann.lose();
        settle().await;
        let mut ann = case.back(&lost).await;
        socket.emit("told", &1).unwrap();
        assert_eq!(ann.expect_named("told").await, 1, "{format:?}");
        socket.volatile().emit("pointer", &2).unwrap();
        assert_eq!(ann.expect_named("pointer").await, 2, "{format:?}");
        let question = tokio::spawn(async move {
            let answer = socket.emit_with_ack::<u8>("sure?", &()).await.unwrap();
            socket.disconnect(Disconnect::default());
            answer
        });
        let (ask, _) = ann.expect_question("sure?").await;
        ann.answer(ask, 7).await;
        assert_eq!(question.await.unwrap(), 7, "{format:?}");
        ann.closed().await;
        settle().await;
        assert_eq!(case.server.of("/chat").count(), 0, "{format:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_is_disconnected_on_the_way_in_does_not_come_back() {
    for format in FORMATS {
        let case = Case::new(format).await;
        let lost = case.connected().await.lose();
        settle().await;
        let mut ann = case.coming_back(&lost).await;
        assert_eq!(case.server.of("/chat").all().disconnect(Disconnect::default()), 1);
        ann.closed().await;
        case.is_new(&lost).await;
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_who_is_away_is_asked() {
    for format in FORMATS {
        let case = Case::new(format).await;
        let lost = case.connected().await.lose();
        let mut bob = case.connected().await;
        settle().await;
        let general = case.server.of("/chat").to("general");
        let votes = tokio::spawn(async move { general.emit_with_ack::<u8>("vote", &()).await });
        let (ask, _) = bob.expect_question("vote").await;
        bob.answer(ask, 1).await;
        let votes = votes.await.unwrap();
        assert_eq!((votes.len(), votes.all().unwrap()), (1, vec![1]), "{format:?}");
        case.back(&lost).await;
    }
}

/// A client of Socket.IO takes the last text of every event for its offset.
#[tokio::test(start_paused = true)]
async fn a_volatile_text_does_not_end_what_a_client_can_come_back_to() {
    for format in FORMATS {
        let case = Case::new(format).await;
        let mut ann = case.connected().await;
        let socket = case.server.of("/chat").sockets().pop().unwrap();
        let everybody = case.server.of("/chat").all().volatile();
        let texts = [json!("ann"), json!("7"), json!({"who": "ann"}), json!(["ann", "bob"])];
        for text in texts {
            socket.volatile().emit("typing", &text).unwrap();
            assert_eq!(ann.expect_named("typing").await, text, "{format:?}");
            assert_eq!(everybody.emit("typing", &text).queued, 1);
            assert_eq!(ann.expect_named("typing").await, text, "{format:?}");
            everybody.emit("typing", &Args(("from", &text)));
            assert_eq!(ann.expect_named("typing").await, json!(["from", text]), "{format:?}");
        }
        let lost = ann.lose();
        settle().await;
        case.server.of("/chat").emit("missed", &1);
        let mut ann = case.back(&lost).await;
        assert_eq!(event(ann.next().await), ("missed".to_owned(), json!(1)), "{format:?}");
        ann.expect_nothing().await;
    }
}

fn event(received: Received) -> (String, Value) {
    match received {
        Received::Event { event, data } => (event, data),
        other => panic!("no event: {other:?}"),
    }
}

#[gateway(namespace = "/other")]
struct Other;

#[gateway]
impl Other {
    #[on_connect]
    fn joined(&self) {}
}

#[tokio::test(start_paused = true)]
async fn a_key_of_another_namespace_or_format_does_nothing() {
    for format in FORMATS {
        let case = Case::new(format).await;
        let mut ann = case.connected().await;
        let lost = ann.lost_unnoticed();
        let others = FORMATS.into_iter().filter(|other| *other != format);
        let clients = others.flat_map(|other| ["/chat", "/other"].map(|path| client_of(&case.server, other, path)));
        let own = client_of(&case.server, format, "/other");
        for client in clients.chain([own]) {
            assert!(!client.come_back(&lost).await.unwrap().is_recovered(), "{format:?}");
        }
        case.server.of("/chat").emit("all", &1);
        assert_eq!(ann.expect_named("all").await, 1, "{format:?}");
        assert!(ann.emit_with_ack::<Value>("state", ()).await.is_ok(), "{format:?}");
    }
}

/// Rooms, state and events of many clients on several threads, which lose their connections and come back at once, found or
/// not. What it says does not depend on how the threads run: each of them must find its rooms.
#[test]
fn crowds_that_are_lost_and_come_back_are_in_their_rooms() {
    const CLIENTS: usize = 32;
    const TIMES: usize = 20;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_time().build().unwrap();
    for format in FORMATS {
        runtime.block_on(async {
            let case = Arc::new(Case::new(format).await);
            case.gate.0.add_permits(CLIENTS * TIMES);
            let clients: Vec<_> =
                (0..CLIENTS).map(|_| tokio::spawn(lose_and_come_back(Arc::clone(&case), TIMES))).collect();
            for client in clients {
                client.await.unwrap();
            }
        });
    }
}

async fn lose_and_come_back(case: Arc<Case>, times: usize) {
    let general = case.server.of("/chat").to("general");
    let mut client = case.client().await.unwrap();
    while !matches!(general.emit("first", &1), sent if sent.queued > 0) {}
    client.expect_named("first").await;
    for time in 0..times {
        // Every other one is back before the server can know.
        let (mut open, lost) = if time % 2 == 0 { (Some(client), None) } else { (None, Some(client.lose())) };
        let lost = lost.unwrap_or_else(|| open.as_mut().unwrap().lost_unnoticed());
        general.emit("missed", &time);
        client = case.client().come_back(&lost).await.unwrap();
        assert!(client.is_recovered(), "{:?}: {time}", case.format);
        let is_it = |data: &Value| *data == json!(time);
        while !is_it(&client.expect_named("missed").await) {}
        let (_, rooms): (Option<String>, Vec<String>) = client.emit_with_ack("state", ()).await.unwrap();
        assert_eq!(rooms, ["general"], "{:?}: {time}", case.format);
    }
}
