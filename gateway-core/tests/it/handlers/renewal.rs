//! New credentials on a live connection: by the frame of the plain protocol, by the event of Socket.IO, over lines, and by a
//! POST beside an event stream.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use gateway_core::CloseCode;
use gateway_core::http::StatusCode;
use gateway_core::limits::Limits;
use gateway_core::pipeline::{AsyncGuard, GuardPoint, GuardPoints};
use gateway_core::prelude::*;
use gateway_core::serve::ServerSentEvents;
use gateway_core::testing::{Received, TestClient, TestServer};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::{Instant, advance, sleep};

/// Credentials that say themselves how long they are valid.
#[derive(Deserialize)]
struct Token {
    name: String,
    /// Seconds.
    lives: u64,
    #[serde(default)]
    role: String,
    /// Milliseconds that a guard waits for another service.
    #[serde(default)]
    wait: u64,
}

struct User {
    name: String,
    role: String,
}

fn token(name: &str, lives: u64) -> Value {
    json!({"name": name, "lives": lives})
}

fn grant(token: Token) -> Result<Grant<User>, Exception> {
    match &*token.name {
        "mallory" => Err(Exception::unauthorized()),
        "nobody knows" => Err(Exception::new("unavailable", "the keys are away")),
        "broken" => panic!("on request"),
        _ => {
            let expires = Instant::now() + Duration::from_secs(token.lives);
            let user = User { name: token.name.clone(), role: token.role };
            Ok(Grant::with(user).user(token.name).expires(expires))
        }
    }
}

#[derive(Default)]
struct SignedIn;

impl Guard for SignedIn {
    type Grants = User;

    fn check(&self, context: &GuardContext<'_>) -> Result<Grant<User>, Exception> {
        grant(context.handshake().auth()?)
    }

    fn renews(&self) -> bool {
        true
    }
}

