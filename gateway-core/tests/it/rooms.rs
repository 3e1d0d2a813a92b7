//! Members of rooms, and the receivers of events sent to rooms.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use gateway_core::limits::Limits;
use gateway_core::prelude::*;
use gateway_core::testing::{TestClient, TestServer};
use gateway_core::{CloseCode, Disconnect, SendError, SocketId, Target};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::counts;

/// A payload, the rooms it is sent to, and the rooms left out.
#[derive(Default, Deserialize, Serialize)]
#[serde(default)]
struct Say {
    to: Vec<String>,
    except: Vec<String>,
    /// To the whole namespace, the sender included.
    everybody: bool,
}

#[derive(Clone, Debug, Deserialize, Event, PartialEq, Serialize)]
#[event("news")]
struct News {
    text: String,
}

#[derive(Default)]
struct Visits(AtomicUsize);

#[gateway(namespace = "/rooms")]
struct Rooms;

#[gateway]
impl Rooms {
    #[on_connect]
    fn joined(&self, socket: Socket) {
        socket.set_state(Visits::default());
    }

    #[subscribe]
    async fn join(&self, socket: Socket, Data(room): Data<String>) -> Result<(), Exception> {
        Ok(socket.join(room).await?)
    }

    #[subscribe]
    fn leave(&self, socket: Socket, Data(room): Data<String>) -> bool {
        socket.leave(room)
    }

    #[subscribe]
    fn rooms(&self, socket: Socket) -> Data<BTreeSet<String>> {
        Data(socket.rooms().into_iter().collect())
    }

    #[subscribe]
    fn id(&self, socket: Socket) -> SocketId {
        socket.id().clone()
    }

    #[subscribe]
    fn say(&self, socket: Socket, namespace: Namespace, Data(say): Data<Say>) -> usize {
        let start = if say.everybody { namespace.all() } else { socket.broadcast() };
        let target = say.to.iter().fold(start, Target::to);
        let target = say.except.iter().fold(target, Target::except);
        target.emit("said", &1).queued
    }

    #[subscribe]
    fn news(&self, socket: Socket) -> usize {
        socket.to("a").send(News { text: "hi".into() }).queued
    }

    #[subscribe]
    fn visit(&self, socket: Socket) -> usize {
        socket.state::<Visits>().unwrap().0.fetch_add(1, Ordering::Relaxed) + 1
    }

    #[subscribe]
    fn stateless(&self, socket: Socket) -> bool {
        socket.state::<String>().is_none()
    }
}

/// Ann is in a, Bob in a and b, Cid in b, Dan in none.
struct World {
    server: TestServer,
    clients: Vec<TestClient>,
}

async fn world() -> World {
    world_with(Limits::default()).await
}

async fn world_with(limits: Limits) -> World {
    let server = Server::empty().gateway::<Rooms>().limits(limits).test().await.unwrap();
    let mut clients = Vec::new();
    for rooms in [&["a"][..], &["a", "b"], &["b"], &[]] {
        let mut client = server.connect("/rooms").await.unwrap();
        for room in rooms {
            client.emit_with_ack::<()>("join", room).await.unwrap();
        }
        clients.push(client);
    }
    World { server, clients }
}

/// Ann sends; `expected` says how many copies each client gets.
async fn check(say: Say, expected: [usize; 4]) {
    let World { server: _server, mut clients } = world().await;
    let text = json!(say).to_string();
    let queued: usize = clients[0].emit_with_ack("say", say).await.unwrap();
    assert_eq!(queued, expected.iter().sum::<usize>(), "{text}");
    for (client, copies) in clients.iter_mut().zip(expected) {
        for _ in 0..copies {
            assert_eq!(client.expect_named("said").await, 1, "{text}");
        }
        client.expect_nothing().await;
    }
}

fn names(rooms: &[&str]) -> Vec<String> {
    rooms.iter().map(ToString::to_string).collect()
}

#[tokio::test(start_paused = true)]
async fn each_socket_gets_one_copy_however_it_was_chosen() {
    let to = |rooms: &[&str]| Say { to: names(rooms), ..Say::default() };
    check(to(&["a"]), [0, 1, 0, 0]).await;
    check(to(&["a", "b"]), [0, 1, 1, 0]).await;
    check(to(&["a", "a", "b"]), [0, 1, 1, 0]).await;
    check(to(&["nobody's"]), [0, 0, 0, 0]).await;
    check(to(&[]), [0, 1, 1, 1]).await;
}

#[tokio::test(start_paused = true)]
async fn who_is_excepted_gets_nothing_whatever_else_chose_it() {
    let but = |to: &[&str], except: &[&str]| Say { to: names(to), except: names(except), ..Say::default() };
    check(but(&["a", "b"], &["a"]), [0, 0, 1, 0]).await;
    check(but(&[], &["b"]), [0, 0, 0, 1]).await;
    check(but(&[], &["a", "b"]), [0, 0, 0, 1]).await;
    check(but(&["a"], &["a"]), [0, 0, 0, 0]).await;
}

