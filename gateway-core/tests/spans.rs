//! Spans carry the place of a request in a distributed trace. Alone in its process: whether a span is of interest to anybody
//! is asked once, for all threads.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fmt::Debug;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use gateway_core::extract::TraceParent;
use gateway_core::prelude::*;
use serde_json::Value;
use tracing::field::{Field, Visit};
use tracing::{Metadata, Subscriber, span};

const ONE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const OTHER: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";

#[gateway(namespace = "/traced")]
struct Traced;

#[gateway]
impl Traced {
    #[subscribe]
    fn which(&self, trace: Option<TraceParent>) -> Option<String> {
        trace.map(|trace| trace.to_string())
    }
}

/// Keeps the fields of spans.
#[derive(Clone, Default)]
struct Spans {
    last: Arc<AtomicU64>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

/// Its name, and its trace.
type Seen = (&'static str, Option<String>);

struct Trace(Option<String>);

impl Visit for Trace {
    fn record_debug(&mut self, _: &Field, _: &dyn Debug) {}

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "traceparent" {
            self.0 = Some(value.to_owned());
        }
    }
}

impl Subscriber for Spans {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_span()
    }

    fn new_span(&self, attributes: &span::Attributes<'_>) -> span::Id {
        let mut trace = Trace(None);
        attributes.record(&mut trace);
        self.seen.lock().unwrap().push((attributes.metadata().name(), trace.0));
        span::Id::from_u64(self.last.fetch_add(1, Ordering::Relaxed) + 1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, _: &tracing::Event<'_>) {}

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

#[tokio::test(start_paused = true)]
async fn spans_carry_it() {
    let spans = Spans::default();
    let _default = tracing::subscriber::set_default(spans.clone());
    let server = Server::empty().gateway::<Traced>().test().await.unwrap();
    let mut client = server.connect("/traced").header("traceparent", ONE).await.unwrap();
    client.emit_with_ack::<Value>("which", ()).await.unwrap();
    client.send_text(&format!(r#"{{"event":"which","traceparent":"{OTHER}"}}"#)).await;
    client.expect_named("which").await;
    let seen = spans.seen.lock().unwrap().clone();
    let of = |trace: &str| Some(trace.to_owned());
    assert_eq!(seen, [("connection", of(ONE)), ("event", None), ("event", of(OTHER))]);
}
