//! Data of a handshake, which is kept for as long as the client is there.

use std::collections::HashMap;

use gateway_core::prelude::*;
use gateway_tests::{Raw, upgrade_request};
use tokio::net::TcpStream;

use crate::gateway::Target;
use crate::{Growth, alone, settle};

const KIB: usize = 1024;
const CONNECTIONS: usize = 50;

/// As many namespaces as somebody asks for.
#[gateway(namespace = "/many/{name}")]
struct Many;

#[gateway]
impl Many {
    #[subscribe]
    fn credentials(&self, handshake: Handshake) -> usize {
        handshake.auth::<HashMap<String, String>>().map_or(0, |credentials| credentials["t"].len())
    }
}

/// Parameters that fill so many bytes.
fn query(parameters: usize, bytes: usize) -> String {
    let value = "x".repeat(bytes / parameters - 3);
    format!("a={value}&").repeat(parameters)
}

async fn ask(target: &Target, request: &str) -> (u16, TcpStream) {
    let mut client = Raw::dial(target.address).await;
    let status = client.ask(request).await.status;
    (status, client.into_inner())
}

#[tokio::test]
async fn a_query_is_kept_in_its_bytes() {
    let _alone = alone().await;
    let target = Target::start().await;
    for (query, most) in [
        (query(100, 14 * KIB), 24 * KIB),
        (query(100, 400), 8 * KIB),
        ("a&".repeat(100), 8 * KIB),
        (String::new(), 6 * KIB),
    ] {
        let mut clients = Vec::with_capacity(CONNECTIONS);
        settle().await;
        let mut growth = Growth::begin();
        for _ in 0..CONNECTIONS {
            let (status, client) = ask(&target, &upgrade_request(&format!("/prey?{query}"), "")).await;
            assert_eq!(status, 101);
            clients.push(client);
        }
        settle().await;
        let each = growth.now() / CONNECTIONS;
        println!("{each} bytes for a connection with {} bytes of query", query.len());
        assert!(each <= most, "{each}");
        drop(clients);
        target.is_empty().await;
    }
}

#[tokio::test]
async fn a_session_of_polling_keeps_its_query_in_its_bytes() {
    let _alone = alone().await;
    let target = Target::start().await;
    for (query, most) in [(query(90, 14 * KIB), 24 * KIB), ("a&".repeat(90), 8 * KIB)] {
        settle().await;
        let mut growth = Growth::begin();
        for _ in 0..CONNECTIONS {
            let head = format!("GET /socket.io/?EIO=4&transport=polling&{query} HTTP/1.1\r\nHost: localhost\r\n");
            assert_eq!(ask(&target, &format!("{head}Connection: close\r\n\r\n")).await.0, 200);
        }
        settle().await;
        let each = growth.now() / CONNECTIONS;
        println!("{each} bytes for a session that nobody claims, with {} bytes of query", query.len());
        assert!(each <= most, "{each}");
    }
}

#[tokio::test]
async fn of_thousands_of_parameters_none_is_kept() {
    let _alone = alone().await;
    let target = Target::start().await;
    let many = "a&".repeat(7000);
    let polling = format!("GET /socket.io/?EIO=4&transport=polling&{many} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let mut clients = Vec::with_capacity(2 * CONNECTIONS);
    settle().await;
    let mut growth = Growth::begin();
    for request in [upgrade_request(&format!("/prey?{many}"), ""), polling] {
        for _ in 0..CONNECTIONS {
            let (status, client) = ask(&target, &request).await;
            assert_eq!(status, 414);
            clients.push(client);
        }
    }
    drop(clients);
    settle().await;
    println!("{} bytes are left", growth.now());
    assert!(growth.now() <= 64 * KIB, "{}", growth.now());
}

/// Credentials of so many bytes.
fn credentials(length: usize) -> String {
    format!("{{\"t\":\"{}\"}}", "x".repeat(length - 8))
}

#[tokio::test]
async fn credentials_of_namespaces_are_bounded() {
    const NAMESPACES: usize = 32;
    let _alone = alone().await;
    let target = Target::with(Server::gateway::<Many>).await;
    let mut client = Raw::connect(target.address, "/socket.io/?EIO=4&transport=websocket").await;
    assert!(client.next_text().await.starts_with("0{"));
    settle().await;
    let mut growth = Growth::begin();
    for length in [990_000, 16 * KIB + 1] {
        for name in 0..NAMESPACES {
            client.text(&format!("40/many/{name},{}", credentials(length))).await;
            let answer = client.next_text().await;
            assert_eq!(answer, format!("44/many/{name},{{\"message\":\"Credentials too large\"}}"));
        }
    }
    settle().await;
    println!("{} bytes for what was refused", growth.now());
    assert!(growth.now() <= 64 * KIB, "{}", growth.now());
    for name in 0..NAMESPACES {
        client.text(&format!("40/many/{name},{}", credentials(16 * KIB))).await;
        assert!(client.next_text().await.starts_with(&format!("40/many/{name},{{")));
    }
    settle().await;
    let each = growth.now() / NAMESPACES;
    println!("{each} bytes for a namespace with 16 KiB of credentials");
    assert!(each <= 24 * KIB, "{each}");
    client.text("42/many/7,0[\"credentials\"]").await;
    assert_eq!(client.next_text().await, format!("43/many/7,0[{}]", 16 * KIB - 8));
}
