use gateway_core::prelude::*;
use gateway_core::testing::{ConnectError, Received, TestClient, TestServer};
use serde_json::{Value, json};

use crate::messages::Messages;
use crate::rooms::Rooms;
use crate::users::Users;

async fn server() -> TestServer {
    let server = Server::empty().gateway::<Rooms>().provide(Messages::default()).provide(Users::default());
    server.nestjs_compat(true).test().await.unwrap()
}

async fn enter(server: &TestServer, token: &str) -> TestClient {
    let mut client = server.connect("/rooms").auth(json!({ "token": token })).await.unwrap();
    client.expect_named("welcome").await;
    client
}

#[tokio::test(start_paused = true)]
async fn what_is_said_reaches_the_room() {
    let server = server().await;
    let mut ann = enter(&server, "token-of-ann").await;
    let mut moderator = enter(&server, "token-of-mod").await;
    let tea = json!({ "room": "tea" });
    assert_eq!(ann.emit_with_ack::<Value>("join", &tea).await.unwrap(), json!({ "people": 1, "pattern": "join" }));
    moderator.emit_with_ack::<Value>("join", &tea).await.unwrap();
    assert_eq!(ann.expect_named("joined").await, json!({ "room": "tea", "name": "mod" }));

    let said = json!({ "room": "tea", "text": "milk?" });
    assert_eq!(ann.emit_with_ack::<Value>("say", said).await.unwrap(), json!({ "number": 1, "pattern": "say" }));
    assert_eq!(moderator.expect_named("said").await, json!({ "room": "tea", "name": "ann", "text": "milk?" }));
    assert_eq!(moderator.emit_with_ack::<String>("export", &tea).await.unwrap(), "milk?");
    moderator.emit("history", &tea).await;
    assert_eq!(moderator.next().await, Received::Event { event: "history".into(), data: "milk?".into() });

    assert_eq!(moderator.emit_with_ack::<usize>("clear", &tea).await.unwrap(), 1);
    assert!(moderator.emit_with_ack::<bool>("kick", json!({ "name": "ann" })).await.unwrap());
    assert_eq!(moderator.expect_named("left").await, json!({ "name": "ann" }));
}

#[tokio::test(start_paused = true)]
async fn failures_have_the_shapes_of_the_front_end() {
    let server = server().await;
    let mut ann = enter(&server, "token-of-ann").await;
    let invalid = |fields: &[&str]| json!({ "status": "error", "message": "Validation failed", "fields": fields });
    let forbidden = json!({
        "status": "error", "message": "Forbidden resource", "cause": { "pattern": "clear", "data": { "room": "tea" } },
    });
    for (event, data, told) in [
        ("say", json!({ "room": "", "text": "" }), invalid(&["room", "text"])),
        ("say", json!({ "room": "tea", "text": 5 }), invalid(&["text"])),
        (
            "say",
            json!({ "room": "tea", "text": "hi" }),
            json!({ "status": "error", "message": "you are not in tea", "room": "tea" }),
        ),
        ("clear", json!({ "room": "tea" }), forbidden),
    ] {
        assert_eq!(ann.emit_with_ack::<Value>(event, data).await.unwrap_err().payload(), &told);
    }
    let failure = ann.emit_with_ack::<Value>("backup", ()).await.unwrap_err();
    assert_eq!(failure.message(), "Internal server error");
}

#[tokio::test(start_paused = true)]
async fn who_has_no_token_stays_out() {
    let server = server().await;
    let refused = server.connect("/rooms").auth(json!({ "token": "?" })).socket_io().await;
    let Err(ConnectError::Refused(failure, _)) = refused else { panic!("let in") };
    assert_eq!(failure.payload(), &json!({ "message": "Unauthorized" }));
}
