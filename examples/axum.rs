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

/// The routes, and the gateways for whatever is none of them.
async fn application() -> Result<Router, StartError> {
    let (gateways, _handle) = Server::new().into_service().await?;
    Ok(Router::new().route("/health", get(|| async { "ok" })).fallback_service(gateways))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:3000".to_owned());
    let listener = TcpListener::bind(address).await?;
    println!("listening on {}", listener.local_addr()?);
    axum::serve(listener, application().await?).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
    use tokio::net::TcpStream;

    use super::*;

    async fn start() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let application = application().await.unwrap();
        tokio::spawn(async move { axum::serve(listener, application).await });
        address
    }

    /// The first line of the answer to a request for `path`.
    async fn status(address: SocketAddr, path: &str, headers: &str) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n{headers}\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).await.unwrap();
        line
    }

    #[tokio::test]
    async fn routes_and_gateways_share_a_port() {
        let address = start().await;
        let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
        assert!(status(address, "/health", "").await.contains("200"));
        assert!(status(address, "/greeter", upgrade).await.contains("101"));
        assert!(status(address, "/nowhere", upgrade).await.contains("404"));
    }

    #[tokio::test(start_paused = true)]
    async fn who_greets_is_greeted() {
        let server = Server::empty().gateway::<Greeter>().test().await.unwrap();
        let mut ann = server.connect("/greeter").await.unwrap();
        assert_eq!(ann.emit_with_ack::<String>("greet", "Ann").await.unwrap(), "good morning, Ann");
    }
}
