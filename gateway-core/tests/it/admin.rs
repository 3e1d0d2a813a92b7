//! The Admin UI's protocol: a page is let in by its password, sees sockets of every kind, and commands them.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use gateway_core::extract::Args;
use gateway_core::limits::Limits;
use gateway_core::metrics::Counter;
use gateway_core::prelude::*;
use gateway_core::serve::{Admin, Recovery, ServerSentEvents};
use gateway_core::testing::{TestClient, TestServer};
use serde_json::{Value, json};
use tokio::time::sleep;

/// Made by npm's `bcryptjs` from `secret`.
const HASH: &str = "$2a$04$0/QrmQl/L1EF4teOmidRZ.88gmTMtBxtfaJ7aX0DdODnaiJbov94q";

#[gateway(namespace = "/chat")]
struct Chat;

#[gateway]
impl Chat {
    #[on_connect]
    async fn joined(&self, socket: Socket) -> Result<(), ConnectRejection> {
        Ok(socket.join("general").await?)
    }

    #[subscribe("say")]
    fn say(&self, socket: Socket, Data(text): Data<String>) -> usize {
        socket.to("general").emit("posted", &text).queued
    }

    #[subscribe("enter")]
    async fn enter(&self, socket: Socket, Data(room): Data<String>) -> Result<(), Exception> {
        Ok(socket.join(room).await?)
    }

    #[subscribe("exit")]
    fn exit(&self, socket: Socket, Data(room): Data<String>) {
        socket.leave(room);
    }

    #[subscribe("name")]
    fn name(&self, socket: Socket, Data(name): Data<String>) -> Result<(), Exception> {
        socket.set_data(&json!({"name": name})).map_err(|_| Exception::message("no"))
    }
}

fn options() -> Admin {
    Admin::new("operator", HASH).server_id("here")
}

fn chat() -> Server {
    Server::empty().gateway::<Chat>().server_sent_events(ServerSentEvents::new())
}

async fn serve(options: Admin) -> TestServer {
    chat().admin(options).test().await.unwrap()
}

fn credentials() -> Value {
    json!({"username": "operator", "password": "secret"})
}

/// Opens a page and waits for its list of sockets.
async fn open(server: &TestServer) -> (TestClient, Value) {
    let mut page = server.connect("/admin").socket_io().auth(credentials()).await.unwrap();
    let sockets = page.expect_named("all_sockets").await;
    (page, sockets)
}

/// The next change of this name, without its time.
async fn change(page: &mut TestClient, name: &str) -> Vec<Value> {
    let Value::Array(mut args) = page.expect_named(name).await else { panic!("{name} has several arguments") };
    let time = args.pop().unwrap();
    let time = time.as_str().unwrap();
    assert!(time.len() == 24 && time.ends_with('Z') && &time[10..11] == "T", "{time}");
    args
}

/// Reads all that was sent so far.
async fn read_all(page: &mut TestClient) {
    while tokio::time::timeout(Duration::from_millis(300), page.next()).await.is_ok() {}
}

#[tokio::test(start_paused = true)]
async fn a_page_is_let_in_by_its_password_and_again_by_its_session() {
    let server = serve(options()).await;
    let mut page = server.connect("/admin").socket_io().auth(credentials()).await.unwrap();
    let session = page.expect_named("session").await;
    let config = page.expect_named("config").await;
    let features =
        ["EMIT", "JOIN", "LEAVE", "DISCONNECT", "MJOIN", "MLEAVE", "MDISCONNECT", "AGGREGATED_EVENTS", "ALL_EVENTS"];
    assert_eq!(config, json!({"supportedFeatures": features}));
    page.expect_named("all_sockets").await;
    page.close().await;

    let mut page = server.connect("/admin").socket_io().auth(json!({"sessionId": session})).await.unwrap();
    page.expect_named("config").await;
    for wrong in [json!({"sessionId": "0"}), json!({"username": "operator", "password": "wrong"}), json!({})] {
        let refused = server.connect("/admin").socket_io().auth(wrong).await.unwrap_err();
        assert!(refused.to_string().contains("invalid credentials"), "{refused}");
    }
}