#[tokio::test(start_paused = true)]
async fn the_namespace_means_the_sender_too() {
    let everybody = |to: &[&str]| Say { to: names(to), everybody: true, ..Say::default() };
    check(everybody(&[]), [1, 1, 1, 1]).await;
    check(everybody(&["a"]), [1, 1, 0, 0]).await;
}

#[tokio::test(start_paused = true)]
async fn a_typed_event_reaches_the_others_in_the_room() {
    let World { server: _server, mut clients } = world().await;
    assert_eq!(clients[0].emit_with_ack::<usize>("news", ()).await.unwrap(), 1);
    assert_eq!(clients[1].expect::<News>().await, News { text: "hi".into() });
    for client in &mut clients {
        client.expect_nothing().await;
    }
}

#[tokio::test(start_paused = true)]
async fn joining_and_leaving_may_be_repeated() {
    let World { server, mut clients } = world().await;
    let ann = &mut clients[0];
    ann.emit_with_ack::<()>("join", "a").await.unwrap();
    ann.emit_with_ack::<()>("join", "c").await.unwrap();
    assert_eq!(ann.emit_with_ack::<Value>("rooms", ()).await.unwrap(), json!(["a", "c"]));
    assert!(ann.emit_with_ack::<bool>("leave", "a").await.unwrap());
    assert!(!ann.emit_with_ack::<bool>("leave", "a").await.unwrap());
    assert!(!ann.emit_with_ack::<bool>("leave", "b").await.unwrap());
    assert_eq!(ann.emit_with_ack::<Value>("rooms", ()).await.unwrap(), json!(["c"]));
    let mut rooms = server.of("/rooms").rooms();
    rooms.sort();
    assert_eq!(rooms, [("a".to_owned(), 1), ("b".to_owned(), 2), ("c".to_owned(), 1)]);
}

#[tokio::test(start_paused = true)]
async fn a_socket_is_in_a_room_of_its_own_that_nobody_else_may_join() {
    let World { server, mut clients } = world().await;
    let ann: String = clients[0].emit_with_ack("id", ()).await.unwrap();
    assert_eq!(server.of("/rooms").to(&ann).emit("said", &1).queued, 1);
    clients[0].expect_named("said").await;
    clients[0].emit_with_ack::<()>("join", &ann).await.unwrap();
    let refused = clients[1].emit_with_ack::<()>("join", &ann).await.unwrap_err();
    assert_eq!(refused.code(), Some("private_room"));
    assert!(!clients[0].emit_with_ack::<bool>("leave", &ann).await.unwrap());
    assert_eq!(server.of("/rooms").to(&ann).count(), 1);
    assert_eq!(clients[0].emit_with_ack::<Value>("rooms", ()).await.unwrap(), json!(["a"]));
}

