//! The gateway over sockets in memory, and the files of the page.

use gateway_core::contract::Contract;
use gateway_core::prelude::*;
use gateway_core::serve::Body;
use gateway_core::testing::{self, ConnectError, MemoryBus, TestClient, TestCluster, TestServer};
use serde_json::{Value, json};

use crate::events::{Entered, Left, People, Posted, Receipt, RoomSize, Typing};
use crate::gateway::Chat;
use crate::house::{House, now};
use crate::page;

async fn chat() -> TestServer {
    Server::empty().gateway::<Chat>().provide(House::new()).test().await.unwrap()
}

async fn enter(server: &TestServer, nickname: &str) -> TestClient {
    let pass = json!({"nickname": nickname, "seat": format!("the seat of {nickname}")});
    server.connect("/chat").auth(pass).await.unwrap()
}

/// Somebody who has joined the lobby, with everything that tells of it read.
async fn guest(server: &TestServer, nickname: &str) -> TestClient {
    let mut guest = enter(server, nickname).await;
    join(&mut guest, "lobby").await;
    guest.expect::<RoomSize>().await;
    guest.expect::<People>().await;
    guest
}

/// Names that a socket is told when it joins the lobby once more.
async fn people(client: &mut TestClient) -> Vec<String> {
    join(client, "lobby").await;
    client.expect::<People>().await.nicknames
}

async fn join(client: &mut TestClient, room: &str) {
    client.emit_with_ack::<()>("join", json!({"room": room})).await.unwrap();
}

async fn say(client: &mut TestClient, text: &str) -> Receipt {
    client.emit_with_ack("message", json!({"room": "lobby", "text": text, "tag": 7})).await.unwrap()
}

async fn code(client: &mut TestClient, event: &str, data: Value) -> String {
    let failure = client.emit_with_ack::<Value>(event, data).await.unwrap_err();
    failure.code().unwrap_or_default().to_owned()
}

