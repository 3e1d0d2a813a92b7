//! Gateways inside an axum application, beside its own routes, on one port.
//!
//! `cargo run --example axum`: `http://127.0.0.1:3000/health` is axum's, `ws://127.0.0.1:3000/greeter` is the gateway's.

use axum::Router;
use axum::routing::get;
use gateway_core::prelude::*;
use tokio::net::TcpListener;

#[gateway(namespace = "/greeter")]
struct Greeter;

#[gateway]
impl Greeter {
    #[subscribe("greet")]
    fn greet(&self, Data(name): Data<String>) -> String {
        format!("good morning, {name}")
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:3000".to_owned());
    let (gateways, _handle) = Server::new().into_service().await?;
    let application = Router::new().route("/health", get(|| async { "ok" })).fallback_service(gateways);
    let listener = TcpListener::bind(address).await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, application).await?;
    Ok(())
}
