//! Connections that are lost, and a database that restarts.

use std::sync::Arc;
use std::time::Duration;

use gateway_core::cluster::{ClusterMessage, Engine, EngineState};
use gateway_postgres::{Postgres, PostgresError};
use tokio::time::sleep;

use crate::support::{Database, Heard, Server, TestNode, broadcast, database_of_its_own, event};

/// Ends connections of the database by the last statement that they executed.
async fn end(database: &Database, last_statement: &str) {
    let terminate = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
        WHERE datname = $1 AND query LIKE $2 AND pid <> pg_backend_pid()";
    let ended = database.client().await.query_one(terminate, &[&database.name, &last_statement]).await;
    assert_eq!(ended.unwrap().get::<_, i64>(0), 1);
}

async fn comes_back(node: &mut TestNode) {
    assert!(matches!(node.next().await, Heard::State(EngineState::Lost { reason }) if !reason.is_empty()));
    assert!(matches!(node.next().await, Heard::State(EngineState::Gap { messages: None })));
    assert!(matches!(node.next().await, Heard::State(EngineState::Connected)));
}

#[tokio::test]
async fn a_listening_connection_that_the_server_ends_is_made_again() {
    let database = database_of_its_own!();
    let mut ann = TestNode::start(&database.url, &["/", "/chat"]).await;
    end(&database, "LISTEN%").await;
    comes_back(&mut ann).await;
    let bob = TestNode::start(&database.url, &["/", "/chat"]).await;
    for namespace in ["/", "/chat"] {
        bob.publish(broadcast(namespace, "e", &())).await;
        assert_eq!(event(&ann.body_from(&bob).await), "e");
    }
    ann.knows("/", &[&bob]).await;
    bob.knows("/", &[&ann]).await;
}