async fn refusal(server: &TestServer, pass: Value) -> String {
    match server.connect("/chat").auth(pass).await {
        Err(ConnectError::Refused(failure, _)) => failure.code().unwrap_or_default().to_owned(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_reaches_the_others_in_the_room_and_the_sender_gets_a_receipt() {
    let server = chat().await;
    let mut ann = guest(&server, "Ann").await;
    let mut bob = guest(&server, "Bob").await;
    assert_eq!(ann.expect::<Entered>().await, Entered { room: "lobby".into(), nickname: "Bob".into() });
    assert_eq!(ann.expect::<RoomSize>().await, RoomSize { name: "lobby".into(), members: 2 });

    let receipt = say(&mut ann, "hello").await;

    let posted = bob.expect::<Posted>().await;
    assert_eq!((posted.text.as_str(), posted.from.as_str(), posted.tag), ("hello", "Ann", 7));
    assert_eq!(receipt, Receipt { id: posted.id, at: posted.at });
    ann.expect_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn who_comes_later_reads_what_was_said() {
    let server = chat().await;
    say(&mut guest(&server, "Ann").await, "anybody?").await;
    let mut bob = guest(&server, "Bob").await;
    let history: Vec<Posted> = bob.emit_with_ack("history", json!({"room": "lobby"})).await.unwrap();
    assert_eq!(history[0].text, "anybody?");
}

#[tokio::test(start_paused = true)]
async fn only_the_last_fifty_messages_are_kept() {
    let server = chat().await;
    let mut ann = guest(&server, "Ann").await;
    for n in 0..60 {
        say(&mut ann, &format!("message {n}")).await;
        tokio::time::advance(std::time::Duration::from_secs(2)).await;
    }
    let history: Vec<Posted> = ann.emit_with_ack("history", json!({"room": "lobby"})).await.unwrap();
    assert_eq!((history.len(), history[0].text.as_str()), (50, "message 10"));
}

#[tokio::test(start_paused = true)]
async fn a_nickname_is_refused_while_somebody_has_it_and_free_again_afterwards() {
    let server = chat().await;
    let ann = enter(&server, "Ann").await;
    assert_eq!(refusal(&server, json!({"nickname": "ANN"})).await, "nickname_taken");
    ann.close().await;
    server.connect("/chat").auth(json!({"nickname": "ANN"})).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_bad_nickname_is_refused() {
    let server = chat().await;
    for pass in
        [json!({"nickname": "x"}), json!({"nickname": " ann"}), json!({"nickname": "<b>"}), json!("ann"), json!({})]
    {
        assert_eq!(refusal(&server, pass).await, "nickname_invalid");
    }
}

#[tokio::test(start_paused = true)]
async fn the_same_person_coming_back_takes_over_the_seat() {
    let server = chat().await;
    let mut bob = guest(&server, "Bob").await;
    let mut before = guest(&server, "Ann").await;
    bob.expect::<Entered>().await;
    assert_eq!(bob.expect::<RoomSize>().await.members, 2);
    let mut after = enter(&server, "Ann").await;
    assert_eq!(bob.expect::<Left>().await.nickname, "Ann");
    assert_eq!(before.closed().await.unwrap().code.as_u16(), 4501);
    join(&mut after, "lobby").await;
    assert_eq!(bob.expect::<RoomSize>().await.members, 1);
    assert_eq!(bob.expect::<Entered>().await.nickname, "Ann");
    assert_eq!(bob.expect::<RoomSize>().await.members, 2);
    assert_eq!(people(&mut bob).await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn leaving_and_hanging_up_are_told_to_the_room() {
    let server = chat().await;
    let mut ann = guest(&server, "Ann").await;
    for hang_up in [false, true] {
        let mut bob = guest(&server, "Bob").await;
        ann.expect::<Entered>().await;
        ann.expect::<RoomSize>().await;
        if !hang_up {
            bob.emit_with_ack::<()>("leave", json!({"room": "lobby"})).await.unwrap();
        }
        bob.close().await;
        assert_eq!(ann.expect::<Left>().await, Left { room: "lobby".into(), nickname: "Bob".into() });
        assert_eq!(ann.expect::<RoomSize>().await.members, 1);
        ann.expect_nothing().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_room_is_listed_while_somebody_is_in_it_and_forgets_with_the_last() {
    let server = chat().await;
    let mut ann = enter(&server, "Ann").await;
    join(&mut ann, "attic").await;
    ann.emit_with_ack::<Value>("message", json!({"room": "attic", "text": "hi"})).await.unwrap();
    assert_eq!(ann.expect::<RoomSize>().await, RoomSize { name: "attic".into(), members: 1 });
    ann.emit_with_ack::<()>("rooms", json!(null)).await.unwrap();
    let mut rooms = [ann.expect::<RoomSize>().await, ann.expect::<RoomSize>().await];
    rooms.sort_by(|a, b| a.name.cmp(&b.name));
    assert_eq!(rooms, [RoomSize { name: "attic".into(), members: 1 }, RoomSize { name: "lobby".into(), members: 0 }]);
    ann.emit_with_ack::<()>("leave", json!({"room": "attic"})).await.unwrap();
    assert_eq!(ann.expect::<RoomSize>().await, RoomSize { name: "attic".into(), members: 0 });
    join(&mut ann, "attic").await;
    let history: Vec<Posted> = ann.emit_with_ack("history", json!({"room": "attic"})).await.unwrap();
    assert_eq!(history, []);
}

/// Told one move at a time: with numbers that were counted apart from the telling, the last could be an older one.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_number_told_last_is_the_true_one_however_many_come_and_go_at_once() {
    let server = chat().await;
    let mut watch = enter(&server, "Watch").await;
    for round in 0..20 {
        let mut crowd = Vec::new();
        for n in 0..6 {
            crowd.push(enter(&server, &format!("guest {round}-{n}")).await);
        }
        let moves = crowd.into_iter().enumerate().map(|(n, mut guest)| {
            tokio::spawn(async move {
                join(&mut guest, "lobby").await;
                if n % 2 == 0 {
                    guest.emit_with_ack::<()>("leave", json!({"room": "lobby"})).await.unwrap();
                }
                guest
            })
        });
        let crowd: Vec<_> = futures_util::future::join_all(moves).await.into_iter().map(Result::unwrap).collect();
        let mut last = 0;
        for _ in 0..9 {
            last = watch.expect::<RoomSize>().await.members;
        }
        assert_eq!(last, 3);
        for guest in crowd {
            guest.close().await;
        }
        for _ in 0..3 {
            last = watch.expect::<RoomSize>().await.members;
        }
        assert_eq!(last, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn typing_is_told_to_the_others() {
    let server = chat().await;
    let mut ann = guest(&server, "Ann").await;
    let mut bob = guest(&server, "Bob").await;
    ann.expect::<Entered>().await;
    ann.expect::<RoomSize>().await;
    for writing in [true, false] {
        bob.emit("typing", json!({"room": "lobby", "writing": writing})).await;
        assert_eq!(ann.expect::<Typing>().await, Typing { room: "lobby".into(), nickname: "Bob".into(), writing });
    }
    bob.expect_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_done_is_answered_with_a_code() {
    let server = chat().await;
    let mut ann = guest(&server, "Ann").await;
    for (event, data, expected) in [
        ("join", json!({"room": "no/slashes"}), "room_name"),
        ("join", json!({"room": ""}), "room_name"),
        ("history", json!({"room": "attic"}), "not_in_room"),
        ("typing", json!({"room": "attic", "writing": true}), "not_in_room"),
        ("message", json!({"room": "attic", "text": "hi"}), "not_in_room"),
        ("message", json!({"room": "lobby", "text": " \n "}), "message_empty"),
        ("message", json!({"room": "lobby", "text": "a".repeat(501)}), "message_too_long"),
        ("message", json!({"text": "no room"}), "unreadable"),
    ] {
        assert_eq!(code(&mut ann, event, data).await, expected);
    }
    tokio::time::advance(std::time::Duration::from_secs(5)).await;
    say(&mut ann, &"ä".repeat(500)).await;
}

#[tokio::test(start_paused = true)]
async fn who_talks_too_fast_waits_a_second_for_each_message() {
    let server = chat().await;
    let mut ann = guest(&server, "Ann").await;
    for _ in 0..5 {
        say(&mut ann, "knock").await;
    }
    assert_eq!(code(&mut ann, "message", json!({"room": "lobby", "text": "knock"})).await, "rate_limited");
    tokio::time::advance(std::time::Duration::from_secs(1)).await;
    say(&mut ann, "pardon").await;
}

/// Waits for the clock by which the earlier of two on two servers has a nickname: in one millisecond their ids decide.
fn next_millisecond() {
    let before = now();
    while now() == before {
        std::hint::spin_loop();
    }
}

async fn two_servers() -> TestCluster {
    testing::cluster(2, |server| server.gateway::<Chat>().provide(House::new())).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn people_of_two_servers_are_in_one_room_and_counted_there() {
    let cluster = two_servers().await;
    let mut ann = guest(cluster.node(0), "Ann").await;
    let mut bob = enter(cluster.node(1), "Bob").await;
    join(&mut bob, "lobby").await;
    assert_eq!(ann.expect::<Entered>().await.nickname, "Bob");
    for client in [&mut ann, &mut bob] {
        assert_eq!(client.expect::<RoomSize>().await, RoomSize { name: "lobby".into(), members: 2 });
    }
    let mut people = bob.expect::<People>().await.nicknames;
    people.sort();
    assert_eq!(people, ["Ann", "Bob"]);

    say(&mut ann, "hello").await;
    assert_eq!(bob.expect::<Posted>().await.text, "hello");
    bob.emit_with_ack::<()>("rooms", json!(null)).await.unwrap();
    assert_eq!(bob.expect::<RoomSize>().await.members, 2);
    bob.close().await;
    assert_eq!(ann.expect::<Left>().await.nickname, "Bob");
    assert_eq!(ann.expect::<RoomSize>().await.members, 1);
    ann.expect_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn a_nickname_belongs_to_one_person_on_all_servers() {
    let cluster = two_servers().await;
    let ann = enter(cluster.node(0), "Ann").await;
    next_millisecond();
    assert_eq!(refusal(cluster.node(1), json!({"nickname": "ann", "seat": "another"})).await, "nickname_taken");
    assert_eq!(refusal(cluster.node(1), json!({"nickname": "ann"})).await, "nickname_taken");
    ann.close().await;
    enter(cluster.node(1), "Ann").await;
}

#[tokio::test(start_paused = true)]
async fn who_comes_back_on_another_server_takes_over_the_seat() {
    let cluster = two_servers().await;
    let mut bob = guest(cluster.node(0), "Bob").await;
    let mut before = guest(cluster.node(0), "Ann").await;
    bob.expect::<Entered>().await;
    assert_eq!(bob.expect::<RoomSize>().await.members, 2);
    let mut after = enter(cluster.node(1), "Ann").await;
    assert_eq!(before.closed().await.unwrap().code.as_u16(), 4501);
    assert_eq!(bob.expect::<Left>().await.nickname, "Ann");
    assert_eq!(bob.expect::<RoomSize>().await.members, 1);
    assert_eq!(people(&mut after).await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn every_server_remembers_and_one_that_starts_later_asks() {
    let bus = MemoryBus::new();
    let server = || Server::empty().gateway::<Chat>().provide(House::new()).cluster(bus.engine()).test();
    let (one, two) = (server().await.unwrap(), server().await.unwrap());
    let mut ann = guest(&one, "Ann").await;
    say(&mut ann, "anybody?").await;
    let later = server().await.unwrap();
    for (server, name) in [(&two, "Bob"), (&later, "Cid")] {
        let mut client = guest(server, name).await;
        let history: Vec<Posted> = client.emit_with_ack("history", json!({"room": "lobby"})).await.unwrap();
        assert_eq!((history.len(), history[0].text.as_str()), (1, "anybody?"));
    }
}

#[test]
fn the_page_and_every_file_it_names_are_served() {
    let get = |path: &str| page::serve(http::Request::builder().uri(path).body(Body::empty()).unwrap());
    for (_, _, content) in page::FILES {
        let named = content.split('"').filter(|text| matches!(text.rsplit_once('.'), Some((_, "js" | "css" | "svg"))));
        // Socket.IO's own path is the server's, which gives out the client's file where it has one.
        for name in named.filter(|name| !name.starts_with("/socket.io/")) {
            let path = format!("/{}", name.trim_start_matches("./"));
            assert_eq!(get(&path).status(), 200, "{path}");
        }
    }
    let page = get("/");
    assert!(page.headers()["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'"));
    assert_eq!(page.headers()["content-type"], "text/html; charset=utf-8");
    assert_eq!(get("/../Cargo.toml").status(), 404);
    let post = page::serve(http::Request::post("/").body(Body::empty()).unwrap());
    assert_eq!(post.status(), 405);
}

fn contract() -> Contract {
    Server::empty().gateway::<Chat>().contract().unwrap()
}

#[test]
fn the_committed_contract_is_current() {
    contract().assert_current("chat/asyncapi.json");
}

#[test]
fn the_types_of_the_page_are_current() {
    contract().assert_typescript_current("chat/contract.ts");
}

#[test]
fn a_field_that_is_renamed_fails_the_check_with_a_sentence() {
    let mut deployed = contract();
    let message = deployed.schemas.get_mut("NewMessage").unwrap();
    let text = message["properties"].as_object_mut().unwrap().remove("text").unwrap();
    message["properties"]["body"] = text;
    message["required"] = json!(["room", "body"]);
    let file = std::env::temp_dir().join(format!("chat-contract-{}.json", std::process::id()));
    std::fs::write(&file, deployed.to_json()).unwrap();
    let failure = contract().check(&file).run().unwrap_err().to_string();
    std::fs::remove_file(&file).unwrap();
    let expected = "/chat request \"message\" body: field renamed: `body` is now `text` (FieldRenamed): breaks deployed clients, \
                    the server knows it by the older name";
    assert!(failure.contains(expected) && failure.contains("GATEWAY_CONTRACT_ACCEPT="), "{failure}");
}