#[tokio::test(start_paused = true)]
async fn many_wrong_passwords_are_not_compared() {
    let server = serve(options()).await;
    for _ in 0..5 {
        let wrong = json!({"username": "operator", "password": "wrong"});
        server.connect("/admin").auth(wrong).await.unwrap_err();
    }
    let refused = server.connect("/admin").auth(credentials()).await.unwrap_err();
    assert!(refused.to_string().contains("too many passwords"), "{refused}");
    sleep(Duration::from_mins(1)).await;
    server.connect("/admin").auth(credentials()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn sockets_of_every_kind_are_listed() {
    let server = serve(options()).await;
    let _plain = server.connect("/chat?room=1").await.unwrap();
    let _socket_io = server.connect("/chat").socket_io().header("cookie", "session=hidden").await.unwrap();
    let _lines = server.connect_tcp("/chat").await.unwrap();
    let _events = server.connect_sse("/chat").await.unwrap();
    let (_page, sockets) = open(&server).await;

    let sockets: Vec<&Value> = sockets.as_array().unwrap().iter().filter(|socket| socket["nsp"] == "/chat").collect();
    let mut transports: Vec<&str> = sockets.iter().map(|socket| socket["transport"].as_str().unwrap()).collect();
    transports.sort_unstable();
    assert_eq!(transports, ["lines", "server-sent events", "websocket", "websocket"]);
    for socket in &sockets {
        assert_eq!(socket["rooms"], json!([socket["id"], "general"]));
        assert_eq!(socket["data"], json!({}));
        assert_eq!(socket["clientId"].as_str().unwrap().len(), 12);
        assert!(socket["handshake"]["issued"].as_u64().unwrap() > 0);
        assert!(socket["handshake"]["address"].is_string());
    }
    let queries: Vec<_> = sockets.iter().map(|socket| &socket["handshake"]["query"]).collect();
    assert!(queries.contains(&&json!({"room": "1"})), "{queries:?}");
    assert!(!format!("{sockets:?}").contains("hidden"));
}

#[tokio::test(start_paused = true)]
async fn a_page_hears_of_sockets_rooms_and_events() {
    let server = serve(options()).await;
    let (mut page, _) = open(&server).await;
    let mut ann = server.connect("/chat").socket_io().await.unwrap();
    let mut bob = server.connect("/chat").await.unwrap();

    let connected = change(&mut page, "socket_connected").await.remove(0);
    let socket =
        if connected["nsp"] == "/admin" { change(&mut page, "socket_connected").await.remove(0) } else { connected };
    let id = socket["id"].clone();
    assert_eq!((&socket["nsp"], &socket["rooms"]), (&json!("/chat"), &json!([id, "general"])));
    change(&mut page, "socket_connected").await;
    read_all(&mut page).await;

    ann.emit_with_ack::<()>("enter", "red").await.unwrap();
    assert_eq!(change(&mut page, "room_joined").await, [json!("/chat"), json!("red"), id.clone()]);
    assert_eq!(change(&mut page, "event_received").await, [json!("/chat"), id.clone(), json!(["enter", "red"])]);

    // Joined once, although it was asked for twice.
    ann.emit_with_ack::<()>("enter", "red").await.unwrap();
    ann.emit_with_ack::<()>("exit", "red").await.unwrap();
    assert_eq!(change(&mut page, "room_left").await, [json!("/chat"), json!("red"), id.clone()]);
    ann.emit_with_ack::<()>("exit", "red").await.unwrap();

    ann.emit_with_ack::<()>("name", "Ann").await.unwrap();
    let updated = page.expect_named("socket_updated").await;
    assert_eq!(updated, json!({"id": id, "nsp": "/chat", "data": {"name": "Ann"}}));

    assert_eq!(bob.emit_with_ack::<usize>("say", "hello").await, Ok(1));
    assert_eq!(change(&mut page, "event_sent").await, [json!("/chat"), id.clone(), json!(["posted", "hello"])]);

    read_all(&mut page).await;
    ann.close().await;
    assert_eq!(change(&mut page, "socket_disconnected").await, [json!("/chat"), id.clone(), json!("transport close")]);
    let left = [change(&mut page, "room_left").await, change(&mut page, "room_left").await];
    let rooms: Vec<&Value> = left.iter().map(|left| &left[1]).collect();
    assert_eq!(rooms, [&json!("general"), &id]);
    page.expect_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn figures_come_each_two_seconds() {
    let server = serve(options()).await;
    let mut ann = server.connect("/chat").socket_io().await.unwrap();
    let (mut page, _) = open(&server).await;
    let first = page.expect_named("server_stats").await;
    assert_eq!(first["serverId"], "here");
    assert_eq!((&first["clientsCount"], &first["pollingClientsCount"]), (&json!(2), &json!(0)));
    assert_eq!(first["aggregatedEvents"], json!([]));
    let counts = |stats: &Value| stats["namespaces"].clone();
    let two = json!([{"name": "/admin", "socketsCount": 1}, {"name": "/chat", "socketsCount": 1}]);
    assert_eq!(counts(&first), two);

    let begun = tokio::time::Instant::now();
    let _bob = server.connect("/chat").await.unwrap();
    ann.emit_with_ack::<usize>("say", "hello").await.unwrap();
    let second = page.expect_named("server_stats").await;
    assert!((1900..2200).contains(&begun.elapsed().as_millis()), "{:?}", begun.elapsed());
    assert_eq!(counts(&second)[1]["socketsCount"], 2);
    let events = second["aggregatedEvents"].as_array().unwrap();
    let count = |name: &str| {
        events.iter().find(|event| event["type"] == name).map_or(0, |event| event["count"].as_u64().unwrap())
    };
    assert_eq!((count("rawConnection"), count("packetsIn")), (1, 1));
    assert!(count("bytesIn") > 0 && count("bytesOut") > count("bytesIn"), "{events:?}");
    assert_eq!(events[0]["timestamp"].as_u64().unwrap() % 1000, 0);
}

#[tokio::test(start_paused = true)]
async fn a_page_commands_sockets() {
    let server = serve(options()).await;
    let mut ann = server.connect("/chat").socket_io().await.unwrap();
    let mut bob = server.connect("/chat").await.unwrap();
    let (mut page, sockets) = open(&server).await;
    let id = |index: usize| {
        let sockets = sockets.as_array().unwrap();
        let chat: Vec<_> = sockets.iter().filter(|socket| socket["nsp"] == "/chat").collect();
        chat[index]["id"].as_str().unwrap().to_owned()
    };

    page.emit_with_ack::<Value>("emit", Args(("/chat", "general", "news", 1, [2]))).await.unwrap();
    assert_eq!(ann.expect_named("news").await, json!([1, [2]]));
    assert_eq!(bob.expect_named("news").await, json!([1, [2]]));
    page.emit_with_ack::<Value>("emit", Args(("/chat", Value::Null, "pause"))).await.unwrap();
    ann.expect_named("pause").await;

    page.emit_with_ack::<Value>("join", Args(("/chat", "blue", id(0)))).await.unwrap();
    assert_eq!(change(&mut page, "room_joined").await, [json!("/chat"), json!("blue"), json!(id(0))]);
    page.emit_with_ack::<Value>("join", Args(("/chat", "blue"))).await.unwrap();
    assert_eq!(server.of("/chat").to("blue").count(), 2);
    page.emit_with_ack::<Value>("leave", Args(("/chat", "blue", id(1)))).await.unwrap();
    assert_eq!(server.of("/chat").to("blue").count(), 1);

    page.emit_with_ack::<Value>("_disconnect", Args(("/chat", true, "general"))).await.unwrap();
    ann.closed().await;
    bob.closed().await;
    for (event, wrong) in [("join", json!(["/nowhere", "a"])), ("join", json!([1, "a"])), ("emit", json!(["/chat"]))] {
        page.emit_with_ack::<Value>(event, Args(wrong)).await.unwrap_err();
    }
}

#[tokio::test(start_paused = true)]
async fn a_reader_has_no_commands() {
    let server = serve(options().read_only(true)).await;
    let mut ann = server.connect("/chat").await.unwrap();
    let mut page = server.connect("/admin").socket_io().auth(credentials()).await.unwrap();
    assert_eq!(page.expect_named("config").await, json!({"supportedFeatures": ["AGGREGATED_EVENTS", "ALL_EVENTS"]}));
    for command in ["emit", "join", "leave", "_disconnect"] {
        let args = Args(("/chat", "general", "news"));
        let refused = page.emit_with_ack::<Value>(command, args).await.unwrap_err();
        assert_eq!(refused.code(), Some("unknown_event"), "{command}");
    }
    ann.expect_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn in_production_a_page_sees_figures_only() {
    let server = serve(options().production(true)).await;
    let mut page = server.connect("/admin").socket_io().auth(credentials()).await.unwrap();
    let config = page.expect_named("config").await;
    assert!(!config.to_string().contains("ALL_EVENTS"), "{config}");
    let mut ann = server.connect("/chat").await.unwrap();
    ann.emit_with_ack::<usize>("say", "hello").await.unwrap();
    page.expect_named("server_stats").await;
    page.expect_named("session").await;
    page.expect_nothing().await;
}

struct Nobody;

impl Guard for Nobody {
    type Grants = ();

    fn check(&self, _: &GuardContext<'_>) -> Result<Grant, Exception> {
        Err(Exception::forbidden())
    }
}

#[tokio::test(start_paused = true)]
async fn guards_of_the_server_are_not_for_the_page() {
    let server = chat().guard(Nobody).admin(options());
    let server = server.test().await.unwrap();
    server.connect("/chat").await.unwrap_err();
    let (mut page, _) = open(&server).await;
    page.emit_with_ack::<Value>("leave", Args(("/chat", "general"))).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_events_drops_the_oldest_and_a_page_that_lags_gets_the_list_again() {
    let server = chat().limits(Limits::new().outbox_frames(64)).admin(options()).test().await.unwrap();
    let mut ann = server.connect("/chat").await.unwrap();
    let (mut page, _) = open(&server).await;
    read_all(&mut page).await;
    page.stop_reading();
    for number in 0..2000 {
        ann.emit_with_ack::<usize>("say", number.to_string()).await.unwrap();
    }
    ann.emit_with_ack::<()>("enter", "red").await.unwrap();
    sleep(Duration::from_secs(1)).await;
    assert!(server.count(Counter::UnshownEvents) > 1000, "{}", server.count(Counter::UnshownEvents));
    assert_eq!(server.count(Counter::SlowDisconnects), 0);
    page.read_on();
    let sockets = page.expect_named("all_sockets").await;
    let socket = sockets.as_array().unwrap().iter().find(|socket| socket["nsp"] == "/chat").unwrap().clone();
    assert_eq!(socket["rooms"].as_array().unwrap().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn without_a_page_nothing_is_kept_and_nobody_is_told() {
    let server = serve(options()).await;
    let (page, _) = open(&server).await;
    page.close().await;
    let mut ann = server.connect("/chat").await.unwrap();
    ann.emit_with_ack::<usize>("say", "hello").await.unwrap();
    let (mut page, sockets) = open(&server).await;
    assert_eq!(sockets.as_array().unwrap().iter().filter(|socket| socket["nsp"] == "/chat").count(), 1);
    let features = page.expect_named("config").await;
    assert!(features.is_object());
    read_all(&mut page).await;
    ann.emit_with_ack::<usize>("say", "again").await.unwrap();
    assert_eq!(change(&mut page, "event_received").await[2], json!(["say", "again"]));
}

#[tokio::test(start_paused = true)]
async fn a_socket_that_resumes_leaves_the_page_and_comes_back() {
    let server = chat().recovery(Recovery::new()).admin(options()).test().await.unwrap();
    let (mut page, _) = open(&server).await;
    let mut ann = server.connect("/chat").socket_io().await.unwrap();
    // A client of Socket.IO resumes behind an event.
    server.of("/chat").emit("news", &1);
    ann.expect_named("news").await;
    read_all(&mut page).await;
    let lost = ann.lose();
    let gone = change(&mut page, "socket_disconnected").await;
    let ann = server.connect("/chat").socket_io().come_back(&lost).await.unwrap();
    assert!(ann.is_recovered());
    let connected = change(&mut page, "socket_connected").await.remove(0);
    assert_eq!((&connected["id"], &connected["rooms"]), (&gone[1], &json!([gone[1], "general"])));

    // The page itself is shown everything anew.
    let mut page = server.connect("/admin").socket_io().auth(credentials()).come_back(&page.lose()).await.unwrap();
    assert!(!page.is_recovered());
    page.expect_named("all_sockets").await;
}

#[tokio::test(start_paused = true)]
async fn a_stop_does_not_wait_for_pages() {
    let server = serve(options()).await;
    let (mut page, _) = open(&server).await;
    let handle = server.handle();
    server.stop().await;
    page.closed().await;
    handle.stopped().await;
}

#[tokio::test]
async fn what_is_no_hash_fails_the_start() {
    for wrong in ["secret", "", "$2b$10$short", &HASH.replace("$04$", "$17$")] {
        let failed = chat().admin(Admin::new("operator", wrong)).check().unwrap_err();
        assert!(failed.to_string().contains("bcrypt"), "{failed}");
    }
    // A server of nothing but the page has no gateway of its own.
    let failed = Server::empty().admin(options()).check().unwrap_err();
    assert!(failed.to_string().contains("gateway"), "{failed}");
    let hidden = format!("{:?}", options());
    assert!(!hidden.contains("$2a$"), "{hidden}");
}
