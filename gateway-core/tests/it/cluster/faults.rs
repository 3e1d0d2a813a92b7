//! Servers of one process with slow, lost and dead connections between them.

use std::time::Duration;

use gateway_core::prelude::*;
use gateway_core::testing::{ConnectError, TestClient, TestCluster, cluster};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::time::{Instant, sleep};

use super::Chat;
use super::failures::dropped;
use super::recovery::metric;

async fn nodes(count: usize) -> TestCluster {
    cluster(count, Server::gateway::<Chat>).await.unwrap()
}

/// A cluster and a client of each node.
async fn nodes_with_clients<const N: usize>() -> (TestCluster, [TestClient; N]) {
    let cluster = nodes(N).await;
    let mut clients = Vec::new();
    for node in 0..N {
        clients.push(cluster.node(node).connect("/chat").await.unwrap());
    }
    (cluster, clients.try_into().unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_message_takes_the_delay_and_overtakes_nothing() {
    let (cluster, [mut ann, mut bob]) = nodes_with_clients().await;
    let begin = Instant::now();
    cluster.delay(Duration::from_millis(100));
    cluster.node(0).of("/chat").emit("news", &1);
    sleep(Duration::from_millis(40)).await;
    cluster.delay(Duration::ZERO);
    cluster.node(0).of("/chat").emit("news", &2);
    assert_eq!(ann.expect_named("news").await, 1);
    assert_eq!(begin.elapsed(), Duration::from_millis(40), "its own clients do not wait");
    assert_eq!(bob.expect_named("news").await, 1);
    assert_eq!(begin.elapsed(), Duration::from_millis(100));
    assert_eq!(bob.expect_named("news").await, 2);
    assert_eq!(begin.elapsed(), Duration::from_millis(100));
    cluster.node(0).of("/chat").emit("news", &3);
    assert_eq!(bob.expect_named("news").await, 3);
    assert_eq!(begin.elapsed(), Duration::from_millis(100));
}

#[tokio::test(start_paused = true)]
async fn nothing_crosses_a_partition_in_either_direction() {
    let (cluster, [mut ann, mut bob, mut cid]) = nodes_with_clients().await;
    cluster.delay(Duration::from_millis(10));
    cluster.node(0).of("/chat").emit("news", "under way");
    sleep(Duration::from_millis(5)).await;
    cluster.partition(&[0], &[1, 2]);
    cluster.node(0).of("/chat").emit("news", "from ann's side");
    cluster.node(1).of("/chat").emit("news", "from the other");
    cluster.quiet().await;
    assert_eq!([ann.expect_named("news").await, ann.expect_named("news").await], ["under way", "from ann's side"]);
    for client in [&mut bob, &mut cid] {
        assert_eq!(client.expect_named("news").await, "from the other");
    }
    let fetched = cluster.node(0).of("/chat").fetch_sockets().await;
    assert_eq!((fetched.len(), fetched.missing_nodes()), (1, Some(2)));
    cluster.heal();
    cluster.node(2).of("/chat").emit("news", "healed");
    for client in [&mut ann, &mut bob, &mut cid] {
        assert_eq!(client.expect_named("news").await, "healed");
    }
    cluster.quiet().await;
    ann.expect_nothing().await;
    assert!(cluster.node(0).of("/chat").fetch_sockets().await.is_complete());
}

#[tokio::test(start_paused = true)]
async fn a_node_without_its_engine_publishes_later_and_misses_the_others() {
    let (cluster, [mut ann, mut bob]) = nodes_with_clients().await;
    cluster.lose_engine(0);
    assert!(cluster.node(0).handle().is_degraded());
    let sent = cluster.node(0).of("/chat").emit("news", "waits");
    assert_eq!((sent.queued, sent.not_published), (1, false));
    cluster.node(1).of("/chat").emit("news", "is missed");
    assert_eq!(ann.expect_named("news").await, "waits");
    assert_eq!(bob.expect_named("news").await, "is missed");
    cluster.quiet().await;
    bob.expect_nothing().await;
    assert_eq!(cluster.node(0).of("/chat").fetch_sockets().await.missing_nodes(), None);
    let others = cluster.node(1).of("/chat").fetch_sockets().await;
    assert_eq!((others.len(), others.is_complete()), (1, true), "a node without subscription is not counted");
    cluster.restore_engine(0);
    assert!(!cluster.node(0).handle().is_degraded());
    assert_eq!(bob.expect_named("news").await, "waits");
    ann.expect_nothing().await;
    assert_eq!(cluster.node(1).of("/chat").count_all().await.count, 2);
}

fn count(cluster: &TestCluster, node: usize, name: &str) -> usize {
    metric(cluster.node(node), name).parse().unwrap()
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_an_engine_that_is_away_is_bounded() {
    let (cluster, [mut ann, _bob]) = nodes_with_clients().await;
    cluster.lose_engine(0);
    // Clients come and go, join and leave; nobody waits for the engine.
    let begin = Instant::now();
    for number in 0..200 {
        let mut guest = cluster.node(0).connect("/chat").await.unwrap();
        guest.emit_with_ack::<()>("join", format!("room-{number}")).await.unwrap();
    }
    assert_eq!(begin.elapsed(), Duration::ZERO);
    assert_eq!(count(&cluster, 0, "gateway_cluster_queue_messages"), 0, "sockets and rooms leave nothing");

    let namespace = cluster.node(0).of("/chat");
    let lost = (0..10_500).filter(|number| namespace.to("nobody").emit("n", number).not_published).count();
    assert_eq!((lost, count(&cluster, 0, "gateway_cluster_queue_messages")), (500, 10_000));
    assert_eq!(count(&cluster, 0, "gateway_cluster_dropped_total{reason=\"queue_full\"}"), lost);
    cluster.restore_engine(0);
    cluster.quiet().await;
    let arrived = count(&cluster, 1, "gateway_cluster_messages_total{direction=\"received\"}");
    assert_eq!((arrived, count(&cluster, 0, "gateway_cluster_queue_messages")), (10_000, 0));

    cluster.lose_engine(0);
    let large = "x".repeat(1024 * 1024);
    let lost = (0..20).filter(|_| namespace.to("nobody").emit("n", &large).not_published).count();
    assert!((4..=5).contains(&lost), "16 MiB wait, {lost} of 20 are lost");
    assert!(count(&cluster, 0, "gateway_cluster_queue_bytes") <= 16 * 1024 * 1024);
    ann.emit_with_ack::<usize>("say", ("room-1", "its clients are served")).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_killed_node_breaks_its_connections_and_says_nothing() {
    let (cluster, [mut ann, mut bob, mut cid]) = nodes_with_clients().await;
    let mut socket_io = cluster.node(2).connect("/chat").socket_io().await.unwrap();
    cluster.kill_node(2);
    assert_eq!(cid.closed().await, None, "no close frame");
    assert_eq!(socket_io.closed().await, None);
    assert!(matches!(cluster.node(2).connect("/chat").await, Err(ConnectError::Closed(None))));
    cluster.node(2).of("/chat").emit("news", "from the dead");
    let all = cluster.node(0).of("/chat").fetch_sockets().await;
    assert_eq!((all.len(), all.is_complete()), (2, true), "it is not counted any more");
    cluster.node(0).of("/chat").emit("news", "alive");
    assert_eq!(bob.expect_named("news").await, "alive");
    assert_eq!(ann.expect_named("news").await, "alive");
    cluster.quiet().await;
    bob.expect_nothing().await;
}

#[gateway(namespace = "/hooks")]
struct Hooks {
    notes: UnboundedSender<&'static str>,
}

#[gateway]
impl Hooks {
    #[on_disconnect]
    fn gone(&self) {
        self.notes.send("disconnect hook").unwrap();
    }

    #[subscribe]
    async fn wait(&self) {
        let _noted = Noted(self.notes.clone());
        std::future::pending::<()>().await;
    }
}

struct Noted(UnboundedSender<&'static str>);

impl Drop for Noted {
    fn drop(&mut self) {
        self.0.send("handler dropped").unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_killed_node_runs_no_hook() {
    let (notes, mut heard) = unbounded_channel();
    let cluster = cluster(2, |server| server.provide(notes.clone()).gateway::<Hooks>()).await.unwrap();
    let mut ann = cluster.node(0).connect("/hooks").await.unwrap();
    ann.begin("wait", ()).await;
    cluster.quiet().await;
    cluster.kill_node(0);
    ann.closed().await;
    cluster.quiet().await;
    assert_eq!((heard.try_recv(), heard.try_recv().ok()), (Ok("handler dropped"), None));
    drop(cluster.node(1).connect("/hooks").await.unwrap());
    assert_eq!(heard.recv().await, Some("disconnect hook"));
}

/// A question to three nodes, the last of which is killed while its answer is under way.
async fn killed_in_the_middle<T>(cluster: &TestCluster, asking: impl Future<Output = T>) -> (T, Duration) {
    cluster.delay(Duration::from_millis(100));
    let begin = Instant::now();
    let killing = async {
        sleep(Duration::from_millis(50)).await;
        cluster.kill_node(2);
    };
    let (answer, ()) = tokio::join!(asking, killing);
    (answer, begin.elapsed())
}

#[tokio::test(start_paused = true)]
async fn sockets_are_fetched_without_the_killed_node_at_the_deadline() {
    let (cluster, _clients) = nodes_with_clients::<3>().await;
    let namespace = cluster.node(0).of("/chat");
    let (sockets, time) = killed_in_the_middle(&cluster, namespace.fetch_sockets()).await;
    assert_eq!((sockets.len(), sockets.missing_nodes()), (2, Some(1)));
    assert_eq!(time, Duration::from_secs(5));
    let again = namespace.count_all().await;
    assert_eq!((again.count, again.is_complete), (2, true));
}

#[tokio::test(start_paused = true)]
async fn server_events_are_answered_without_the_killed_node_at_the_deadline() {
    let cluster = nodes(3).await;
    let namespace = cluster.node(0).of("/chat");
    let asking = namespace.server_side_emit_with_ack::<u32>("double", &21).timeout(Duration::from_secs(2));
    let (answers, time) = killed_in_the_middle(&cluster, asking.into_future()).await;
    assert_eq!(answers.arrived().copied().collect::<Vec<_>>(), [42]);
    assert_eq!((answers.missing_nodes(), answers.is_complete()), (Some(1), false));
    assert_eq!(time, Duration::from_secs(2));
}

#[tokio::test(start_paused = true)]
async fn clients_answer_without_the_killed_node_at_the_deadline() {
    let (cluster, [mut ann, mut bob, _cid]) = nodes_with_clients().await;
    let namespace = cluster.node(0).of("/chat");
    let asking = namespace.emit_with_ack::<u32>("vote", "now").timeout(Duration::from_secs(3));
    let answering = async {
        for client in [&mut ann, &mut bob] {
            let (ask, _) = client.expect_question("vote").await;
            client.answer(ask, 7).await;
        }
    };
    let asking = async { tokio::join!(asking.into_future(), answering).0 };
    let (votes, time) = killed_in_the_middle(&cluster, asking).await;
    assert_eq!(votes.arrived().copied().collect::<Vec<_>>(), [7, 7]);
    assert_eq!((votes.missing_nodes(), votes.is_complete()), (Some(1), false));
    assert_eq!(time, Duration::from_secs(3));
}

#[tokio::test(start_paused = true)]
async fn an_answer_after_the_deadline_is_counted_and_dropped() {
    let (cluster, _clients) = nodes_with_clients::<2>().await;
    cluster.delay(Duration::from_secs(3));
    let sockets = cluster.node(0).of("/chat").fetch_sockets().await;
    assert_eq!((sockets.len(), sockets.missing_nodes()), (1, Some(1)));
    cluster.quiet().await;
    cluster.delay(Duration::ZERO);
    assert!(cluster.node(0).of("/chat").fetch_sockets().await.is_complete());
    assert!((dropped(cluster.node(0), "unknown_answer") - 1.0).abs() < 0.1);
}
