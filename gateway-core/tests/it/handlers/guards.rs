//! Guards: one rule, asked at every door.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gateway_core::http::StatusCode;
use gateway_core::metrics::Counter;
use gateway_core::pipeline::{AsyncGuard, GuardPoints};
use gateway_core::prelude::*;
use gateway_core::testing::{ConnectError, Failure};
use gateway_core::{CloseCode, JoinError};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::time::{Instant, sleep};

/// Users by their tokens.
#[derive(Clone)]
struct Tokens(Arc<Mutex<Vec<(&'static str, User)>>>);

#[derive(Clone, Debug, PartialEq)]
struct User {
    name: &'static str,
    role: &'static str,
}

const ANN: User = User { name: "ann", role: "admin" };
const BOB: User = User { name: "bob", role: "guest" };

impl Default for Tokens {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(vec![("a", ANN), ("b", BOB)])))
    }
}

impl Tokens {
    fn find(&self, token: &str) -> Option<User> {
        self.0.lock().unwrap().iter().find(|(known, _)| *known == token).map(|(_, user)| user.clone())
    }

    fn forget(&self, token: &str) {
        self.0.lock().unwrap().retain(|(known, _)| *known != token);
    }
}

#[derive(Deserialize, Serialize)]
struct Login {
    token: String,
}

fn token(token: &str) -> Login {
    Login { token: token.to_owned() }
}

/// Its fields are filled as those of a gateway are.
#[derive(Injectable)]
struct SignedIn {
    tokens: Tokens,
    #[inject(default)]
    asked: AtomicU64,
}

impl Guard for SignedIn {
    type Grants = User;

    fn check(&self, context: &GuardContext<'_>) -> Result<Grant<User>, Exception> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let Login { token } = context.handshake().auth()?;
        let user = self.tokens.find(&token).ok_or_else(Exception::unauthorized)?;
        Ok(Grant::with(user.clone()).user(user.name))
    }
}

/// A guard by value, behind another one whose finding it reads.
struct Roles(&'static [&'static str]);

impl Guard for Roles {
    type Grants = ();

    fn check(&self, context: &GuardContext<'_>) -> Result<Grant, Exception> {
        Grant::when(context.granted::<User>().is_some_and(|user| self.0.contains(&user.role)))
    }
}

#[gateway(namespace = "/chat")]
#[guard(SignedIn)]
struct Chat;

#[gateway]
impl Chat {
    #[on_connect]
    async fn joined(&self, socket: Socket, user: Auth<User>) -> Result<(), ConnectRejection> {
        socket.join("everybody").await?;
        socket.to("everybody").emit("came", user.name);
        Ok(())
    }

    #[subscribe]
    fn whoami(&self, user: Auth<User>, socket: Socket) -> String {
        assert_eq!(socket.user().as_deref(), Some(user.name));
        user.name.to_owned()
    }

    #[subscribe]
    #[guard(Roles(&["admin"]))]
    async fn clear(&self, Auth(user): Auth<User>) -> String {
        tokio::task::yield_now().await;
        format!("cleared by {}", user.name)
    }

    #[on_disconnect]
    fn left(&self, namespace: Namespace, user: Auth<User>) {
        namespace.emit("left", user.name);
    }
}

fn chat() -> Server {
    Server::empty().gateway::<Chat>().provide(Tokens::default())
}

fn forbidden(event: &str) -> serde_json::Value {
    json!({"status": "error", "message": "Forbidden resource", "code": "forbidden", "cause": {"pattern": event}})
}

#[tokio::test(start_paused = true)]
async fn who_is_known_comes_in_and_is_known_to_every_method() {
    let server = chat().test().await.unwrap();
    let mut ann = server.connect("/chat").auth(token("a")).await.unwrap();
    let bob = server.connect("/chat").auth(token("b")).await.unwrap();
    assert_eq!(ann.expect_named("came").await, "bob");
    assert_eq!(ann.emit_with_ack::<String>("whoami", ()).await.unwrap(), "ann");
    bob.close().await;
    assert_eq!(ann.expect_named("left").await, "bob");
}

