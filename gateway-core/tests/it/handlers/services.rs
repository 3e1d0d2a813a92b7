//! Services that are made at the start, and values that each socket has of its own.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::convert::Infallible;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gateway_core::ServiceMissing;
use gateway_core::extract::PerSocket;
use gateway_core::metrics::Counter;
use gateway_core::prelude::*;
use gateway_core::testing::{ConnectError, TestClient};
use gateway_core::{SendError, Services, SocketId};
use tokio::sync::oneshot;
use tokio::time::sleep;

#[derive(Clone)]
struct Settings {
    url: String,
}

/// Made from the settings.
struct Pool(String);

/// Made from the pool.
#[derive(Clone)]
struct Users(Arc<Pool>);

#[gateway(namespace = "/users")]
struct UserGateway {
    users: Users,
}

#[gateway]
impl UserGateway {
    #[subscribe]
    fn source(&self, State(pool): State<Arc<Pool>>) -> String {
        assert!(Arc::ptr_eq(&pool, &self.users.0), "there is one pool");
        pool.0.clone()
    }
}

async fn connect(services: Services) -> Result<Arc<Pool>, ServiceMissing> {
    let settings: Settings = services.get().await?;
    sleep(Duration::from_secs(1)).await;
    Ok(Arc::new(Pool(settings.url)))
}

async fn load(services: Services) -> Result<Users, ServiceMissing> {
    services.get().await.map(Users)
}

/// The users are given first, and wait for the pool all the same.
fn server() -> Server {
    Server::empty()
        .gateway::<UserGateway>()
        .provide_with(load)
        .provide_with(connect)
        .provide(Settings { url: "db:1".into() })
}

fn report(error: &StartError) -> String {
    error.to_string()
}

#[tokio::test(start_paused = true)]
async fn a_service_is_made_once_from_what_others_make() {
    let server = server().test().await.unwrap();
    let mut ann = server.connect("/users").await.unwrap();
    assert_eq!(ann.emit_with_ack::<String>("source", ()).await.unwrap(), "db:1");
}

#[tokio::test(start_paused = true)]
async fn a_test_puts_another_in_its_place_by_one_line() {
    let pool = Arc::new(Pool("fake".into()));
    let given = server().provide(pool).test().await.unwrap();
    let mut ann = given.connect("/users").await.unwrap();
    assert_eq!(ann.emit_with_ack::<String>("source", ()).await.unwrap(), "fake");

    let made =
        server().provide_with(async |_| Ok::<_, Infallible>(Arc::new(Pool("other".into())))).test().await.unwrap();
    let mut bob = made.connect("/users").await.unwrap();
    assert_eq!(bob.emit_with_ack::<String>("source", ()).await.unwrap(), "other");
}

#[tokio::test(start_paused = true)]
async fn what_fails_is_reported_with_all_that_is_wrong_and_nothing_twice() {
    #[derive(Clone)]
    struct Mail;

    #[gateway(namespace = "/mail")]
    struct MailGateway {
        mail: Mail,
        sender: Arc<String>,
    }

    #[gateway]
    impl MailGateway {
        #[subscribe]
        fn send(&self) -> usize {
            let Mail = self.mail;
            self.sender.len()
        }
    }

    let started = server()
        .gateway::<MailGateway>()
        .provide_with(async |_| Err::<Arc<Pool>, _>("no route to db:1"))
        .provide_with(async |_| -> Result<Mail, Infallible> { panic!("on request") })
        .test()
        .await;
    let report = report(&started.unwrap_err());
    assert!(report.contains("3 problems"), "{report}");
    assert!(
        report.contains("Pool>` failed: no route to db:1\n    at gateway-core/tests/it/handlers/services.rs:"),
        "{report}"
    );
    assert!(report.contains("Mail` failed: it panicked"), "{report}");
    assert!(report.contains("`MailGateway.sender` needs a `Arc<String>` that nobody provided"), "{report}");
}

#[tokio::test(start_paused = true)]
async fn what_a_factory_asks_for_in_vain_is_named() {
    let server = Server::empty().gateway::<UserGateway>().provide_with(load).provide_with(connect);
    let report = report(&server.test().await.unwrap_err());
    assert!(report.contains("1 problem\n"), "{report}");
    assert!(report.contains("Pool>` asks for a `it::handlers::services::Settings` that nobody provided"), "{report}");
    assert!(
        report.contains("write `.provide::<it::handlers::services::Settings>(…)` or `.provide_with(…)`"),
        "{report}"
    );
}

#[tokio::test(start_paused = true)]
async fn factories_that_wait_for_each_other_are_told_so() {
    let around = async |services: Services| services.get::<Users>().await.map(|users| users.0);
    let started = server().provide_with(around).test().await;
    let circle = report(&started.unwrap_err());
    assert!(circle.contains("1 problem\n"), "{circle}");
    assert!(circle.contains("whose own factory waits for a"), "{circle}");

    let itself = server().provide_with(async |services: Services| services.get::<Arc<Pool>>().await);
    let itself = report(&itself.test().await.unwrap_err());
    assert!(itself.contains("waits for what it makes itself"), "{itself}");
}

