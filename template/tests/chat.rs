//! The chat as its clients see it, in memory and on a paused clock.

use gateway_core::config::ConfigReader;
use gateway_core::testing::TestServer;
use serde_json::{Value, json};

use {{crate_name}}::auth::Tokens;
use {{crate_name}}::events::Posted;
use {{crate_name}}::settings::Settings;

async fn start() -> TestServer {
    let tokens = Tokens::new([("ann", "a"), ("bob", "b")]);
    {{crate_name}}::server(tokens).test().await.unwrap()
}

fn login(name: &str, token: &str) -> Value {
    json!({ "name": name, "token": token })
}

#[tokio::test(start_paused = true)]
async fn a_message_reaches_the_others_in_the_room() {
    let server = start().await;
    let mut ann = server.connect("/chat").auth(login("ann", "a")).await.unwrap();
    let mut bob = server.connect("/chat").socket_io().auth(login("bob", "b")).await.unwrap();
    ann.emit_with_ack::<()>("join", "hall").await.unwrap();
    bob.emit_with_ack::<()>("join", "hall").await.unwrap();

    let others: usize = ann.emit_with_ack("message", json!({"room": "hall", "text": "hello"})).await.unwrap();

    assert_eq!(others, 1);
    let posted = bob.expect::<Posted>().await;
    assert_eq!((&*posted.from, &*posted.text), ("ann", "hello"));
    ann.expect_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn an_empty_message_is_refused() {
    let server = start().await;
    let mut ann = server.connect("/chat").auth(login("ann", "a")).await.unwrap();
    let failure = ann.emit_with_ack::<usize>("message", json!({"room": "hall", "text": ""})).await.unwrap_err();
    assert_eq!(failure.code(), Some("empty"));
}

#[tokio::test(start_paused = true)]
async fn a_wrong_token_is_refused() {
    let server = start().await;
    assert!(server.connect("/chat").auth(login("ann", "b")).await.is_err());
}

#[test]
fn the_server_can_start_with_its_settings() {
    let settings = ConfigReader::new().text("settings.toml", include_str!("../settings.toml"));
    let Settings { tokens, server } = settings.read().unwrap();
    {{crate_name}}::server(tokens).config(server).check().unwrap();
}
