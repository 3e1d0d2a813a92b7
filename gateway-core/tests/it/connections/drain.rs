//! Draining on a paused clock: its beginning, its slices, and the clients' close reasons.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use gateway_core::CloseCode;
use gateway_core::limits::Limits;
use gateway_core::prelude::*;
use gateway_core::serve::{Drain, Recovery};
use gateway_core::testing::{TestClient, TestServer};
use tokio::time::{Instant, sleep};

#[derive(Clone, Default)]
struct Left(Arc<AtomicUsize>);

#[gateway(namespace = "/hall")]
struct Hall {
    left: Left,
}

#[gateway]
impl Hall {
    #[subscribe("work")]
    async fn work(&self, Data(seconds): Data<u64>) -> u64 {
        sleep(Duration::from_secs(seconds)).await;
        seconds
    }

    #[on_disconnect]
    fn left(&self, reason: DisconnectReason) {
        assert!(matches!(reason, DisconnectReason::Shutdown | DisconnectReason::Lifetime), "{reason}");
        self.left.0.fetch_add(1, Ordering::Relaxed);
    }
}

async fn hall(configure: impl FnOnce(Server) -> Server) -> (TestServer, Left) {
    let left = Left::default();
    let server = configure(Server::empty().gateway::<Hall>().provide(left.clone()));
    (server.test().await.unwrap(), left)
}

async fn visitors(server: &TestServer, count: usize) -> Vec<TestClient> {
    let mut visitors = Vec::new();
    for number in 0..count {
        let connect = server.connect("/hall");
        visitors.push(if number % 2 == 0 { connect.await } else { connect.socket_io().await }.unwrap());
    }
    visitors
}

/// When each was told, in milliseconds from now, sorted.
async fn told(visitors: Vec<TestClient>) -> Vec<u128> {
    let start = Instant::now();
    let waiting = visitors.into_iter().map(|mut visitor| {
        tokio::spawn(async move {
            visitor.closed().await;
            start.elapsed().as_millis()
        })
    });
    let mut moments = Vec::new();
    for visitor in waiting.collect::<Vec<_>>() {
        moments.push(visitor.await.unwrap());
    }
    moments.sort_unstable();
    moments
}

#[tokio::test(start_paused = true)]
async fn clients_are_let_go_in_even_slices_over_the_window() {
    let drain = Drain::new().window(Duration::from_secs(1));
    let (server, left) = hall(|server| server.drain(drain)).await;
    let visitors = visitors(&server, 2000).await;
    server.handle().shutdown();
    let moments = told(visitors).await;
    let expected: Vec<u128> = (0..10).flat_map(|slice| vec![slice * 100; 200]).collect();
    // Timers of a paused clock are a millisecond late at most.
    let is_near = |(moment, expected): (&u128, &u128)| moment.abs_diff(*expected) <= 20;
    assert!(moments.iter().zip(&expected).all(is_near), "{moments:?}");
    assert_eq!(moments.len(), expected.len());
    server.handle().stopped().await;
    assert_eq!(left.0.load(Ordering::Relaxed), 2000);
}

