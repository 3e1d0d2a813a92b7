//! The cells of docs/guarantees.md that no other suite has: what is lost without recovery, with a restart, and with a
//! client that vanishes; and that no deadline depends on the wall clock.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use gateway_core::prelude::*;
use gateway_core::serve::Recovery;
use gateway_core::testing::{ConnectBuilder, TestServer};
use serde_json::{Value, json};
use tokio::time::sleep;

#[derive(Clone, Default)]
struct Handled(Arc<AtomicUsize>);

#[gateway(namespace = "/news")]
struct News {
    handled: Handled,
}

#[gateway]
impl News {
    #[on_connect]
    async fn joined(&self, socket: Socket) -> Result<(), ConnectRejection> {
        if !socket.is_recovered() {
            socket.join("readers").await?;
            socket.emit("hello", &1)?;
        }
        Ok(())
    }

    #[subscribe]
    fn note(&self) -> usize {
        self.handled.0.fetch_add(1, Ordering::Relaxed) + 1
    }

    #[subscribe]
    async fn slow(&self) {
        sleep(Duration::from_mins(1)).await;
    }
}

fn server(handled: &Handled) -> Server {
    Server::empty().gateway::<News>().provide(handled.clone())
}

fn by_both(server: &TestServer) -> [ConnectBuilder<'_>; 2] {
    [server.connect("/news").resumable(), server.connect("/news").socket_io()]
}

async fn settle() {
    sleep(Duration::from_millis(1)).await;
}

#[tokio::test(start_paused = true)]
async fn without_recovery_what_is_sent_meanwhile_is_lost_and_the_socket_is_a_new_one() {
    let server = server(&Handled::default()).test().await.unwrap();
    for (first, again) in by_both(&server).into_iter().zip(by_both(&server)) {
        let mut client = first.await.unwrap();
        assert_eq!(client.expect_named("hello").await, 1);
        let lost = client.lose();
        settle().await;
        assert_eq!(server.of("/news").to("readers").emit("news", &"missed").queued, 0, "nobody pretends to keep it");
        let mut client = again.come_back(&lost).await.unwrap();
        assert!(!client.is_recovered());
        assert_eq!(client.expect_named("hello").await, 1);
        server.of("/news").emit("news", &"heard");
        assert_eq!(client.expect_named("news").await, "heard");
        client.expect_nothing().await;
        drop(client);
        settle().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_was_started_anew_knows_nobody() {
    let recovering = || server(&Handled::default()).recovery(Recovery::default());
    let first = recovering().test().await.unwrap();
    let second = recovering().test().await.unwrap();
    for (before, after) in by_both(&first).into_iter().zip(by_both(&second)) {
        let mut client = before.await.unwrap();
        assert_eq!(client.expect_named("hello").await, 1);
        let lost = client.lose();
        let mut client = after.come_back(&lost).await.unwrap();
        assert!(!client.is_recovered());
        assert_eq!(client.expect_named("hello").await, 1);
    }
}

#[tokio::test(start_paused = true)]
async fn what_waits_when_its_client_vanishes_is_not_handled() {
    let handled = Handled::default();
    let server = server(&handled).test().await.unwrap();
    for connect in by_both(&server) {
        let mut client = connect.await.unwrap();
        client.emit("slow", json!(null)).await;
        for _ in 0..5 {
            client.emit("note", json!(null)).await;
        }
        drop(client);
        sleep(Duration::from_mins(2)).await;
    }
    assert_eq!(handled.0.load(Ordering::Relaxed), 0);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_lost_leaves_its_request_handled() {
    let handled = Handled::default();
    let server = server(&handled).recovery(Recovery::default()).test().await.unwrap();
    for (number, (first, again)) in by_both(&server).into_iter().zip(by_both(&server)).enumerate() {
        let mut client = first.await.unwrap();
        assert_eq!(client.expect_named("hello").await, 1);
        client.stop_reading();
        client.begin("note", json!(null)).await;
        settle().await;
        assert_eq!(handled.0.load(Ordering::Relaxed), 2 * number + 1);
        let mut client = again.come_back(&client.lose()).await.unwrap();
        assert!(client.is_recovered());
        // Who asks again is handled again: an application that must not be has an id of its own in the message.
        assert_eq!(client.emit_with_ack::<Value>("note", json!(null)).await.unwrap(), 2 * number + 2);
    }
}

/// A clock that is set, by hand or by NTP, moves no heartbeat and no timeout: they look at the monotonic one alone.
#[test]
fn no_deadline_looks_at_the_wall_clock() {
    fn sources(folder: &Path, found: &mut Vec<(String, String)>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, found);
            } else {
                found.push((path.display().to_string(), fs::read_to_string(&path).unwrap()));
            }
        }
    }
    let mut found = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    assert!(found.len() > 100, "the source was found");
    let looks = found.iter().filter(|(_, text)| text.contains("SystemTime") || text.contains("UNIX_EPOCH"));
    let mut looks: Vec<&str> = looks.filter_map(|(path, _)| path.rsplit_once("/src/").map(|(_, file)| file)).collect();
    looks.sort_unstable();
    // The time of day, told to a client, another server or a page of the Admin UI: the header `Date`, when a handshake was issued, and
    // when something happened.
    let told = [
        "metrics/admin_feed.rs",
        "server/http/date.rs",
        "server/http/manual_upgrade.rs",
        "server/http2/response.rs",
        "transport/handshake.rs",
    ];
    assert_eq!(looks, told);
}
