//! Behaviour of `rust_socketio` over each of its transports. Version 0.6 cannot
//!
//! * answer a question of the server: it drops the id of an event that wants an ack;
//! * read more than the first binary of an event, or what stands beside it;
//! * read binaries over polling, whose parts it looks for in the next answer;
//! * read an ack with a binary in it, or to an event with one;
//! * give the name of an event that has no arguments, which it takes for the argument of `message`;
//! * have several namespaces on one connection, or come back as the same socket.

use gateway_clients::{Detour, Fixture, Peer, arguments};
use rust_socketio::asynchronous::ClientBuilder;
use rust_socketio::{Payload, TransportType};
use serde_json::{Value, json};
use tokio::join;

const TRANSPORTS: [TransportType; 4] =
    [TransportType::Any, TransportType::Websocket, TransportType::WebsocketUpgrade, TransportType::Polling];

/// Returns `true` if the socket still answers.
async fn is_alive(peer: &Peer) -> bool {
    arguments(peer.ask("message-with-ack", json!("alive")).await) == [json!(["alive"])]
}

#[tokio::test]
async fn credentials_reach_the_gateway() {
    let server = Fixture::start("wire").await;
    for transport in TRANSPORTS {
        let credentials = json!({"token": "123", "deep": {"list": [1, "ä", null]}});
        let mut peer = Peer::with(&server, transport, |builder| builder.auth(credentials.clone())).await;
        assert_eq!(peer.arguments("auth").await, [credentials]);
        assert!(is_alive(&peer).await);
    }
}

#[tokio::test]
async fn a_second_namespace_is_joined() {
    let server = Fixture::start("wire").await;
    for transport in TRANSPORTS {
        for namespace in ["/custom", "/dynamic-7"] {
            let mut peer = Peer::with(&server, transport.clone(), |builder| builder.namespace(namespace)).await;
            assert_eq!(peer.arguments("auth").await, [json!({})]);
            assert!(is_alive(&peer).await);
        }
    }
}

#[tokio::test]
async fn several_arguments_come_back() {
    let server = Fixture::start("wire").await;
    for transport in TRANSPORTS {
        let mut peer = Peer::connect(&server, transport).await;
        for sent in [vec![json!(1)], vec![json!(1), json!("zwei"), json!({"3": [true]})], vec![Value::Null, json!([])]]
        {
            peer.client.emit("message", sent.clone()).await.expect("a connection");
            assert_eq!(peer.arguments("message-back").await, sent);
            // The client gives an ack's arguments as one array.
            assert_eq!(arguments(peer.ask("message-with-ack", sent.clone()).await), [Value::Array(sent)]);
        }
    }
}

#[tokio::test]
async fn binaries_come_back() {
    let server = Fixture::start("wire").await;
    for transport in [TransportType::Any, TransportType::Websocket, TransportType::WebsocketUpgrade] {
        let mut peer = Peer::connect(&server, transport).await;
        for sent in [vec![1, 2, 3], vec![0; 1], vec![7; 50_000]] {
            peer.client.emit("message", sent.clone()).await.expect("a connection");
            assert_eq!(peer.next("message-back").await, Payload::from(sent));
        }
        assert!(is_alive(&peer).await);
    }
}

#[tokio::test]
async fn a_room_is_heard_in_order() {
    let server = Fixture::start("wire").await;
    for transport in TRANSPORTS {
        let ann = Peer::connect(&server, transport.clone()).await;
        let mut bob = Peer::connect(&server, transport).await;
        bob.client.emit("join", json!("r")).await.expect("a connection");
        assert!(is_alive(&bob).await);
        for number in 0..50 {
            ann.client.emit("to", vec![json!("r"), json!(number)]).await.expect("a connection");
        }
        for number in 0..50 {
            assert_eq!(bob.arguments("room-msg").await, [json!(number)]);
        }
        bob.client.emit("burst", json!(100)).await.expect("a connection");
        for number in 0..100 {
            assert_eq!(bob.arguments("n").await, [json!(number)]);
        }
    }
}

#[tokio::test]
async fn a_refusal_is_told() {
    let server = Fixture::start("wire").await;
    for transport in TRANSPORTS {
        let mut peer = Peer::with(&server, transport, |builder| builder.namespace("/auth-fail")).await;
        let told = arguments(peer.next("error").await);
        assert!(told[0].to_string().contains("not authorized"), "{told:?}");
    }
}

#[tokio::test]
async fn who_is_kicked_hears_of_it() {
    let server = Fixture::start("wire").await;
    for transport in TRANSPORTS {
        let mut peer = Peer::connect(&server, transport).await;
        peer.client.emit("kick", json!(null)).await.expect("a connection");
        peer.next("close").await;
    }
}

#[tokio::test]
async fn a_client_stays_over_pings() {
    let server = Fixture::start("socket-io-client").await;
    let stay = async |transport| {
        let mut peer = Peer::with(&server, transport, |builder| builder).await;
        peer.next("connect").await;
        server.two_pings().await;
        assert_eq!(arguments(peer.ask("echo", json!("alive")).await), [json!(["alive"])]);
    };
    let [any, websocket, upgrade, polling] = TRANSPORTS;
    join!(stay(any), stay(websocket), stay(upgrade), stay(polling));
}

#[tokio::test]
async fn a_client_comes_back() {
    let server = Fixture::start("wire").await;
    for transport in TRANSPORTS {
        let detour = Detour::to(&server).await;
        let set_up = |builder: ClientBuilder| builder.reconnect(true).reconnect_delay(20, 100);
        let mut peer = Peer::at(&detour.url(), transport, set_up).await;
        peer.next("auth").await;
        detour.cut();
        peer.next("auth").await;
        assert!(is_alive(&peer).await);
    }
}