/// Holds as long as the socket, once it has let an event pass.
struct Role(&'static str);

impl Guard for Role {
    type Grants = ();

    fn check(&self, context: &GuardContext<'_>) -> Result<Grant, Exception> {
        let role = context.granted::<User>().map(|user| user.role.clone());
        Grant::when(role.as_deref() == Some(self.0)).map(Grant::for_socket)
    }

    fn points(&self) -> GuardPoints {
        GuardPoints::EVENT
    }
}

/// Waits at an event, and then holds as long as the socket.
#[derive(Injectable)]
struct Slow {
    asked: Arc<AtomicU64>,
}

impl AsyncGuard for Slow {
    type Grants = ();

    async fn check(&self, _: &GuardContext<'_>) -> Result<Grant, Exception> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        sleep(Duration::from_secs(1)).await;
        Ok(Grant::new().for_socket())
    }

    fn points(&self) -> GuardPoints {
        GuardPoints::EVENT
    }
}

#[gateway(namespace = "/notes")]
#[guard(SignedIn)]
struct Notes;

#[gateway]
impl Notes {
    #[on_connect]
    async fn joined(&self, handshake: Handshake) {
        if handshake.query("slow").is_some() {
            sleep(Duration::from_secs(5)).await;
        }
    }

    #[subscribe]
    fn whoami(&self, user: Auth<User>) -> String {
        user.name.clone()
    }

    #[subscribe]
    fn presented(&self, handshake: Handshake) -> Result<String, Exception> {
        let token: Token = handshake.auth()?;
        Ok(token.name)
    }

    #[subscribe]
    #[guard(Role("editor"))]
    fn edit(&self) {}

    #[subscribe(concurrency = 4)]
    #[guard(Slow)]
    fn slowly(&self) {}
}

async fn notes() -> TestServer {
    notes_with(Limits::new()).await
}

async fn notes_with(limits: Limits) -> TestServer {
    let asked = Arc::<AtomicU64>::default();
    Server::empty().gateway::<Notes>().provide(asked).limits(limits).test().await.unwrap()
}

async fn enter(server: &TestServer, format: &str, credentials: Value) -> TestClient {
    let connecting = match format {
        "lines" => server.connect_tcp("/notes").auth(credentials),
        "msgpack" => server.connect("/notes").auth(credentials).protocol("gateway.v1.msgpack"),
        "socket.io" => server.connect("/notes").auth(credentials).socket_io(),
        _ => server.connect("/notes").auth(credentials),
    };
    connecting.await.unwrap()
}

const FORMATS: [&str; 4] = ["plain", "msgpack", "lines", "socket.io"];

async fn whoami(client: &mut TestClient) -> String {
    client.emit_with_ack("whoami", ()).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn new_credentials_exchange_the_grant_and_move_the_expiry() {
    for format in FORMATS {
        let server = notes().await;
        let mut client = enter(&server, format, token("ann", 30)).await;
        let begin = Instant::now();
        assert_eq!(whoami(&mut client).await, "ann");
        sleep(Duration::from_secs(20)).await;

        client.renew(token("bob", 60)).await.unwrap();
        assert_eq!(whoami(&mut client).await, "bob", "{format}");
        assert_eq!(client.emit_with_ack::<String>("presented", ()).await.unwrap(), "bob");
        let of = |user: &str| server.of("/notes").user(user).count();
        assert_eq!((of("ann"), of("bob")), (0, 1), "{format}");

        // Past the end of the first credentials.
        sleep(Duration::from_secs(20)).await;
        assert_eq!(whoami(&mut client).await, "bob", "{format}");
        // Shorter ones end the socket sooner.
        client.renew(token("bob", 5)).await.unwrap();
        while server.of("/notes").count() > 0 {
            sleep(Duration::from_millis(500)).await;
        }
        let lived = begin.elapsed().as_secs();
        assert!((45..=46).contains(&lived), "{format}: {lived} s");
        if format != "socket.io" {
            assert_eq!(client.closed().await.unwrap().code, CloseCode::EXPIRED, "{format}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn credentials_without_an_id_are_answered_only_if_they_fail() {
    let server = notes().await;
    let mut client = enter(&server, "plain", token("ann", 30)).await;
    client.send_text(r#"{"auth":{"name":"bob","lives":30}}"#).await;
    assert_eq!(whoami(&mut client).await, "bob");
    client.expect_nothing().await;
    client.send_text(r#"{"auth":{"name":"mallory","lives":30}}"#).await;
    assert_eq!(client.expect_exception().await.code(), Some("unauthorized"));
    assert_eq!(client.closed().await.unwrap().code, CloseCode::REFUSED);
}

#[tokio::test(start_paused = true)]
async fn refused_credentials_end_the_socket_after_the_answer() {
    for format in FORMATS {
        // What a guard refuses, and what is of another shape.
        for credentials in [token("mallory", 60), json!("no object"), json!([1])] {
            let server = notes().await;
            let mut client = enter(&server, format, token("ann", 60)).await;
            let failure = client.renew(credentials.clone()).await.unwrap_err();
            assert_eq!(failure.code(), Some("unauthorized"), "{format} {credentials}");
            while server.of("/notes").count() > 0 {
                sleep(Duration::from_millis(10)).await;
            }
            if format != "socket.io" {
                let closed = client.closed().await.unwrap();
                assert_eq!((closed.code, &*closed.reason), (CloseCode::REFUSED, "refused"), "{format}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn where_no_guard_can_decide_all_stays_as_it_was() {
    for (name, code) in [("nobody knows", "unavailable"), ("broken", "internal")] {
        let server = notes().await;
        let mut client = enter(&server, "plain", token("ann", 30)).await;
        let begin = Instant::now();
        assert_eq!(client.renew(token(name, 60)).await.unwrap_err().code(), Some(code));
        assert_eq!(whoami(&mut client).await, "ann");
        assert_eq!(client.emit_with_ack::<String>("presented", ()).await.unwrap(), "ann");
        assert_eq!(server.of("/notes").user("ann").count(), 1);
        assert_eq!(client.closed().await.unwrap().code, CloseCode::EXPIRED);
        assert_eq!(begin.elapsed(), Duration::from_secs(30));
    }
}

#[tokio::test(start_paused = true)]
async fn what_events_were_granted_for_the_old_credentials_is_gone() {
    let server = notes().await;
    let mut eve = enter(&server, "plain", json!({"name": "eve", "lives": 60, "role": "editor"})).await;
    eve.emit_with_ack::<()>("edit", ()).await.unwrap();
    eve.renew(json!({"name": "eve", "lives": 60})).await.unwrap();
    assert_eq!(eve.emit_with_ack::<()>("edit", ()).await.unwrap_err().code(), Some("forbidden"));
    eve.renew(json!({"name": "eve", "lives": 60, "role": "editor"})).await.unwrap();
    eve.emit_with_ack::<()>("edit", ()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_guard_that_was_asked_about_the_old_credentials_grants_nothing_to_the_new_ones() {
    let asked = Arc::<AtomicU64>::default();
    let server = Server::empty().gateway::<Notes>().provide(Arc::clone(&asked)).test().await.unwrap();
    let mut client = enter(&server, "plain", token("ann", 60)).await;
    let first = client.begin("slowly", ()).await;
    client.renew(token("bob", 60)).await.unwrap();
    assert_eq!(asked.load(Ordering::Relaxed), 1);
    // The event that was sent before is still answered.
    client.emit_with_ack::<()>("slowly", ()).await.unwrap();
    assert_eq!((first, asked.load(Ordering::Relaxed)), (1, 2));
    // What was granted for the new ones lasts.
    client.emit_with_ack::<()>("slowly", ()).await.unwrap();
    assert_eq!(asked.load(Ordering::Relaxed), 2);
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_renewals_is_bounded_and_ends_nothing() {
    let server = notes_with(Limits::new().renewals_per_minute(NonZeroU32::new(3))).await;
    for format in FORMATS {
        let mut client = enter(&server, format, token("ann", 600)).await;
        for _ in 0..3 {
            client.renew(token("ann", 600)).await.unwrap();
        }
        let failure = client.renew(token("mallory", 600)).await.unwrap_err();
        assert_eq!(failure.code(), Some("rate_limited"), "{format}");
        assert_eq!(failure.payload()["details"]["retry_after_ms"], 20_000, "{format}");
        assert_eq!(whoami(&mut client).await, "ann", "{format}");
        advance(Duration::from_secs(20)).await;
        client.renew(token("bob", 600)).await.unwrap();
        assert_eq!(whoami(&mut client).await, "bob", "{format}");
    }
}

#[tokio::test(start_paused = true)]
async fn credentials_that_are_none_or_too_large_or_too_deep_are_told_and_end_nothing() {
    let server = notes_with(Limits::new().auth_bytes(200).json_depth(16)).await;
    let deep = |levels: usize| format!("{}1{}", "[".repeat(levels), "]".repeat(levels));
    let mut client = enter(&server, "plain", token("ann", 60)).await;
    for (auth, code) in [
        (json!({"name": "x".repeat(200), "lives": 1}).to_string(), "too_large"),
        (deep(17), "too_deep"),
        ("null".to_owned(), "malformed"),
        ("tru".to_owned(), "malformed"),
    ] {
        client.send_text(&format!("{{\"auth\":{auth},\"id\":70}}")).await;
        let Received::Exception { failure, .. } = client.next().await else { panic!("{auth} was taken") };
        assert_eq!(failure.code(), Some(code), "{auth}");
    }
    assert_eq!(whoami(&mut client).await, "ann");

    let mut other = enter(&server, "socket.io", token("ann", 60)).await;
    let failure = other.emit_with_ack::<()>("auth", ()).await.unwrap_err();
    assert_eq!(failure.code(), Some("unreadable"));
    assert_eq!(whoami(&mut other).await, "ann");
}

#[tokio::test(start_paused = true)]
async fn renewals_wait_for_the_connect_hook_and_keep_their_place_among_events() {
    let server = notes().await;
    let mut client = server.connect("/notes").auth(token("ann", 60)).query("slow", "1").without_waiting().unwrap();
    let before = client.begin("whoami", ()).await;
    client.send_text(r#"{"auth":{"name":"bob","lives":60},"id":90}"#).await;
    let behind = client.begin("whoami", ()).await;
    for (expected, told) in [(before, json!("ann")), (90, Value::Null), (behind, json!("bob"))] {
        let Received::Reply { id, data, .. } = client.next().await else { panic!("no reply to {expected}") };
        assert_eq!((id, data), (expected, told));
    }
}

/// Asks another service.
#[derive(Default)]
struct Remote;

impl AsyncGuard for Remote {
    type Grants = User;

    async fn check(&self, context: &GuardContext<'_>) -> Result<Grant<User>, Exception> {
        let token: Token = context.handshake().auth()?;
        if context.point() == GuardPoint::Renewal {
            assert!(context.socket().is_ok());
            sleep(Duration::from_millis(token.wait)).await;
        }
        grant(token)
    }

    fn renews(&self) -> bool {
        true
    }
}

#[gateway(namespace = "/remote")]
#[guard(Remote)]
struct RemoteNotes;

#[gateway]
impl RemoteNotes {
    #[subscribe]
    fn whoami(&self, user: Auth<User>) -> String {
        user.name.clone()
    }

    /// An event of the application's own, which has the name that Socket.IO's clients renew by.
    #[subscribe]
    fn auth(&self) -> &'static str {
        "the application's own"
    }
}

#[tokio::test(start_paused = true)]
async fn a_guard_that_waits_holds_the_events_behind_it_and_has_a_time_limit() {
    let server = Server::empty().gateway::<RemoteNotes>().test().await.unwrap();
    let mut client = server.connect("/remote").auth(token("ann", 60)).await.unwrap();
    let begin = Instant::now();
    client.send_text(r#"{"auth":{"name":"bob","lives":60,"wait":2000}}"#).await;
    assert_eq!(whoami(&mut client).await, "bob");
    assert_eq!(begin.elapsed(), Duration::from_secs(2));

    let failure = client.renew(json!({"name": "eve", "lives": 60, "wait": 11_000})).await.unwrap_err();
    assert_eq!(failure.code(), Some("timeout"));
    assert_eq!(whoami(&mut client).await, "bob");

    let failure = client.renew(json!({"name": "mallory", "lives": 60, "wait": 10})).await.unwrap_err();
    assert_eq!(failure.code(), Some("unauthorized"));
    assert_eq!(client.closed().await.unwrap().code, CloseCode::REFUSED);
}

#[tokio::test(start_paused = true)]
async fn an_event_of_the_application_keeps_its_name() {
    let server = Server::empty().gateway::<RemoteNotes>().test().await.unwrap();
    let mut client = server.connect("/remote").auth(token("ann", 60)).await.unwrap();
    assert_eq!(client.emit_with_ack::<String>("auth", ()).await.unwrap(), "the application's own");
    client.renew(token("bob", 60)).await.unwrap();
    assert_eq!(whoami(&mut client).await, "bob");
}

/// Checks who connects, and takes nothing new.
#[derive(Default)]
struct Once;

impl Guard for Once {
    type Grants = User;

    fn check(&self, context: &GuardContext<'_>) -> Result<Grant<User>, Exception> {
        grant(context.handshake().auth()?)
    }
}

#[gateway(namespace = "/once")]
#[guard(Once)]
struct OnceNotes;

#[gateway]
impl OnceNotes {
    #[subscribe]
    fn whoami(&self, user: Auth<User>) -> String {
        user.name.clone()
    }
}

#[tokio::test(start_paused = true)]
async fn a_namespace_whose_guards_take_no_new_credentials_says_so() {
    let server = Server::empty().gateway::<OnceNotes>().test().await.unwrap();
    let mut client = server.connect("/once").auth(token("ann", 60)).await.unwrap();
    assert_eq!(client.renew(token("bob", 60)).await.unwrap_err().code(), Some("not_renewable"));
    assert_eq!(whoami(&mut client).await, "ann");
    let mut other = server.connect("/once").auth(token("ann", 60)).socket_io().await.unwrap();
    assert_eq!(other.renew(token("bob", 60)).await.unwrap_err().code(), Some("unknown_event"));
    assert_eq!(whoami(&mut other).await, "ann");
}

#[tokio::test(start_paused = true)]
async fn a_listener_renews_its_credentials_by_a_post() {
    let asked = Arc::<AtomicU64>::default();
    let server = Server::empty().gateway::<Notes>().provide(asked).server_sent_events(ServerSentEvents::new());
    let server = server.test().await.unwrap();
    let mut listener = server.connect_sse("/notes?auth=%7B%22name%22:%22ann%22,%22lives%22:30%7D").await.unwrap();
    sleep(Duration::from_secs(20)).await;
    let (status, answer) = listener.post(r#"{"auth":{"name":"bob","lives":60},"id":1}"#).await;
    assert_eq!((status, &*answer), (StatusCode::OK, r#"{"event":"auth","data":null,"id":1}"#));
    let (status, _) = listener.post(r#"{"auth":{"name":"bob","lives":60}}"#).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    sleep(Duration::from_secs(20)).await;
    assert_eq!(listener.emit_with_ack::<String>("whoami", ()).await.unwrap(), "bob");

    let (status, answer) = listener.post(r#"{"auth":{"name":"mallory","lives":60},"id":2}"#).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED, "{answer}");
    while server.of("/notes").count() > 0 {
        sleep(Duration::from_millis(10)).await;
    }
}