#[tokio::test(start_paused = true)]
async fn a_few_are_let_go_at_once() {
    let (server, _) = hall(|server| server).await;
    let visitors = visitors(&server, 100).await;
    server.handle().shutdown();
    assert_eq!(told(visitors).await, vec![0; 100]);
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_the_end_is_served_until_then() {
    let drain = Drain::new().window(Duration::from_secs(2));
    let (server, _) = hall(|server| server.drain(drain)).await;
    let mut visitors = visitors(&server, 400).await;
    server.handle().shutdown();
    // Of four slices the last is told after 300 ms; whoever it is, the others hear no answer any more.
    let mut answered = 0;
    sleep(Duration::from_millis(250)).await;
    for visitor in &mut visitors {
        visitor.begin("work", 0).await;
    }
    for mut visitor in visitors {
        let is_answered =
            tokio::spawn(
                async move { while let gateway_core::testing::Received::Event { .. } = visitor.next().await {} },
            );
        answered += usize::from(is_answered.await.is_ok());
    }
    assert_eq!(answered, 100);
}

#[tokio::test(start_paused = true)]
async fn what_was_accepted_is_answered_before_the_close() {
    let (server, left) = hall(|server| server).await;
    let mut ann = server.connect("/hall").await.unwrap();
    let id = ann.begin("work", 3).await;
    server.handle().shutdown();
    assert!(matches!(ann.next().await, gateway_core::testing::Received::Reply { id: found, .. } if found == id));
    assert_eq!(ann.closed().await.unwrap().code, CloseCode::GOING_AWAY);
    server.handle().stopped().await;
    assert_eq!(left.0.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn clients_are_asked_to_come_back_each_at_a_moment_of_its_own() {
    let retry_within = Duration::from_secs(10);
    let drain = Drain::new().close_code(CloseCode::SERVICE_RESTART).retry_within(retry_within);
    let (server, _) = hall(|server| server.drain(drain)).await;
    let mut moments = Vec::new();
    for mut visitor in {
        let visitors = visitors(&server, 100).await;
        server.handle().shutdown();
        visitors
    } {
        // Engine.IO closes without a code.
        let Some(closed) = visitor.closed().await else { continue };
        if closed.code == CloseCode::SERVICE_RESTART {
            let moment =
                closed.reason.strip_prefix("service restart, retry after ").unwrap().strip_suffix(" ms").unwrap();
            moments.push(moment.parse::<u64>().unwrap());
        }
    }
    assert_eq!(moments.len(), 50);
    assert!(moments.iter().all(|moment| *moment < 10_000), "{moments:?}");
    // Fifty at random: a tenth of the time without any would be one in two hundred times ten.
    let tenths: std::collections::HashSet<_> = moments.iter().map(|moment| moment / 2000).collect();
    assert_eq!(tenths.len(), 5, "{moments:?}");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_waits_for_its_balancer_takes_everybody_until_then() {
    let drain = Drain::new().delay(Duration::from_secs(5));
    let (server, _) = hall(|server| server.drain(drain)).await;
    let handle = server.handle();
    let start = Instant::now();
    handle.shutdown();
    assert!(!handle.is_ready());
    sleep(Duration::from_secs(4)).await;
    let mut late = server.connect("/hall").await.unwrap();
    assert_eq!(late.emit_with_ack::<u64>("work", 0).await, Ok(0));
    assert_eq!(late.closed().await.unwrap().code, CloseCode::GOING_AWAY);
    handle.stopped().await;
    assert_eq!(start.elapsed().as_secs(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_had_its_time_ends_gently_and_may_come_back() {
    let ping_interval = Duration::from_secs(5);
    let limits = Limits::new().connection_lifetime(Duration::from_secs(20)).ping_interval(ping_interval);
    let (server, left) = hall(|server| server.limits(limits).recovery(Recovery::default())).await;
    let mut plain = server.connect("/hall").await.unwrap();
    let mut other = server.connect("/hall").socket_io().await.unwrap();
    let start = Instant::now();
    assert_eq!(plain.emit_with_ack::<u64>("work", 10).await, Ok(10));
    let closed = plain.closed().await.unwrap();
    assert_eq!((closed.code, closed.reason.as_ref()), (CloseCode::LIFETIME, "lifetime over"));
    assert!(closed.code.may_reconnect());
    other.closed().await;
    let lived = start.elapsed();
    // A tenth longer at most, and as often looked at as pings are due.
    let longest = Duration::from_secs(22) + 2 * ping_interval;
    assert!(lived >= Duration::from_secs(20) && lived <= longest, "{lived:?}");
    server.handle().shutdown();
    server.handle().stopped().await;
    assert_eq!(left.0.load(Ordering::Relaxed), 2);
}