#[tokio::test(start_paused = true)]
async fn a_socket_may_be_in_so_many_rooms_and_no_more() {
    let World { server: _server, mut clients } = world_with(Limits::new().rooms_per_socket(2)).await;
    let bob = &mut clients[1];
    let refused = bob.emit_with_ack::<()>("join", "c").await.unwrap_err();
    assert_eq!((refused.code(), refused.message()), (Some("too_many_rooms"), "the socket is in too many rooms"));
    bob.emit_with_ack::<()>("join", "a").await.unwrap();
    bob.emit_with_ack::<bool>("leave", "a").await.unwrap();
    bob.emit_with_ack::<()>("join", "c").await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn another_task_reaches_a_room_through_the_handle() {
    let World { server, mut clients } = world().await;
    let handle = server.handle();
    let task = tokio::spawn(async move {
        sleep(Duration::from_secs(1)).await;
        handle.of("/rooms").unwrap().to("b").send(News { text: "from outside".into() })
    });
    assert_eq!(clients[1].expect::<News>().await.text, "from outside");
    assert_eq!(clients[2].expect::<News>().await.text, "from outside");
    assert_eq!(counts(task.await.unwrap()), (2, 0));
    clients[0].expect_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn everybody_in_a_target_is_moved_at_once() {
    let World { server, mut clients } = world().await;
    let namespace = server.of("/rooms");
    assert_eq!(namespace.to("a").join("game"), Ok(2));
    assert_eq!(namespace.to("a").join("game"), Ok(2));
    assert_eq!(namespace.to("game").count(), 2);
    assert_eq!(namespace.to("b").leave("game"), 1);
    assert_eq!(namespace.to("game").count(), 1);
    assert_eq!(namespace.to("a").to("b").except("game").count(), 2);
    assert_eq!(clients[0].emit_with_ack::<Value>("rooms", ()).await.unwrap(), json!(["a", "game"]));
}

#[tokio::test(start_paused = true)]
async fn everybody_in_a_target_is_disconnected_and_nobody_else() {
    let World { server, mut clients } = world().await;
    let closing = Disconnect::new(CloseCode::new(4700), "the room is closed");
    assert_eq!(server.of("/rooms").to("a").disconnect(closing.clone()), 2);
    assert_eq!(clients[0].closed().await, Some(closing.clone()));
    assert_eq!(clients[1].closed().await, Some(closing));
    sleep(Duration::from_secs(1)).await;
    assert_eq!(server.of("/rooms").count(), 2);
    assert_eq!(server.of("/rooms").rooms(), [("b".to_owned(), 1)]);
    assert_eq!(clients[2].emit_with_ack::<Value>("rooms", ()).await.unwrap(), json!(["b"]));
}

#[tokio::test(start_paused = true)]
async fn the_sockets_of_a_target_are_those_of_the_moment() {
    let World { server, mut clients } = world().await;
    let target = server.of("/rooms").to("a");
    let before = target.sockets();
    assert_eq!(before.len(), 2);
    assert_eq!(server.of("/rooms").sockets().len(), 4);
    let ann: String = clients[0].emit_with_ack("id", ()).await.unwrap();
    let socket = before.iter().find(|socket| socket.id().as_str() == ann).unwrap();
    socket.emit("said", &7).unwrap();
    assert_eq!(clients[0].expect_named("said").await, 7);

    clients.remove(0).close().await;
    sleep(Duration::from_secs(1)).await;
    assert_eq!(target.count(), 1);
    assert!(!socket.is_connected());
    assert_eq!(socket.emit("said", &7), Err(SendError::Closed));
    assert_eq!(socket.rooms(), [""; 0]);
    assert_eq!(socket.join("a").await.unwrap_err().to_string(), "the socket is gone");
}

#[tokio::test(start_paused = true)]
async fn what_is_kept_with_a_socket_is_its_own() {
    let World { server: _server, mut clients } = world().await;
    assert_eq!(clients[0].emit_with_ack::<usize>("visit", ()).await.unwrap(), 1);
    assert_eq!(clients[0].emit_with_ack::<usize>("visit", ()).await.unwrap(), 2);
    assert_eq!(clients[1].emit_with_ack::<usize>("visit", ()).await.unwrap(), 1);
    assert!(clients[1].emit_with_ack::<bool>("stateless", ()).await.unwrap());
}

#[gateway(namespace = "/chat/{room}")]
struct Chat {
    alive: Arc<()>,
}

#[gateway]
impl Chat {
    #[on_connect]
    async fn joined(&self, socket: Socket) -> Result<(), ConnectRejection> {
        socket.set_state(Arc::clone(&self.alive));
        Ok(socket.join("everybody").await?)
    }

    #[subscribe]
    fn say(&self, namespace: Namespace) -> usize {
        namespace.to("everybody").emit("said", namespace.name()).queued
    }
}

async fn chat() -> (TestServer, Arc<()>) {
    let alive = Arc::new(());
    let server = Server::empty().gateway::<Chat>().provide(Arc::clone(&alive)).test().await.unwrap();
    (server, alive)
}

#[tokio::test(start_paused = true)]
async fn a_namespace_with_parameters_is_one_for_each_of_their_values() {
    let (server, _) = chat().await;
    let mut ann = server.connect("/chat/a").await.unwrap();
    let mut bob = server.connect("/chat/a").await.unwrap();
    let mut cid = server.connect("/chat/b").await.unwrap();
    assert_eq!(ann.emit_with_ack::<usize>("say", ()).await.unwrap(), 2);
    assert_eq!(ann.expect_named("said").await, "/chat/a");
    assert_eq!(bob.expect_named("said").await, "/chat/a");
    cid.expect_nothing().await;
    let counts = ["/chat/a", "/chat/b", "/chat/c"].map(|name| server.of(name).count());
    assert_eq!(counts, [2, 1, 0]);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_left_of_namespaces_that_came_and_went() {
    let (server, alive) = chat().await;
    let held_by_the_server = Arc::strong_count(&alive);
    for round in 0..20 {
        let mut clients = Vec::new();
        for room in 0..10 {
            clients.push(server.connect(&format!("/chat/{round}-{room}")).await.unwrap());
            server.of(format!("/chat/{round}-{room}")).emit("said", &1);
        }
        drop(clients);
    }
    let kept = server.of("/chat/0-0");
    sleep(Duration::from_secs(1)).await;
    assert_eq!((kept.count(), kept.rooms()), (0, Vec::new()));
    drop(kept);
    assert_eq!(Arc::strong_count(&alive), held_by_the_server);
    // The handle shows the table of namespaces.
    let debug = format!("{:?}", server.handle());
    assert!(debug.contains("Hub") && !debug.contains("/chat/"), "{debug}");
}
