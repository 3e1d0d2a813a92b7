//! The span of an event has the client's span as its parent, and reaches a collector.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use gateway_core::prelude::*;
use gateway_core::testing::TestServer;
use gateway_opentelemetry::{EventSpans, provider, subscriber};
use opentelemetry::trace::{SpanId, SpanKind, Status, TraceId};
use opentelemetry_otlp::{SpanExporter, WithExportConfig};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const OF_HANDSHAKE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const OF_MESSAGE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

#[gateway(namespace = "/orders")]
struct Orders;

#[gateway]
impl Orders {
    #[subscribe("place")]
    async fn place(&self, Data(item): Data<String>) -> String {
        tokio::task::yield_now().await;
        let _span = tracing::info_span!(target: "gateway_opentelemetry", "store").entered();
        item
    }

    #[subscribe("cancel")]
    fn cancel(&self) -> Result<(), Exception> {
        Err(Exception::message("too late"))
    }
}

async fn serve() -> TestServer {
    Server::empty().gateway::<Orders>().intercept(EventSpans).test().await.unwrap()
}

/// Runs with spans that are kept, and returns them.
async fn spans_of(run: impl AsyncFnOnce(TestServer)) -> Vec<SpanData> {
    let kept = InMemorySpanExporter::default();
    let provider: SdkTracerProvider = provider("test").with_simple_exporter(kept.clone()).build();
    let _default = tracing::subscriber::set_default(subscriber(&provider));
    run(serve().await).await;
    kept.get_finished_spans().unwrap()
}

fn ids(traceparent: &str) -> (TraceId, SpanId) {
    let mut parts = traceparent.split('-').skip(1);
    let mut next = || parts.next().unwrap();
    (TraceId::from_hex(next()).unwrap(), SpanId::from_hex(next()).unwrap())
}

fn named<'a>(spans: &'a [SpanData], name: &str) -> &'a SpanData {
    spans.iter().find(|span| span.name == name).unwrap_or_else(|| panic!("no span is {name}: {spans:#?}"))
}

#[tokio::test(start_paused = true)]
async fn an_event_is_a_span_of_its_client() {
    let spans = spans_of(async |server| {
        let mut client = server.connect("/orders").header("traceparent", OF_HANDSHAKE).await.unwrap();
        client.emit_with_ack::<String>("place", "tea").await.unwrap();
    })
    .await;
    let (trace, parent) = ids(OF_HANDSHAKE);
    let event = named(&spans, "/orders place");
    assert_eq!((event.span_context.trace_id(), event.parent_span_id), (trace, parent));
    assert!(event.parent_span_is_remote);
    assert_eq!(event.span_kind, SpanKind::Server);
    // What the handler does is below it, also after it has waited.
    let store = named(&spans, "store");
    assert_eq!((store.span_context.trace_id(), store.parent_span_id), (trace, event.span_context.span_id()));
    assert_eq!(spans.len(), 2, "{spans:#?}");
}

#[tokio::test(start_paused = true)]
async fn the_trace_of_a_message_goes_before_that_of_the_handshake() {
    let spans = spans_of(async |server| {
        let mut client = server.connect("/orders").header("traceparent", OF_HANDSHAKE).await.unwrap();
        client.send_text(&format!(r#"{{"event":"place","data":"tea","id":1,"traceparent":"{OF_MESSAGE}"}}"#)).await;
        client.next().await;
    })
    .await;
    let event = named(&spans, "/orders place");
    assert_eq!((event.span_context.trace_id(), event.parent_span_id), ids(OF_MESSAGE));
}

#[tokio::test(start_paused = true)]
async fn an_event_without_a_trace_begins_one_and_a_failure_is_an_error() {
    let spans = spans_of(async |server| {
        let mut client = server.connect("/orders").socket_io().await.unwrap();
        client.emit_with_ack::<Value>("cancel", ()).await.unwrap_err();
        client.emit_with_ack::<Value>("cancel", ()).await.unwrap_err();
    })
    .await;
    let [one, other] = &spans[..] else { panic!("{spans:#?}") };
    assert_eq!((one.parent_span_id, other.parent_span_id), (SpanId::INVALID, SpanId::INVALID));
    assert_ne!(one.span_context.trace_id(), other.span_context.trace_id());
    assert!(matches!(one.status, Status::Error { .. }), "{:?}", one.status);
}

#[tokio::test]
async fn a_collector_receives_it() {
    let collector = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}/v1/traces", collector.local_addr().unwrap());
    let received = tokio::spawn(async move {
        let (mut stream, _) = collector.accept().await.unwrap();
        let mut request = Vec::new();
        let (trace, _) = ids(OF_HANDSHAKE);
        while !request.windows(16).any(|part| part == trace.to_bytes()) {
            assert_ne!(stream.read_buf(&mut request).await.unwrap(), 0, "the request ends");
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").await.unwrap();
        request
    });
    let exporter = SpanExporter::builder().with_http().with_endpoint(endpoint).build().unwrap();
    let provider = provider("test").with_batch_exporter(exporter).build();
    let default = tracing::subscriber::set_default(subscriber(&provider));
    let server = serve().await;
    let mut client = server.connect("/orders").header("traceparent", OF_HANDSHAKE).await.unwrap();
    client.emit_with_ack::<String>("place", "tea").await.unwrap();
    drop(default);
    let flushed = tokio::task::spawn_blocking(move || provider.shutdown());
    let request = received.await.unwrap();
    assert!(request.starts_with(b"POST /v1/traces HTTP/1.1\r\n"));
    flushed.await.unwrap().unwrap();
}
