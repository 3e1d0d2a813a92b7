use gateway_core::contract::{ChangeKind, Contract};
use gateway_core::testing::{TestClient, TestServer};
use serde_json::{Value, json};

use super::*;

fn contract() -> Contract {
    Server::empty().gateway::<Boards>().socket_io(SocketIo::new()).contract().unwrap()
}

#[test]
fn the_committed_contract_is_current() {
    contract().assert_current("contract/asyncapi.json");
}

#[test]
fn the_committed_clients_are_current() {
    contract().assert_typescript_current("contract/client/boards.ts");
    contract().assert_socket_io_typescript_current("contract/client/boards_socket_io.ts");
}

#[test]
fn a_renamed_field_breaks_the_clients_that_are_deployed() {
    let mut deployed = contract();
    let fields = deployed.schemas.get_mut("NewTicket").unwrap();
    let title = fields["properties"].as_object_mut().unwrap().remove("title").unwrap();
    fields["properties"]["name"] = title;
    fields["required"] = json!(["name"]);
    let changes = deployed.changes_to(&contract());
    let renamed = changes.iter().find(|change| change.kind == ChangeKind::FieldRenamed).unwrap();
    assert!(renamed.is_breaking());
    let sentence = renamed.to_string();
    assert!(
        sentence.starts_with("/boards/{board} request \"add\" name: field renamed: `name` is now `title`"),
        "{sentence}"
    );
}

async fn boards() -> TestServer {
    Server::empty().gateway::<Boards>().test().await.unwrap()
}

async fn enter(server: &TestServer, name: &str) -> TestClient {
    server.connect("/boards/kitchen").auth(json!({ "name": name })).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn tickets_are_added_moved_and_listed() {
    let server = boards().await;
    let (mut ann, mut bob) = (enter(&server, "Ann").await, enter(&server, "Bob").await);
    assert_eq!(ann.emit_with_ack::<u32>("add", json!({ "title": "Oven" })).await.unwrap(), 1);
    let ticket = Ticket { id: 1, title: "Oven".into(), column: Column::Waiting, by: "Ann".into() };
    assert_eq!(bob.expect::<Added>().await, Added { ticket: ticket.clone() });
    ann.emit_with_ack::<()>("move", json!([1, "started"])).await.unwrap();
    assert_eq!(bob.expect::<Moved>().await, Moved { id: 1, column: Column::Started, note: None });
    ann.emit_with_ack::<()>("move", json!([1, "done", "at last"])).await.unwrap();
    assert_eq!(bob.expect::<Moved>().await, Moved { id: 1, column: Column::Done, note: Some("at last".into()) });
    let refused = ann.emit_with_ack::<()>("move", json!([2, "done"])).await.unwrap_err();
    assert_eq!(refused.code(), Some("no_such_ticket"));
}

#[tokio::test(start_paused = true)]
async fn a_ticket_is_removed_once_its_remover_agrees() {
    let server = boards().await;
    let mut ann = enter(&server, "Ann").await;
    ann.emit_with_ack::<u32>("add", json!({ "title": "Oven" })).await.unwrap();
    ann.emit("remove", 1).await;
    let (ask, question): (u64, Value) = ann.expect_question("remove?").await;
    assert_eq!(question, json!({ "title": "Oven" }));
    ann.answer(ask, true).await;
    assert_eq!(ann.expect::<Removed>().await, Removed { id: 1 });
}

#[tokio::test(start_paused = true)]
async fn who_has_no_name_is_refused() {
    let server = boards().await;
    assert!(server.connect("/boards/kitchen").await.is_err());
    assert!(server.connect("/boards/kitchen").auth(json!({ "name": "" })).await.is_err());
}
