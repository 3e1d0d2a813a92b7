//! Answers of the monitoring port.

#![allow(clippy::float_cmp, reason = "counts are whole")]

use std::time::Duration;

use gateway_core::prelude::*;
use gateway_core::serve::{Drain, LocalAddr};
use gateway_tests::prometheus::{Sample, parse};
use gateway_tests::{Raw, Response};

use crate::server::Probe;

/// A request of a watcher, who keeps the connection.
async fn ask(watcher: &mut Raw, path: &str) -> Response {
    watcher.ask(&format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")).await
}

async fn watched(configure: impl FnOnce(Server) -> Server) -> (Probe, Raw) {
    let server = Probe::with(|server| configure(server.monitoring("127.0.0.1:0"))).await;
    let address = server.running.monitoring_addr().and_then(LocalAddr::as_tcp).expect("it is watched");
    let watcher = Raw::dial(address).await;
    (server, watcher)
}

fn value(samples: &[Sample], name: &str, labels: &[(&str, &str)]) -> f64 {
    let has_all = |sample: &&Sample| labels.iter().all(|(name, value)| sample.label(name) == Some(value));
    samples.iter().filter(|sample| sample.name == name).filter(has_all).map(|sample| sample.value).sum()
}

#[tokio::test]
async fn the_figures_are_read_as_prometheus_reads_them() {
    let (server, mut watcher) = watched(|server| server.measure(["told"])).await;
    let mut client = server.connect().await;
    client.text(r#"{"event":"tell","data":3,"id":1}"#).await;
    assert_eq!(client.next_text().await, r#"{"event":"told","data":"xxx"}"#);
    assert_eq!(client.next_text().await, r#"{"event":"tell","data":1,"id":1}"#);
    client.text(r#"{"event":"tell \"me\"\n","id":2}"#).await;
    client.next_text().await;

    let page = ask(&mut watcher, "/metrics").await;
    assert_eq!(page.status, 200);
    assert_eq!(page.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let samples = parse(&page.body).expect("the text format");

    let probe = ("namespace", "/probe");
    assert_eq!(value(&samples, "gateway_connections", &[probe, ("transport", "websocket")]), 1.0);
    let events = |event, direction| {
        value(&samples, "gateway_events_total", &[probe, ("event", event), ("direction", direction)])
    };
    assert_eq!((events("tell", "received"), events("told", "sent"), events("other", "received")), (1.0, 1.0, 1.0));
    let done = [probe, ("event", "tell"), ("outcome", "done")];
    assert_eq!(value(&samples, "gateway_handler_seconds_count", &done), 1.0);
    assert!(value(&samples, "gateway_build_info", &[("version", env!("CARGO_PKG_VERSION"))]) == 1.0);
    assert!(value(&samples, "process_open_fds", &[]) > 3.0);
    assert!(value(&samples, "process_resident_memory_bytes", &[]) > 1e6);
}

#[tokio::test]
async fn rejections_and_disconnections_are_told_by_their_reasons() {
    let (mut server, mut watcher) = watched(|server| server).await;
    let mut client = server.connect().await;
    client.send(gateway_tests::Frame::close(4321, "")).await;
    client.next().await;
    server.ends.recv().await;
    let foreign = gateway_tests::upgrade_request("/probe", "Origin: https://evil.example\r\n");
    for (request, status) in [
        (gateway_tests::upgrade_request("/nowhere", ""), 404),
        (foreign, 403),
        (gateway_tests::upgrade_request("/probe", "").replace("Version: 13", "Version: 12"), 426),
        ("GET /socket.io/?EIO=4&transport=polling&sid=nobody HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned(), 400),
    ] {
        assert_eq!(Raw::dial(server.address).await.ask(&request).await.status, status, "{request}");
    }
    let samples = parse(&ask(&mut watcher, "/metrics").await.body).expect("the text format");
    for reason in ["not_found", "origin", "malformed", "unknown_session"] {
        assert_eq!(value(&samples, "gateway_rejected_total", &[("reason", reason)]), 1.0, "{reason}");
    }
    assert_eq!(value(&samples, "gateway_disconnects_total", &[("reason", "client"), ("code", "other")]), 1.0);
    assert_eq!(value(&samples, "gateway_connections", &[]), 0.0);
}

#[tokio::test]
async fn bytes_are_counted_whoever_writes_them() {
    let (server, mut watcher) = watched(|server| server).await;
    let mut clients = [server.connect().await, server.connect().await];
    for client in &mut clients {
        client.text(r#"{"event":"echo","data":1}"#).await;
        client.next_text().await;
    }
    clients[0].text(r#"{"event":"tell","data":10}"#).await;
    for client in &mut clients {
        assert_eq!(client.next_text().await, r#"{"event":"told","data":"xxxxxxxxxx"}"#);
    }
    assert_eq!(clients[0].next_text().await, r#"{"event":"tell","data":2}"#);
    let samples = parse(&ask(&mut watcher, "/metrics").await.body).expect("the text format");
    let bytes = |direction| value(&samples, "gateway_bytes_total", &[("direction", direction)]);
    // A client's header has six bytes, a server's two.
    assert_eq!(bytes("received"), f64::from(2 * (6 + 25) + 6 + 26));
    assert_eq!(bytes("sent"), f64::from(2 * (2 + 25) + 2 * (2 + 36) + 2 + 25));
    assert_eq!(value(&samples, "gateway_fanout_size_sum", &[]), 2.0);
}

#[tokio::test]
async fn it_is_ready_until_it_stops_and_lives_until_the_end() {
    let drain = Drain::new().delay(Duration::from_millis(500));
    let (server, mut watcher) = watched(|server| server.drain(drain)).await;
    for (path, expected) in [("/health/live", (200, "live\n")), ("/health/ready", (200, "ready\n"))] {
        let answer = ask(&mut watcher, path).await;
        assert_eq!((answer.status, answer.body.as_str()), expected);
    }
    assert_eq!(ask(&mut watcher, "/").await.status, 404);

    let mut client = server.connect().await;
    server.running.handle().shutdown();
    let answer = ask(&mut watcher, "/health/ready").await;
    assert_eq!((answer.status, answer.body.as_str()), (503, "stopping\n"));
    assert_eq!(ask(&mut watcher, "/health/live").await.status, 200);
    let samples = parse(&ask(&mut watcher, "/metrics").await.body).expect("the text format");
    assert_eq!(value(&samples, "gateway_draining", &[]), 1.0);
    // It still takes everybody whom a balancer sends that has not heard yet.
    let mut late = server.connect().await;
    for client in [&mut client, &mut late] {
        assert_eq!(client.close_code().await, Some(1001));
    }
    server.running.stop().await;
}

#[tokio::test]
async fn a_client_that_polls_is_known_by_its_transport() {
    let (server, mut watcher) = watched(|server| server).await;
    let mut client = Raw::dial(server.address).await;
    let opened = ask(&mut client, "/socket.io/?EIO=4&transport=polling").await;
    let session = opened.body.split('"').nth(3).expect("a session").to_owned();
    let path = format!("/socket.io/?EIO=4&transport=polling&sid={session}");
    let post = format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n40/probe,");
    assert_eq!(client.ask(&post).await.status, 200);
    assert!(ask(&mut client, &path).await.body.starts_with("40/probe,"));
    let samples = parse(&ask(&mut watcher, "/metrics").await.body).expect("the text format");
    let labels = [("namespace", "/probe"), ("transport", "polling")];
    assert_eq!(value(&samples, "gateway_connections", &labels), 1.0);
    let posted = [("direction", "received")];
    assert_eq!(value(&samples, "gateway_bytes_total", &posted), 9.0, "the body of its POST");

    // A stop is told by the answer to a poll, also to one that comes after it.
    let stopped = tokio::spawn(server.running.stop());
    while ask(&mut watcher, "/health/ready").await.status == 200 {}
    let mut told = ask(&mut client, &path).await;
    // What was sent before comes first.
    while told.status == 200 {
        told = ask(&mut client, &path).await;
    }
    assert_eq!((told.status, told.header("retry-after")), (503, Some("5")), "{told:?}");
    stopped.await.expect("it stops");
}