#[tokio::test(start_paused = true)]
async fn who_is_not_is_turned_away_before_the_upgrade() {
    let server = chat().test().await.unwrap();
    for attempt in [server.connect("/chat"), server.connect("/chat").auth(token("x"))] {
        let Err(ConnectError::Rejected { status, .. }) = attempt.await else { panic!("let in") };
        assert_eq!(status, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(server.of("/chat").count(), 0);
}

#[tokio::test(start_paused = true)]
async fn on_socket_io_where_a_namespace_has_no_upgrade_the_client_is_told_by_connect_error() {
    let server = chat().test().await.unwrap();
    let mut ann = server.connect("/chat").socket_io().auth(token("a")).await.unwrap();
    assert_eq!(ann.emit_with_ack::<String>("whoami", ()).await.unwrap(), "ann");
    // By the switch of NestJS only a failed hook is told otherwise.
    for server in [server, chat().nestjs_compat(true).test().await.unwrap()] {
        let Err(ConnectError::Refused(failure, None)) = server.connect("/chat").socket_io().auth(token("x")).await
        else {
            panic!("let in")
        };
        assert_eq!(*failure.payload(), json!({"message": "you are not signed in", "data": {"code": "unauthorized"}}));
    }
}

#[tokio::test(start_paused = true)]
async fn a_method_may_have_guards_of_its_own_behind_those_of_its_gateway() {
    let server = chat().test().await.unwrap();
    let mut ann = server.connect("/chat").auth(token("a")).await.unwrap();
    let mut bob = server.connect("/chat").auth(token("b")).await.unwrap();
    assert_eq!(ann.emit_with_ack::<String>("clear", ()).await.unwrap(), "cleared by ann");
    assert_eq!(*bob.emit_with_ack::<String>("clear", ()).await.unwrap_err().payload(), forbidden("clear"));
    let mut bob = server.connect("/chat").socket_io().auth(token("b")).await.unwrap();
    assert_eq!(*bob.emit_with_ack::<String>("clear", ()).await.unwrap_err().payload(), forbidden("clear"));
    // An event that wants no answer is refused too, and its sender told.
    bob.emit("clear", ()).await;
    assert_eq!(bob.expect_exception().await.code(), Some("forbidden"));
}

#[tokio::test(start_paused = true)]
async fn a_guard_is_asked_again_at_every_event() {
    let tokens = Tokens::default();
    let server = chat().provide(tokens.clone()).test().await.unwrap();
    let mut bob = server.connect("/chat").auth(token("b")).await.unwrap();
    assert_eq!(bob.emit_with_ack::<String>("whoami", ()).await.unwrap(), "bob");
    tokens.forget("b");
    assert_eq!(bob.emit_with_ack::<String>("whoami", ()).await.unwrap_err().code(), Some("unauthorized"));
}

#[tokio::test(start_paused = true)]
async fn all_sockets_of_a_user_are_a_target() {
    let server = chat().test().await.unwrap();
    let mut phone = server.connect("/chat").auth(token("a")).await.unwrap();
    let mut laptop = server.connect("/chat").socket_io().auth(token("a")).await.unwrap();
    let mut bob = server.connect("/chat").auth(token("b")).await.unwrap();
    for client in [&mut phone, &mut laptop] {
        while client.expect_named("came").await != "bob" {}
    }
    assert_eq!(server.of("/chat").user("ann").emit("note", "for you").queued, 2);
    assert_eq!(phone.expect_named("note").await, "for you");
    assert_eq!(laptop.expect_named("note").await, "for you");
    bob.expect_nothing().await;
    assert_eq!(server.of("/chat").user("nobody").count(), 0);
    // The server keeps the room for itself: nobody sees it, nobody else gets in.
    assert_eq!(server.of("/chat").rooms(), [("everybody".to_owned(), 3)]);
    let socket = server.of("/chat").user("bob").sockets().remove(0);
    assert_eq!(socket.rooms(), ["everybody"]);
    assert_eq!(socket.join("\0user/ann").await, Err(JoinError::Private));
}

/// Notes where it was asked.
#[derive(Clone, Default)]
struct Doorbook(Arc<Mutex<Vec<String>>>);

impl Doorbook {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

struct Notes {
    name: &'static str,
    book: Doorbook,
}

impl Guard for Notes {
    type Grants = ();

    fn check(&self, context: &GuardContext<'_>) -> Result<Grant, Exception> {
        let what = context.room().unwrap_or(context.event());
        let data = context.data().map_or("", |data| data.get());
        let is_there = context.socket().is_ok();
        let mut book = self.book.0.lock().unwrap();
        book.push(format!("{} {:?} {} {what} {data} {is_there}", self.name, context.point(), context.namespace()));
        Grant::when(what != "forbidden")
    }
}

#[derive(Injectable)]
struct OfGateway {
    book: Doorbook,
}

impl Guard for OfGateway {
    type Grants = ();

    fn check(&self, context: &GuardContext<'_>) -> Result<Grant, Exception> {
        Notes { name: "gateway", book: self.book.clone() }.check(context)
    }
}

#[derive(Injectable)]
struct OfMethod {
    book: Doorbook,
}

impl AsyncGuard for OfMethod {
    type Grants = ();

    async fn check(&self, context: &GuardContext<'_>) -> Result<Grant, Exception> {
        tokio::task::yield_now().await;
        Notes { name: "method", book: self.book.clone() }.check(context)
    }
}

#[gateway(namespace = "/doors/{id}")]
#[guard(OfGateway)]
struct ManyDoors;

#[gateway]
impl ManyDoors {
    #[on_connect]
    #[guard(OfMethod)]
    fn joined(&self) {}

    #[subscribe]
    #[guard(OfMethod)]
    fn ask(&self, Data(number): Data<u8>) -> u8 {
        number + 1
    }

    #[subscribe]
    async fn enter(&self, socket: Socket, Data(room): Data<String>) -> Result<bool, Exception> {
        socket.join(&room).await?;
        Ok(socket.is_in(room))
    }
}

#[tokio::test(start_paused = true)]
async fn guards_are_asked_in_their_order_at_every_door() {
    let book = Doorbook::default();
    let first = Notes { name: "server", book: book.clone() };
    let server = Server::empty().gateway::<ManyDoors>().provide(book.clone()).guard(first).test().await.unwrap();

    let mut client = server.connect("/doors/7").await.unwrap();
    let expected = [
        "server Upgrade /doors/7   false",
        "gateway Upgrade /doors/7   false",
        "server Connect /doors/7   true",
        "gateway Connect /doors/7   true",
        "method Connect /doors/7   true",
    ];
    assert_eq!(book.take(), expected);

    assert_eq!(client.emit_with_ack::<u8>("ask", 1).await.unwrap(), 2);
    let expected =
        ["server Event /doors/7 ask 1 true", "gateway Event /doors/7 ask 1 true", "method Event /doors/7 ask 1 true"];
    assert_eq!(book.take(), expected);

    assert!(client.emit_with_ack::<bool>("enter", "kitchen").await.unwrap());
    let at_event = ["server Event /doors/7 enter \"kitchen\" true", "gateway Event /doors/7 enter \"kitchen\" true"];
    let at_room = ["server Join /doors/7 kitchen  true", "gateway Join /doors/7 kitchen  true"];
    assert_eq!(book.take(), [at_event, at_room].concat());

    // Whatever the handler: the rule about rooms is asked where the room is.
    let failure = client.emit_with_ack::<bool>("enter", "forbidden").await.unwrap_err();
    assert_eq!(*failure.payload(), forbidden("enter"));
    book.take();
    let mut client = server.connect("/doors/7").socket_io().await.unwrap();
    assert_eq!(book.take(), expected_at_connect());
    assert_eq!(client.emit_with_ack::<bool>("enter", "forbidden").await.unwrap_err().code(), Some("forbidden"));
}

fn expected_at_connect() -> [&'static str; 3] {
    ["server Connect /doors/7   true", "gateway Connect /doors/7   true", "method Connect /doors/7   true"]
}

/// Rooms are by invitation, which a database knows.
#[derive(Default)]
struct Invited;

impl AsyncGuard for Invited {
    type Grants = ();

    async fn check(&self, context: &GuardContext<'_>) -> Result<Grant, Exception> {
        sleep(Duration::from_millis(5)).await;
        match context.room() {
            Some("private") => Err(Exception::new("not_invited", "ask somebody in there")),
            _ => Ok(Grant::new()),
        }
    }

    fn points(&self) -> GuardPoints {
        GuardPoints::JOIN
    }
}

#[gateway(namespace = "/rooms")]
#[guard(Invited)]
struct Rooms;

#[gateway]
impl Rooms {
    #[subscribe]
    async fn enter(&self, socket: Socket, Data(room): Data<String>) -> Result<(), Exception> {
        Ok(socket.join(room).await?)
    }

    #[subscribe]
    fn put_in(&self, socket: Socket, Data(room): Data<String>) -> Result<usize, Exception> {
        Ok(socket.only().join(&room)?)
    }
}

#[tokio::test(start_paused = true)]
async fn a_guard_of_rooms_may_wait() {
    let server = Server::empty().gateway::<Rooms>().test().await.unwrap();
    let mut client = server.connect("/rooms").await.unwrap();
    client.emit_with_ack::<()>("enter", "public").await.unwrap();
    let failure = client.emit_with_ack::<()>("enter", "private").await.unwrap_err();
    assert_eq!((failure.code(), failure.message()), (Some("not_invited"), "ask somebody in there"));
    assert_eq!(server.of("/rooms").rooms(), [("public".to_owned(), 1)]);
    // Where it is already, it may stay.
    client.emit_with_ack::<()>("enter", "public").await.unwrap();
    let socket = server.of("/rooms").sockets().remove(0);
    let Err(JoinError::Refused(refusal)) = socket.join("private").await else { panic!("let in") };
    assert_eq!(refusal.to_string(), "ask somebody in there (not_invited)");
    // The server's own doing asks no guard.
    assert_eq!(server.of("/rooms").all().join("private"), Ok(1));
    assert_eq!(client.emit_with_ack::<usize>("put_in", "other").await.unwrap(), 1);
}

/// Lets in until then, and counts how often it was asked.
struct Lease {
    asked: Arc<AtomicU64>,
    pass: fn(Grant<u64>) -> Grant<u64>,
}

impl Guard for Lease {
    type Grants = u64;

    fn check(&self, context: &GuardContext<'_>) -> Result<Grant<u64>, Exception> {
        let asked = self.asked.fetch_add(1, Ordering::Relaxed) + 1;
        if asked > 1 && context.event() == "last" {
            return Err(Exception::unauthorized());
        }
        Ok((self.pass)(Grant::with(asked)))
    }
}

#[gateway(namespace = "/lease")]
struct Leased;

#[gateway]
impl Leased {
    #[subscribe]
    fn which(&self, lease: Auth<u64>) -> u64 {
        *lease.0
    }

    #[subscribe]
    fn last(&self) {}
}

async fn leased(pass: fn(Grant<u64>) -> Grant<u64>) -> (gateway_core::testing::TestServer, Arc<AtomicU64>) {
    let asked = Arc::<AtomicU64>::default();
    let guard = Lease { asked: Arc::clone(&asked), pass };
    (Server::empty().gateway::<Leased>().guard(guard).test().await.unwrap(), asked)
}

#[tokio::test(start_paused = true)]
async fn a_pass_may_hold_for_a_while_and_then_the_guard_is_asked_again() {
    let (server, asked) = leased(|pass| pass.until(Instant::now() + Duration::from_mins(1))).await;
    let mut client = server.connect("/lease").await.unwrap();
    for _ in 0..3 {
        assert_eq!(client.emit_with_ack::<u64>("which", ()).await.unwrap(), 1);
    }
    assert_eq!(asked.load(Ordering::Relaxed), 1);
    sleep(Duration::from_secs(61)).await;
    // What it grants is new, too.
    assert_eq!(client.emit_with_ack::<u64>("which", ()).await.unwrap(), 2);
    assert_eq!(client.emit_with_ack::<u64>("which", ()).await.unwrap(), 2);
    sleep(Duration::from_secs(61)).await;
    assert_eq!(client.emit_with_ack::<()>("last", ()).await.unwrap_err().code(), Some("unauthorized"));
    // The connection lives, and other events may pass.
    assert_eq!(client.emit_with_ack::<u64>("which", ()).await.unwrap(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_pass_may_hold_as_long_as_the_socket() {
    let (server, asked) = leased(Grant::for_socket).await;
    let mut client = server.connect("/lease").await.unwrap();
    client.emit_with_ack::<()>("last", ()).await.unwrap();
    assert_eq!(client.emit_with_ack::<u64>("which", ()).await.unwrap(), 1);
    assert_eq!(asked.load(Ordering::Relaxed), 1);
    // Of this socket, and of no other.
    server.connect("/lease").await.unwrap();
    assert_eq!(asked.load(Ordering::Relaxed), 2);
}

#[tokio::test(start_paused = true)]
async fn a_pass_may_end_the_socket_when_it_expires() {
    let (server, _) = leased(|pass| pass.expires(Instant::now() + Duration::from_secs(30))).await;
    let begin = Instant::now();
    let mut client = server.connect("/lease").await.unwrap();
    let mut other = server.connect("/lease").socket_io().await.unwrap();
    assert_eq!(client.emit_with_ack::<u64>("which", ()).await.unwrap(), 1);
    let closed = client.closed().await.unwrap();
    assert_eq!((closed.code, &*closed.reason), (CloseCode::EXPIRED, "expired"));
    assert!(!closed.code.may_reconnect());
    assert_eq!(begin.elapsed(), Duration::from_secs(30));
    // On Socket.IO it is the namespace that ends.
    other.expect_nothing().await;
    assert_eq!(server.of("/lease").count(), 0);
}

/// Fails in the ways a guard can.
struct Unwell(&'static str);

impl AsyncGuard for Unwell {
    type Grants = ();

    async fn check(&self, context: &GuardContext<'_>) -> Result<Grant, Exception> {
        let here = format!("{:?}", context.point());
        match self.0.split_once(' ') {
            Some((point, "panics")) if point == here => panic!("on request"),
            Some((point, "waits")) if point == here => std::future::pending().await,
            Some((point, "hides")) if point == here => Err(Exception::hidden("database", &std::fmt::Error)),
            _ => Ok(Grant::new()),
        }
    }
}

async fn unwell(how: &'static str) -> gateway_core::testing::TestServer {
    Server::empty()
        .gateway::<Leased>()
        .guard(Lease { asked: Arc::default(), pass: |pass| pass })
        .guard(Unwell(how))
        .test()
        .await
        .unwrap()
}

async fn rejected(how: &'static str) -> (StatusCode, String) {
    match unwell(how).await.connect("/lease").await.unwrap_err() {
        ConnectError::Rejected { status, text } => (status, text),
        other => panic!("{other}"),
    }
}

async fn refused(how: &'static str) -> (Failure, CloseCode) {
    match unwell(how).await.connect("/lease").await.unwrap_err() {
        ConnectError::Refused(failure, Some(closed)) => (failure, closed.code),
        other => panic!("{other}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_guard_that_fails_lets_nobody_in() {
    let (status, text) = rejected("Upgrade panics").await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(text.starts_with("Internal server error ("), "{text}");
    assert_eq!(rejected("Upgrade hides").await.0, StatusCode::INTERNAL_SERVER_ERROR);
    let expected = (StatusCode::SERVICE_UNAVAILABLE, "the guard took too long".to_owned());
    assert_eq!(rejected("Upgrade waits").await, expected);

    let (failure, code) = refused("Connect panics").await;
    assert_eq!((failure.code(), code), (Some("internal"), CloseCode::INTERNAL));
    let (failure, code) = refused("Connect hides").await;
    assert_eq!((failure.code(), code), (Some("database"), CloseCode::INTERNAL));
    let (failure, code) = refused("Connect waits").await;
    assert_eq!((failure.message(), code), ("the guard took too long", CloseCode::CONNECT_TIMEOUT));
}

#[tokio::test(start_paused = true)]
async fn a_guard_that_fails_at_an_event_lets_no_event_pass() {
    for (how, code) in [("Event panics", "internal"), ("Event hides", "database"), ("Event waits", "timeout")] {
        let server = unwell(how).await;
        let mut client = server.connect("/lease").await.unwrap();
        let failure = client.emit_with_ack::<u64>("which", ()).await.unwrap_err();
        assert_eq!(failure.code(), Some(code));
        let has_id = failure.payload()["id"].is_string();
        assert_eq!(has_id, code != "timeout", "{:?}", failure.payload());
        assert_eq!(server.count(Counter::Panics), u64::from(code == "internal"));
        assert_eq!(server.count(Counter::Timeouts), u64::from(code == "timeout"));
    }
}

/// The grant may be missing: then an argument that asks for it is refused.
#[derive(Default)]
struct Sometimes;

impl Guard for Sometimes {
    type Grants = User;

    fn check(&self, context: &GuardContext<'_>) -> Result<Grant<User>, Exception> {
        Ok(if context.handshake().query("ann").is_some() { Grant::with(ANN).for_socket() } else { Grant::new() })
    }
}

#[gateway(namespace = "/guests")]
#[guard(Sometimes)]
struct Guests;

#[gateway]
impl Guests {
    #[subscribe]
    fn name(&self, user: Auth<User>) -> &'static str {
        user.name
    }

    #[subscribe]
    fn name_or_not(&self, user: Result<Auth<User>, Rejection>) -> Option<&'static str> {
        user.ok().map(|user| user.name)
    }
}

#[tokio::test(start_paused = true)]
async fn who_was_let_in_as_nobody_is_nobody() {
    let server = Server::empty().gateway::<Guests>().test().await.unwrap();
    let mut ann = server.connect("/guests?ann").await.unwrap();
    let mut guest = server.connect("/guests").await.unwrap();
    assert_eq!(ann.emit_with_ack::<String>("name", ()).await.unwrap(), "ann");
    let failure = guest.emit_with_ack::<String>("name", ()).await.unwrap_err();
    assert_eq!((failure.code(), failure.message()), (Some("unauthorized"), "you are not signed in"));
    assert_eq!(ann.emit_with_ack::<Option<String>>("name_or_not", ()).await.unwrap().as_deref(), Some("ann"));
    assert_eq!(guest.emit_with_ack::<Option<String>>("name_or_not", ()).await.unwrap(), None);
}

#[gateway(namespace = "/raw")]
#[guard(OfGateway)]
struct Raw;

#[gateway]
impl Raw {
    #[on_message]
    #[guard(Short)]
    fn take(&self, message: Message) -> Message {
        message
    }
}

/// Waits for those that are to be looked at closely.
#[derive(Default)]
struct Short;

impl AsyncGuard for Short {
    type Grants = ();

    async fn check(&self, context: &GuardContext<'_>) -> Result<Grant, Exception> {
        sleep(Duration::from_millis(1)).await;
        Grant::when(context.message().is_none_or(|message| matches!(message, Message::Text(text) if text.len() < 10)))
    }
}

#[tokio::test(start_paused = true)]
async fn a_raw_gateway_asks_about_every_message() {
    let book = Doorbook::default();
    let server = Server::empty().gateway::<Raw>().provide(book.clone()).test().await.unwrap();
    let mut client = server.connect("/raw").await.unwrap();
    book.take();
    client.send_message("short").await;
    assert_eq!(client.next().await, gateway_core::testing::Received::Message("short".into()));
    assert_eq!(book.take(), ["gateway Event /raw   true"]);
    client.send_message("much too long").await;
    let closed = client.closed().await.unwrap();
    assert_eq!((closed.code, &*closed.reason), (CloseCode::POLICY, "Forbidden resource"));
}

/// Gateways of one namespace share its sockets: who is in it was let in by the guards of all of them.
#[gateway(namespace = "/chat")]
struct Beside {
    #[inject(default)]
    calls: AtomicU64,
}

#[gateway]
impl Beside {
    #[subscribe]
    fn beside(&self) -> u64 {
        self.calls.fetch_add(1, Ordering::Relaxed)
    }
}

#[tokio::test(start_paused = true)]
async fn a_gateway_has_its_guards_to_itself_but_for_the_way_in() {
    let tokens = Tokens::default();
    let server = chat().gateway::<Beside>().provide(tokens.clone()).test().await.unwrap();
    assert!(matches!(server.connect("/chat").await, Err(ConnectError::Rejected { .. })));
    let mut bob = server.connect("/chat").auth(token("b")).await.unwrap();
    tokens.forget("b");
    assert_eq!(bob.emit_with_ack::<u64>("beside", ()).await.unwrap(), 0);
    assert_eq!(bob.emit_with_ack::<String>("whoami", ()).await.unwrap_err().code(), Some("unauthorized"));
}
