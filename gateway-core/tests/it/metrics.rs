//! Metrics of a server: gauges come back to zero, and clients cannot add labels.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::float_cmp,
    clippy::cast_precision_loss,
    reason = "tests, and counts are whole"
)]

use std::future::pending;
use std::time::Duration;

use gateway_core::metrics::Metrics;
use gateway_core::prelude::*;
use gateway_core::serve::Recovery;
use gateway_core::testing::{TestClient, TestServer};
use gateway_core::{CloseCode, RequestError};
use serde_json::{Value, json};
use tokio::time::sleep;

#[gateway(namespace = "/desk/{name}")]
struct Desk;

#[gateway]
impl Desk {
    #[on_connect]
    async fn joined(&self, socket: Socket) -> Result<(), ConnectRejection> {
        Ok(socket.join("all").await?)
    }

    #[subscribe("quick")]
    fn quick(&self, socket: Socket) -> u8 {
        let _ = socket.emit("named", &1);
        let _ = socket.emit("unnamed", &1);
        1
    }

    #[subscribe("slow")]
    async fn slow(&self) -> u8 {
        sleep(Duration::from_secs(2)).await;
        1
    }

    #[subscribe("fails", "fails.*")]
    fn fails(&self) -> Result<(), Exception> {
        Err(Exception::message("no"))
    }

    #[subscribe("hangs", timeout = "3s")]
    async fn hangs(&self) {
        pending::<()>().await;
    }

    #[subscribe("asks")]
    async fn asks(&self, socket: Socket) -> Result<u8, RequestError> {
        socket.emit_with_ack::<u8>("answer me", &()).timeout(Duration::from_secs(1)).await
    }

    #[subscribe("floods")]
    fn floods(&self, namespace: Namespace, Data(times): Data<u32>) {
        for number in 0..times {
            namespace.all().volatile().emit(&format!("name {number}"), &());
        }
    }
}

async fn desk() -> TestServer {
    Server::empty().gateway::<Desk>().measure(["named"]).test().await.unwrap()
}

fn of_event(metrics: &Metrics, event: &str, direction: &str) -> f64 {
    let labels = [("namespace", "/desk/{name}"), ("event", event), ("direction", direction)];
    metrics.value("gateway_events_total", &labels)
}

#[tokio::test(start_paused = true)]
async fn events_are_counted_by_the_names_the_program_gives_them() {
    let server = desk().await;
    let mut ann = server.connect("/desk/a").await.unwrap();
    let mut bob = server.connect("/desk/b").socket_io().await.unwrap();
    for client in [&mut ann, &mut bob] {
        assert_eq!(client.emit_with_ack::<u8>("quick", ()).await, Ok(1));
        client.emit_with_ack::<Value>("what is this", ()).await.unwrap_err();
        client.emit_with_ack::<Value>("fails.again", ()).await.unwrap_err();
    }
    let metrics = server.handle().metrics();
    assert_eq!(of_event(&metrics, "quick", "received"), 2.0);
    assert_eq!(of_event(&metrics, "fails, fails.*", "received"), 2.0);
    assert_eq!(of_event(&metrics, "other", "received"), 2.0);
    assert_eq!(of_event(&metrics, "named", "sent"), 2.0);
    assert_eq!(of_event(&metrics, "other", "sent"), 2.0);
    assert_eq!(metrics.value("gateway_handled_total", &[]), 4.0);
    let connected = [("namespace", "/desk/{name}"), ("transport", "websocket")];
    assert_eq!(metrics.value("gateway_connections", &connected), 2.0);
}

fn seconds(metrics: &Metrics, part: &str, event: &str, outcome: &str) -> f64 {
    metrics.value(&format!("gateway_handler_seconds_{part}"), &[("event", event), ("outcome", outcome)])
}