#[tokio::test]
async fn a_publishing_connection_that_the_server_ends_is_made_again() {
    let database = database_of_its_own!();
    let mut ann = TestNode::start(&database.url, &["/"]).await;
    end(&database, "SELECT pg_notify%").await;
    comes_back(&mut ann).await;
    let mut bob = TestNode::start(&database.url, &["/"]).await;
    ann.publish(broadcast("/", "e", &())).await;
    assert_eq!(event(&bob.body_from(&ann).await), "e");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_of_the_database_is_survived() {
    let Some(server) = start_server().await else { return };
    let url = server.url("postgres");
    let builder = || Postgres::builder(&url).create_table();
    let mut ann = TestNode::with(builder(), &["/"]).await;
    let mut bob = TestNode::with(builder(), &["/"]).await;
    let server = in_background(server, stopped).await;
    assert!(matches!(ann.next().await, Heard::State(EngineState::Lost { .. })));
    let error = ann.engine.publish(&[broadcast("/", "away", &())]).await.unwrap_err();
    assert_eq!(error.published(), 0, "{error}");
    assert!(ann.engine.census(&Arc::from("/")).await.is_err());
    // Entered while the database is away, and subscribed when it is back.
    ann.engine.enter_namespace(&Arc::from("/late")).await;
    let server = in_background(server, started).await;
    assert!(matches!(ann.next().await, Heard::State(EngineState::Gap { messages: None })));
    assert!(matches!(ann.next().await, Heard::State(EngineState::Connected)));
    comes_back(&mut bob).await;
    ann.publish(broadcast("/", "back", &"x".repeat(9000))).await;
    assert_eq!(event(&bob.body_from(&ann).await), "back");
    bob.publish(broadcast("/late", "late", &())).await;
    assert_eq!(event(&ann.body_from(&bob).await), "late");
    ann.knows("/", &[&bob]).await;
    drop((ann, bob));
    in_background(server, drop).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_stops_answering_is_lost() {
    let Some(server) = start_server().await else { return };
    let url = server.url("postgres");
    let builder = Postgres::builder(&url).create_table().answer_timeout(Duration::from_millis(500));
    let builder = builder.heartbeat_interval(Duration::from_millis(200)).heartbeat_timeout(Duration::from_secs(1));
    let mut ann = TestNode::with(builder, &["/"]).await;
    server.signal_all("-STOP");
    // Ends when the connection is given up.
    let error = ann.engine.publish(&[broadcast("/", "hangs", &())]).await.unwrap_err();
    assert_eq!(error.published(), 1, "{error}");
    assert!(matches!(ann.next().await, Heard::State(EngineState::Lost { reason }) if reason.contains("1.2s")));
    server.signal_all("-CONT");
    assert!(matches!(ann.next().await, Heard::State(EngineState::Gap { messages: None })));
    assert!(matches!(ann.next().await, Heard::State(EngineState::Connected)));
    let bob = TestNode::with(Postgres::builder(&url), &["/"]).await;
    bob.publish(broadcast("/", "e", &())).await;
    assert_eq!(event(&ann.body_from(&bob).await), "e");
    drop((ann, bob));
    in_background(server, drop).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_emitter_gives_a_silent_database_up_and_connects_again() {
    let Some(server) = start_server().await else { return };
    let builder = Postgres::builder(&server.url("postgres")).create_table();
    let emitter = builder.answer_timeout(Duration::from_millis(500)).connect_emitter().await.unwrap();
    server.signal_all("-STOP");
    for _ in 0..2 {
        assert!(matches!(emitter.emit("e", &()).await, Err(PostgresError::Timeout(_))));
    }
    server.signal_all("-CONT");
    while emitter.emit("e", &()).await.is_err() {}
    drop(emitter);
    in_background(server, drop).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_while_the_database_is_away_may_be_repeated() {
    let Some(server) = start_server().await else { return };
    let url = server.url("postgres");
    let server = in_background(server, stopped).await;
    let engine = Postgres::builder(&url).create_table().build().unwrap();
    let (mut node, starting) = TestNode::new(engine);
    let error = node.engine.start(starting.clone()).await.unwrap_err().to_string();
    assert!(error.contains("cannot be reached"), "{error}");
    node.engine.enter_namespace(&Arc::from("/")).await;
    let server = in_background(server, started).await;
    node.engine.start(starting).await.unwrap();
    let bob = TestNode::start(&url, &["/"]).await;
    bob.publish(broadcast("/", "e", &())).await;
    assert_eq!(event(&node.body_from(&bob).await), "e");
    drop((node, bob));
    in_background(server, drop).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_of_a_lost_connection_are_published_once_at_most_and_in_order() {
    let Some(server) = start_server().await else { return };
    let url = server.url("postgres");
    let builder = || Postgres::builder(&url).create_table();
    let ann = TestNode::with(builder(), &["/"]).await;
    let mut bob = TestNode::with(builder(), &["/"]).await;
    let restart = in_background(server, |server| started(stopped(server)));
    let publishing = async {
        let (mut number, mut failures, mut behind) = (0, 0, 0);
        while behind < 1000 {
            let batch: Vec<_> = (number..number + 50).map(numbered).collect();
            match ann.engine.publish(&batch).await {
                Ok(published) => {
                    number += published.len();
                    behind += published.len() * usize::from(failures > 0);
                }
                Err(error) => {
                    number += error.published();
                    failures += 1;
                    sleep(Duration::from_millis(20)).await;
                }
            }
        }
        number
    };
    let (server, last) = tokio::join!(restart, publishing);
    let mut order = Order::default();
    while !matches!(order.hear(bob.next().await), Some(EngineState::Connected)) {}
    let rest: Vec<_> = (last..last + 100).map(numbered).collect();
    ann.engine.publish(&rest).await.unwrap();
    while order.highest != Some(last + 99) {
        order.hear(bob.next().await);
    }
    drop((ann, bob));
    in_background(server, drop).await;
}

fn numbered(number: usize) -> ClusterMessage {
    broadcast("/", &number.to_string(), &())
}

/// The order of numbered messages.
#[derive(Default)]
struct Order {
    highest: Option<usize>,
}

impl Order {
    fn hear(&mut self, heard: Heard) -> Option<EngineState> {
        match heard {
            Heard::Message(received) => {
                let number = event(&received.message.body).parse().unwrap();
                assert!(self.highest < Some(number), "{number} after {:?}", self.highest);
                self.highest = Some(number);
                None
            }
            Heard::State(state) => Some(state),
            Heard::Ignored(reason) => panic!("{reason}"),
            Heard::Left(node) => panic!("{node} left"),
            Heard::DuplicateId => panic!("there is one node with each id"),
        }
    }
}

fn stopped(server: Server) -> Server {
    server.stop();
    server
}

fn started(server: Server) -> Server {
    server.start();
    server
}

async fn start_server() -> Option<Server> {
    tokio::task::spawn_blocking(Server::start_new).await.unwrap()
}

/// Does what blocks, and hands the server back.
async fn in_background<T: Send + 'static>(server: Server, act: impl FnOnce(Server) -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(move || act(server)).await.unwrap()
}
