//! Documents that are read back, and those that are none.

use gateway_core::contract::{AsyncApiVersion, Contract};
use gateway_core::prelude::*;
use serde_json::{Value, json};

use crate::chat::Chat;
use crate::types::{Rules, Types};

fn document() -> Value {
    let contract = Server::empty().gateway::<Chat>().contract().unwrap();
    contract.to_asyncapi(AsyncApiVersion::V3_1)
}

#[test]
fn a_document_read_back_is_the_same_contract() {
    let contract = Server::empty().gateway::<Chat>().contract().unwrap();
    let read = Contract::from_json(&contract.to_json()).unwrap();
    assert_eq!(read, contract.clone().without_places());
    let changed = contract.title("Chat").version("2.0.0").description("About it.").host("chat.example.com");
    assert_eq!(Contract::from_json(&changed.to_json()).unwrap(), changed.clone().without_places());
    let document = changed.to_asyncapi(AsyncApiVersion::V3_1);
    assert_eq!(document["servers"]["websocket"]["protocol"], json!("wss"));
}

#[test]
fn the_older_version_differs_in_its_number_alone() {
    let contract = Server::empty().gateway::<Chat>().contract().unwrap();
    let mut older = contract.to_asyncapi(AsyncApiVersion::V3_0);
    assert_eq!(older["asyncapi"], json!("3.0.0"));
    older["asyncapi"] = json!("3.1.0");
    assert_eq!(older, contract.to_asyncapi(AsyncApiVersion::V3_1));
    assert_eq!(Contract::from_asyncapi(&older).unwrap(), contract.without_places());
}

#[test]
fn the_place_of_a_handler_is_known_and_not_in_the_document() {
    let contract = Server::empty().gateway::<Chat>().contract().unwrap();
    let place = &contract.namespace("/chat/{room}").unwrap().request("message").unwrap().source;
    assert!(place.file.ends_with("tests/contract/chat.rs") && place.line > 1, "{place:?}");
    assert_eq!(place.name, "Chat::message");
    assert!(!contract.to_json().contains(".rs"));
}

#[test]
fn what_is_no_contract_says_why() {
    let why = |text: &str| Contract::from_json(text).unwrap_err().to_string();
    assert_eq!(why("{"), "the document is no JSON");
    assert_eq!(why("[]"), "the document is no AsyncAPI 3: its member `asyncapi` is missing");
    assert_eq!(why(r#"{"asyncapi":"2.6.0"}"#), "the document is no AsyncAPI 3: its member `asyncapi` is \"2.6.0\"");
    let check = |pointer: &str, value: Option<Value>, expected: &str| {
        let mut document = document();
        let (parent, member) = pointer.rsplit_once('/').unwrap();
        let parent = document.pointer_mut(parent).unwrap().as_object_mut().unwrap();
        match value {
            Some(value) => parent.insert(member.replace("~1", "/"), value),
            None => parent.remove(member),
        };
        assert_eq!(Contract::from_asyncapi(&document).unwrap_err().to_string(), expected);
    };
    check("/channels", None, "`/channels` is missing");
    check("/channels", Some(json!([])), "`/channels` is no object");
    check("/info/title", Some(json!(1)), "`/info/title` is no text");
    check(
        "/servers/websocket/protocol",
        Some(json!("mqtt")),
        "`/servers/websocket/protocol` is none of ws, wss, socketio",
    );
    check("/channels/chat.room/address", None, "`/channels/chat.room/address` is missing");
    let operation = "/operations/chat.room.receive.message";
    check(
        &format!("{operation}/action"),
        Some(json!("publish")),
        &format!("`{operation}/action` is neither send nor receive"),
    );
    check(&format!("{operation}/messages"), Some(json!([])), &format!("`{operation}` has no message"));
    check(
        &format!("{operation}/messages"),
        Some(json!([{ "$ref": "#/nowhere" }])),
        &format!("`{operation}/messages/0/$ref` leads nowhere"),
    );
    check(
        &format!("{operation}/x-reply"),
        Some(json!("many")),
        &format!("`{operation}/x-reply` is none of empty, value, stream, untold"),
    );
    check(&format!("{operation}/x-errors"), Some(json!([{}])), &format!("`{operation}/x-errors/0/code` is missing"));
    check(
        &format!("{operation}/x-deprecated"),
        Some(json!("yes")),
        &format!("`{operation}/x-deprecated` is neither true nor false"),
    );
}

#[test]
fn members_that_are_not_known_are_ignored() {
    let mut document = document();
    document["x-own"] = json!(true);
    document["channels"]["chat.room"]["x-own"] = json!({});
    assert_eq!(
        Contract::from_asyncapi(&document).unwrap(),
        Server::empty().gateway::<Chat>().contract().unwrap().without_places()
    );
}

/// Deep and circular references in a document end in an answer.
#[test]
fn references_in_a_circle_are_no_endless_work() {
    let mut document = document();
    document["components"]["schemas"]["A"] = json!({ "$ref": "#/components/schemas/B" });
    document["components"]["schemas"]["B"] = json!({ "$ref": "#/components/schemas/A" });
    let contract = Contract::from_asyncapi(&document).unwrap();
    let found = contract.resolve(&contract.schemas["A"]);
    assert!(found.get("$ref").is_some());
}

/// The document that the tests with npm's parser read. `UPDATE=1` writes it.
#[test]
fn the_document_of_hard_types_is_current() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/contract/types.json");
    let server = Server::empty().gateway::<Chat>().gateway::<Types>().gateway::<Rules>();
    let written = server.contract().unwrap().title("types").version("1.0.0").to_json();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(file, &written).unwrap();
    }
    assert_eq!(std::fs::read_to_string(file).unwrap(), written);
}