#[test]
fn a_check_makes_nothing_and_knows_what_will_be_made() {
    let server = server().provide_with::<Arc<Pool>, Infallible, _, _>(|_| async { panic!("a check makes nothing") });
    server.check().unwrap();
}

/// Stands at the door, and is made at the start.
#[derive(Clone)]
struct Doorman(String);

impl Guard for Doorman {
    type Grants = String;

    fn check(&self, _: &GuardContext<'_>) -> Result<Grant<String>, Exception> {
        Ok(Grant::with(self.0.clone()))
    }
}

#[gateway(namespace = "/guarded")]
#[guard(Doorman)]
struct Guarded;

#[gateway]
impl Guarded {
    #[subscribe]
    fn doorman(&self, name: Auth<String>) -> String {
        name.0.to_string()
    }
}

#[test]
fn what_a_guard_grants_counts_though_the_guard_is_yet_to_be_made() {
    let server = Server::empty().gateway::<Guarded>();
    server.provide_with::<Doorman, Infallible, _, _>(|_| async { panic!("a check makes nothing") }).check().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_guard_is_made_like_any_other_service() {
    let server =
        Server::empty().gateway::<Guarded>().provide_with(async |_| Ok::<_, Infallible>(Doorman("Jim".into())));
    let server = server.test().await.unwrap();
    let mut ann = server.connect("/guarded").await.unwrap();
    assert_eq!(ann.emit_with_ack::<String>("doorman", ()).await.unwrap(), "Jim");
}

/// Numbers of calls.
#[derive(Clone, Default)]
struct Counts {
    made: Arc<AtomicU32>,
    dropped: Arc<AtomicU32>,
}

/// One conversation with one client.
struct Conversation {
    socket: SocketId,
    number: u32,
    said: Mutex<Vec<String>>,
    counts: Counts,
}

impl Drop for Conversation {
    fn drop(&mut self) {
        self.counts.dropped.fetch_add(1, Ordering::Relaxed);
    }
}

#[gateway(namespace = "/talk")]
struct Talk;

#[gateway]
impl Talk {
    #[on_connect]
    fn joined(&self, conversation: PerSocket<Conversation>, socket: Socket) -> Result<(), SendError> {
        assert_eq!(&conversation.socket, socket.id());
        socket.emit("number", &conversation.number)
    }

    #[subscribe]
    fn say(&self, conversation: PerSocket<Conversation>, Data(text): Data<String>) -> usize {
        let mut said = conversation.said.lock().unwrap();
        said.push(text);
        said.len()
    }

    #[on_disconnect]
    async fn left(&self, conversation: PerSocket<Conversation>, socket: Socket, last: State<Outlet>) {
        sleep(Duration::from_secs(1)).await;
        assert_eq!(conversation.counts.dropped.load(Ordering::Relaxed), 0, "it is there while the hook runs");
        let said = conversation.said.lock().unwrap().clone();
        let outlet = last.0.0.lock().unwrap().take();
        if let Some(outlet) = outlet {
            // A socket that is kept keeps nothing of it.
            drop(outlet.send((socket, said)));
        }
    }
}

/// Where the disconnect hook tells what it found.
#[derive(Clone)]
struct Outlet(Arc<Mutex<Option<Last>>>);

/// The socket that has left, and what it said.
type Last = oneshot::Sender<(Socket, Vec<String>)>;

#[gateway(namespace = "/silent")]
struct Silent;

#[gateway]
impl Silent {
    #[subscribe]
    fn echo(&self, Data(text): Data<String>) -> String {
        text
    }
}

async fn converse(socket: Socket, services: Services) -> Result<Conversation, ConnectRejection> {
    let counts: Counts = services.get().await?;
    match socket.handshake().query("fail") {
        Some("refuse") => return Err(ConnectRejection::new("busy", "nobody has time")),
        Some("panic") => panic!("on request"),
        Some("missing") => drop(services.get::<u8>().await?),
        _ => {}
    }
    let number = counts.made.fetch_add(1, Ordering::Relaxed);
    Ok(Conversation { socket: socket.id().clone(), number, said: Mutex::default(), counts })
}

fn talk(outlet: Option<Last>) -> (Server, Counts) {
    let counts = Counts::default();
    let server = Server::empty()
        .gateway::<Talk>()
        .gateway::<Silent>()
        .provide(counts.clone())
        .provide(Outlet(Arc::new(Mutex::new(outlet))))
        .provide_per_socket(converse);
    (server, counts)
}

async fn number(client: &mut TestClient) -> u64 {
    client.expect_named("number").await.as_u64().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_socket_has_a_value_of_its_own_until_its_last_hook_has_run() {
    let (tell, told) = oneshot::channel();
    let (server, counts) = talk(Some(tell));
    let server = server.test().await.unwrap();
    let mut ann = server.connect("/talk").await.unwrap();
    let mut bob = server.connect("/talk").socket_io().await.unwrap();
    assert_eq!((number(&mut ann).await, number(&mut bob).await), (0, 1));
    for (index, text) in ["a", "b"].into_iter().enumerate() {
        assert_eq!(ann.emit_with_ack::<usize>("say", text).await.unwrap(), index + 1);
    }
    assert_eq!(bob.emit_with_ack::<usize>("say", "c").await.unwrap(), 1);

    ann.close().await;
    let (socket, said) = told.await.unwrap();
    assert_eq!(said, ["a", "b"]);
    sleep(Duration::from_secs(1)).await;
    assert_eq!(counts.dropped.load(Ordering::Relaxed), 1, "though {socket:?} is kept");
    assert_eq!(bob.emit_with_ack::<usize>("say", "d").await.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn it_is_made_only_where_something_asks_for_it() {
    let (server, counts) = talk(None);
    let server = server.test().await.unwrap();
    let mut ann = server.connect("/silent").await.unwrap();
    assert_eq!(ann.emit_with_ack::<String>("echo", "x").await.unwrap(), "x");
    assert_eq!(counts.made.load(Ordering::Relaxed), 0);
}

#[tokio::test(start_paused = true)]
async fn a_value_that_cannot_be_made_refuses_the_socket() {
    let (server, counts) = talk(None);
    let server = server.test().await.unwrap();
    for (fail, code) in [("refuse", "busy"), ("panic", "internal"), ("missing", "internal")] {
        let refused = server.connect(&format!("/talk?fail={fail}")).await.unwrap_err();
        let ConnectError::Refused(failure, _) = refused else { panic!("{refused}") };
        assert_eq!(failure.code(), Some(code));
    }
    assert_eq!(server.count(Counter::Panics), 1);
    assert_eq!(counts.made.load(Ordering::Relaxed), 0);
}

#[tokio::test(start_paused = true)]
async fn the_later_of_two_makers_counts() {
    let (server, counts) = talk(None);
    let other = counts.clone();
    let fake = move |socket: Socket, _| {
        let counts = other.clone();
        async move {
            let socket = socket.id().clone();
            Ok::<_, Infallible>(Conversation { socket, number: 99, said: Mutex::default(), counts })
        }
    };
    let server = server.provide_per_socket(fake).test().await.unwrap();
    let mut ann = server.connect("/talk").await.unwrap();
    assert_eq!(number(&mut ann).await, 99);
    assert_eq!(counts.made.load(Ordering::Relaxed), 0);
}

#[test]
fn a_value_that_nothing_makes_stops_the_start() {
    let server = Server::empty().gateway::<Talk>().provide(Outlet(Arc::default()));
    let report = report(&server.check().unwrap_err());
    assert!(report.contains("3 problems"), "{report}");
    assert!(report.contains("`Talk::say` asks for `PerSocket<Conversation>`, and nothing makes a `"), "{report}");
    assert!(report.contains("help: write `.provide_per_socket(async |socket, services| …)` on the server"), "{report}");
}

/// Reads the conversation, and says nothing of it before the start.
struct Number(u32);

impl FromContext for Number {
    fn from_context(context: &Context<'_>) -> Result<Self, Rejection> {
        let conversation = <PerSocket<Conversation> as FromContext>::from_context(context)?;
        Ok(Self(conversation.number))
    }
}

#[gateway(namespace = "/late")]
struct Late;

#[gateway]
impl Late {
    #[subscribe]
    fn number(&self, number: Number) -> u32 {
        number.0
    }

    #[subscribe]
    fn perhaps(&self, conversation: Result<PerSocket<Conversation>, Rejection>) -> Option<u32> {
        conversation.ok().map(|conversation| conversation.number)
    }
}

#[tokio::test(start_paused = true)]
async fn an_extractor_that_keeps_its_needs_to_itself_is_told_late() {
    let server = Server::empty().gateway::<Late>().test().await.unwrap();
    let mut ann = server.connect("/late").await.unwrap();
    assert_eq!(ann.emit_with_ack::<u32>("number", ()).await.unwrap_err().code(), Some("internal"));
}

#[tokio::test(start_paused = true)]
async fn who_can_do_without_it_gets_it_where_it_is_made() {
    let without = Server::empty().gateway::<Late>().test().await.unwrap();
    let mut ann = without.connect("/late").await.unwrap();
    assert_eq!(ann.emit_with_ack::<Option<u32>>("perhaps", ()).await.unwrap(), None);
    let with = Server::empty().gateway::<Late>().provide(Counts::default()).provide_per_socket(converse);
    let with = with.test().await.unwrap();
    let mut bob = with.connect("/late").await.unwrap();
    assert_eq!(bob.emit_with_ack::<Option<u32>>("perhaps", ()).await.unwrap(), Some(0));
}
