//! The place of a request in a distributed trace: named by the handshake or by a message, read by handlers.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use gateway_core::SendError;
use gateway_core::extract::Extension;
use gateway_core::extract::TraceParent;
use gateway_core::prelude::*;
use gateway_core::testing::TestServer;
use serde_json::Value;

const ONE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const OTHER: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";

#[gateway(namespace = "/traced")]
struct Traced;

#[derive(Default)]
struct Tracing;

impl Interceptor for Tracing {
    async fn intercept(&self, context: &Context<'_>, next: Next<'_>) -> Reply {
        let trace = context.traceparent().map(|trace| trace.to_string());
        context.extensions().insert(trace);
        next.run().await
    }
}

#[gateway]
impl Traced {
    #[on_connect]
    fn joined(&self, socket: Socket, trace: Option<TraceParent>) -> Result<(), SendError> {
        socket.emit("joined", &trace.map(|trace| trace.to_string()))
    }

    #[subscribe]
    fn which(&self, trace: Option<TraceParent>) -> Option<String> {
        trace.map(|trace| trace.to_string())
    }

    #[subscribe]
    #[intercept(Tracing)]
    fn intercepted(&self, trace: Extension<Option<String>>) -> Option<String> {
        trace.0
    }
}

async fn server() -> TestServer {
    Server::empty().gateway::<Traced>().test().await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_handshake_names_it_by_header_or_query() {
    let server = server().await;
    for socket_io in [false, true] {
        for (path, header, expected) in [
            ("/traced", Some(ONE), Some(ONE)),
            (&*format!("/traced?traceparent={OTHER}"), None, Some(OTHER)),
            (&format!("/traced?traceparent={OTHER}"), Some(ONE), Some(ONE)),
            (&format!("/traced?traceparent={OTHER}"), Some("malformed"), Some(OTHER)),
            ("/traced?traceparent=malformed", None, None),
            ("/traced", None, None),
        ] {
            let mut connect = server.connect(path);
            if let Some(header) = header {
                connect = connect.header("traceparent", header);
            }
            if socket_io {
                // The path is the namespace; what is behind it belongs to the connection.
                connect = connect.socket_io();
            }
            let mut client = connect.await.unwrap();
            assert_eq!(client.expect_named("joined").await.as_str(), expected);
            for event in ["which", "intercepted"] {
                assert_eq!(client.emit_with_ack::<Value>(event, ()).await.unwrap().as_str(), expected);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_names_its_own() {
    let server = server().await;
    let mut client = server.connect("/traced").header("traceparent", OTHER).await.unwrap();
    client.expect_named("joined").await;
    for event in ["which", "intercepted"] {
        client.send_text(&format!(r#"{{"event":"{event}","traceparent":"{ONE}"}}"#)).await;
        assert_eq!(client.expect_named(event).await, ONE);
        for malformed in ["7", "\"00-no\"", "null", "{\"a\":1}"] {
            client.send_text(&format!(r#"{{"event":"{event}","traceparent":{malformed}}}"#)).await;
            assert_eq!(client.expect_named(event).await, OTHER, "{malformed}");
        }
    }

    let mut packed = server.connect("/traced").protocol("gateway.v1.msgpack").await.unwrap();
    packed.expect_named("joined").await;
    let message = [b"\x82\xa5event\xa5which\xabtraceparent\xd9\x37".as_slice(), ONE.as_bytes()].concat();
    packed.send_message(message).await;
    assert_eq!(packed.expect_named("which").await, ONE);
    // Binary where a text should be.
    packed.send_message(b"\x82\xa5event\xabintercepted\xabtraceparent\xc4\x01\x00".to_vec()).await;
    packed.expect_nothing().await;
}
