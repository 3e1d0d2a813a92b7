//! Spans of events for OpenTelemetry: each event is a span of its client's trace, sent by OTLP.

use std::collections::HashMap;

use gateway_core::Reply;
use gateway_core::prelude::*;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{SdkTracerProvider, TracerProviderBuilder};
use tracing::field::Empty;
use tracing::{Instrument, Subscriber, info_span};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;

/// The module of the spans that are exported: this crate's.
const EXPORTED: &str = env!("CARGO_CRATE_NAME");

/// Runs each handler in a span. The span belongs to the trace of the message, or of the client's handshake; without one it begins a
/// trace.
#[derive(Debug, Default)]
pub struct EventSpans;

impl Interceptor for EventSpans {
    async fn intercept(&self, context: &Context<'_>, next: Next<'_>) -> Reply {
        let namespace = context.handshake().path();
        let name = format!("{namespace} {}", context.event());
        let span = info_span!(parent: None, "event", otel.name = name, otel.kind = "server", otel.status_code = Empty, namespace);
        if let Some(trace) = context.traceparent() {
            let headers = HashMap::from([("traceparent".to_owned(), trace.to_string())]);
            // Fails for a span that nobody exports.
            let _ = span.set_parent(TraceContextPropagator::new().extract(&headers));
        }
        let reply = next.run().instrument(span.clone()).await;
        if reply.exception().is_some() {
            span.record("otel.status_code", "ERROR");
        }
        reply
    }
}

/// Begins a provider of traces under the name of a service.
#[must_use]
pub fn provider(service: &'static str) -> TracerProviderBuilder {
    SdkTracerProvider::builder().with_resource(Resource::builder().with_service_name(service).build())
}

/// A subscriber that exports the spans of this crate. The framework's span `connection` is left out: it ends with its client, and a
/// trace is shown once all its spans have ended.
#[must_use]
pub fn subscriber(provider: &SdkTracerProvider) -> impl Subscriber + Send + Sync + use<> {
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("gateway"));
    let exported = Targets::new().with_target(EXPORTED, tracing::Level::INFO);
    tracing_subscriber::registry().with(layer.with_filter(exported))
}