#[tokio::test(start_paused = true)]
async fn the_time_of_a_handler_is_told_with_how_it_ended() {
    let server = desk().await;
    let mut ann = server.connect("/desk/a").await.unwrap();
    assert_eq!(ann.emit_with_ack::<u8>("slow", ()).await, Ok(1));
    assert_eq!(ann.emit_with_ack::<u8>("quick", ()).await, Ok(1));
    ann.emit_with_ack::<Value>("fails", ()).await.unwrap_err();
    ann.emit_with_ack::<Value>("hangs", ()).await.unwrap_err();
    let metrics = server.handle().metrics();
    assert_eq!((seconds(&metrics, "count", "slow", "done"), seconds(&metrics, "sum", "slow", "done")), (1.0, 2.0));
    let buckets = |le| metrics.value("gateway_handler_seconds_bucket", &[("event", "slow"), ("le", le)]);
    assert_eq!((buckets("1"), buckets("2.5"), buckets("+Inf")), (0.0, 1.0, 1.0));
    assert_eq!((seconds(&metrics, "count", "quick", "done"), seconds(&metrics, "sum", "quick", "done")), (1.0, 0.0));
    assert_eq!(seconds(&metrics, "count", "fails, fails.*", "failed"), 1.0);
    assert_eq!(
        (seconds(&metrics, "count", "hangs", "dropped"), seconds(&metrics, "sum", "hangs", "dropped")),
        (1.0, 3.0)
    );
    assert_eq!(metrics.value("gateway_handler_timeouts_total", &[]), 1.0);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_measures_no_events_has_the_other_figures() {
    let server = Server::empty().gateway::<Desk>().test().await.unwrap();
    let mut ann = server.connect("/desk/a").await.unwrap();
    assert_eq!(ann.emit_with_ack::<u8>("quick", ()).await, Ok(1));
    let metrics = server.handle().metrics();
    assert_eq!(metrics.value("gateway_handled_total", &[]), 1.0);
    assert_eq!(metrics.value("gateway_rooms", &[]), 1.0);
    let text = metrics.to_string();
    for measured in ["gateway_events_total", "gateway_handler_seconds", "gateway_bytes_total", "gateway_fanout_size"] {
        assert!(!text.contains(measured), "{text}");
    }
}

fn bytes(metrics: &Metrics) -> (f64, f64) {
    let of = |direction| metrics.value("gateway_bytes_total", &[("direction", direction)]);
    (of("received"), of("sent"))
}

#[tokio::test(start_paused = true)]
async fn bytes_are_counted_as_they_are_read_and_written() {
    let server = desk().await;
    let mut ann = server.connect("/desk/a").await.unwrap();
    let asks = r#"{"event":"quick"}"#;
    ann.send_text(asks).await;
    let mut told = 0;
    for (event, text) in [("named", r#"{"event":"named","data":1}"#), ("unnamed", r#"{"event":"unnamed","data":1}"#)] {
        ann.expect_named(event).await;
        told += 2 + text.len();
    }
    ann.expect_named("quick").await;
    told += 2 + r#"{"event":"quick","data":1}"#.len();
    assert_eq!(bytes(&server.handle().metrics()), (asks.len() as f64, told as f64));
}

#[tokio::test(start_paused = true)]
async fn broadcasts_are_told_with_their_size_and_their_time() {
    let server = desk().await;
    let _clients = [server.connect("/desk/a").await.unwrap(), server.connect("/desk/a").await.unwrap()];
    assert_eq!(server.of("/desk/a").all().emit("named", &1).queued, 2);
    assert_eq!(server.of("/desk/a").all().emit_latest("named", "key", &1).queued, 2);
    assert_eq!(server.of("/desk/b").all().emit("named", &1).queued, 0);
    let metrics = server.handle().metrics();
    let size = |part: &str, labels: &[(&str, &str)]| metrics.value(&format!("gateway_fanout_size_{part}"), labels);
    assert_eq!((size("count", &[]), size("sum", &[])), (2.0, 4.0), "{metrics}");
    assert_eq!((size("bucket", &[("le", "1")]), size("bucket", &[("le", "3")])), (0.0, 2.0));
    assert_eq!(metrics.value("gateway_broadcast_seconds_count", &[]), 2.0);
}

#[tokio::test(start_paused = true)]
async fn the_time_until_a_ping_is_answered_is_told() {
    let server = desk().await;
    let mut ann = server.connect("/desk/a").await.unwrap();
    ann.stop_reading();
    // It is asked after 25 s of silence.
    sleep(Duration::from_secs(30)).await;
    ann.read_on();
    sleep(Duration::from_secs(1)).await;
    let metrics = server.handle().metrics();
    assert_eq!(metrics.value("gateway_ping_rtt_seconds_count", &[]), 1.0, "{metrics}");
    let seconds = metrics.value("gateway_ping_rtt_seconds_sum", &[]);
    assert!((seconds - 5.0).abs() < 0.1, "{seconds}");
}

async fn ask_without_answer(client: &mut TestClient) {
    client.begin("asks", ()).await;
    client.expect_question("answer me").await;
}

#[tokio::test(start_paused = true)]
async fn after_all_have_gone_every_gauge_is_at_zero() {
    let recovery = Recovery::new().within(Duration::from_secs(5));
    let server = Server::empty().gateway::<Desk>().recovery(recovery).measure([]).test().await.unwrap();
    let handle = server.handle();
    for round in 0..20 {
        let mut lost = None;
        for number in 0..20 {
            let path = format!("/desk/{}", number % 3);
            let connect = server.connect(&path);
            let mut client = if number % 2 == 0 { connect.await } else { connect.socket_io().await }.unwrap();
            match number % 5 {
                0 => drop(client.close().await),
                1 => {
                    client.emit_with_ack::<u8>("quick", ()).await.unwrap();
                    let gone = client.lose();
                    lost = if number == 11 { Some(gone) } else { lost };
                }
                2 => ask_without_answer(&mut client).await,
                3 => drop(client.close_with(CloseCode::new(3000 + round * 20 + number), "").await),
                _ => client.stop_reading(),
            }
        }
        if round % 2 == 0 {
            let again = server.connect("/desk/2").socket_io().come_back(&lost.unwrap()).await;
            drop(again.unwrap());
        }
    }
    let busy = handle.metrics();
    assert!(busy.value("gateway_away", &[]) > 0.0, "{busy}");
    // Until nobody is waited for any more.
    sleep(Duration::from_mins(2)).await;
    let metrics = handle.metrics();
    for gauge in metrics.gauges().filter(|gauge| *gauge != "gateway_draining") {
        assert_eq!(metrics.value(gauge, &[]), 0.0, "{gauge}");
    }
    assert!(metrics.gauges().count() >= 10);
    assert!(metrics.value("gateway_disconnects_total", &[("reason", "client"), ("code", "other")]) > 0.0, "{metrics}");
    assert!(metrics.value("gateway_disconnects_total", &[("reason", "lost"), ("code", "1006")]) > 0.0, "{metrics}");
    assert_eq!(
        metrics.value("gateway_disconnects_total", &[]),
        metrics.value("gateway_connections_total", &[]),
        "{metrics}"
    );
    assert!(metrics.value("gateway_recover_total", &[("result", "recovered")]) > 0.0, "{metrics}");
}

#[tokio::test(start_paused = true)]
async fn a_hundred_thousand_names_add_no_label() {
    let server = desk().await;
    let mut ann = server.connect("/desk/a").await.unwrap();
    ann.emit_with_ack::<()>("floods", 1).await.unwrap();
    let before = server.handle().metrics().to_string().lines().count();
    ann.emit_with_ack::<()>("floods", 100_000).await.unwrap();
    let limits = 1000;
    for number in 0..limits {
        ann.emit(&format!("unknown {number}"), json!(number)).await;
    }
    let _rooms: Vec<_> = (0..100).map(|number| server.connect(&format!("/desk/{number}"))).collect();
    let metrics = server.handle().metrics();
    let text = metrics.to_string();
    assert_eq!(text.lines().count(), before);
    println!("{} bytes", text.len());
    assert!(text.len() < 200_000, "{} bytes", text.len());
    assert_eq!(of_event(&metrics, "other", "sent"), 100_001.0);
    assert_eq!(of_event(&metrics, "other", "received"), f64::from(limits));
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_a_client_is_told_and_so_is_who_is_asked() {
    let server = desk().await;
    let mut ann = server.connect("/desk/a").await.unwrap();
    ask_without_answer(&mut ann).await;
    assert_eq!(server.handle().metrics().value("gateway_acks_pending", &[]), 1.0);
    sleep(Duration::from_secs(2)).await;
    assert_eq!(server.handle().metrics().value("gateway_acks_pending", &[]), 0.0);
    assert_eq!(server.handle().metrics().value("gateway_ack_timeouts_total", &[]), 1.0);
    ann.stop_reading();
    for _ in 0..500 {
        server.of("/desk/a").all().emit("news", &"x".repeat(1000));
    }
    let metrics = server.handle().metrics();
    assert!(metrics.value("gateway_send_queue_bytes", &[]) > 100_000.0, "{metrics}");
    assert!(metrics.value("gateway_send_queue_frames", &[]) > 100.0, "{metrics}");
}

#[tokio::test(start_paused = true)]
async fn who_asks_whether_it_is_ready_learns_at_once_that_it_stops() {
    let server = Server::empty().gateway::<Desk>();
    let handle = server.handle();
    assert!(!handle.is_ready());
    let server = server.test().await.unwrap();
    assert!(handle.is_ready());
    assert_eq!(handle.metrics().value("gateway_draining", &[]), 0.0);
    handle.shutdown();
    assert!(!handle.is_ready());
    assert_eq!(handle.metrics().value("gateway_draining", &[]), 1.0);
    drop(server);
}

#[tokio::test(start_paused = true)]
async fn who_comes_back_too_late_is_counted() {
    let recovery = Recovery::new().within(Duration::from_secs(5));
    let server = Server::empty().gateway::<Desk>().recovery(recovery).test().await.unwrap();
    let mut ann = server.connect("/desk/a").socket_io().await.unwrap();
    assert_eq!(ann.emit_with_ack::<u8>("quick", ()).await, Ok(1));
    let lost = ann.lose();
    sleep(Duration::from_secs(10)).await;
    let _ann = server.connect("/desk/a").socket_io().come_back(&lost).await.unwrap();
    assert_eq!(server.handle().metrics().value("gateway_recover_total", &[("result", "lost")]), 1.0);
    assert_eq!(server.count(gateway_core::metrics::Counter::LostSockets), 1);
}
