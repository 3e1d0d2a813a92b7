//! A gateway whose events are spans, sent by OTLP to a collector. `cargo run -p gateway-opentelemetry` sends them to
//! `http://localhost:4318`, or where `OTEL_EXPORTER_OTLP_ENDPOINT` says; metrics are at `http://127.0.0.1:9000/metrics`.

use gateway_core::prelude::*;
use gateway_opentelemetry::{EventSpans, provider, subscriber};
use opentelemetry_otlp::SpanExporter;

#[gateway(namespace = "/orders")]
struct Orders;

#[gateway]
impl Orders {
    #[subscribe("place")]
    async fn place(&self, socket: Socket, Data(item): Data<String>) -> usize {
        // A span of this call, below the one of its event.
        let _span = tracing::info_span!("store", item).entered();
        socket.broadcast().emit("placed", &item).queued
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let exporter = SpanExporter::builder().with_http().build()?;
    let provider = provider("orders").with_batch_exporter(exporter).build();
    tracing::subscriber::set_global_default(subscriber(&provider))?;
    let gateways = Server::new().intercept(EventSpans).monitoring("127.0.0.1:9000");
    let served = gateways.serve(std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:3000".to_owned())).await;
    // What waits is sent.
    provider.shutdown()?;
    Ok(served?)
}
