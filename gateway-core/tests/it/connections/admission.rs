//! Admission: every way in makes the same checks in the same order.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::SocketAddr;

use gateway_core::http::{Request, StatusCode};
use gateway_core::limits::Limits;
use gateway_core::metrics::Counter;
use gateway_core::prelude::*;
use gateway_core::serve::Body;
use gateway_core::serve::{GatewayService, HandshakeRejection, PeerAddr};
use gateway_core::socket_io::EngineIo;
use gateway_core::testing::ConnectError;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower_service::Service;

/// A check, in the order in which they are made.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Step {
    Stopping,
    Connections,
    Address,
    Origin,
    Check,
    Guard,
}

const STEPS: [Step; 6] = [Step::Stopping, Step::Connections, Step::Address, Step::Origin, Step::Check, Step::Guard];

impl Step {
    /// The status and the text of its refusal.
    fn refusal(self) -> (u16, &'static str) {
        match self {
            Self::Stopping => (503, "the server stops"),
            Self::Connections => (503, "there are too many connections"),
            Self::Address => (429, "there are too many connections from this address"),
            Self::Origin => (403, "this origin is not allowed: `allow_origin` on the server allows it"),
            Self::Check => (402, "the check refused"),
            Self::Guard => (403, "the guard refused"),
        }
    }
}

/// A client that every check refuses from the first of these on, and none before.
#[derive(Clone, Copy, Debug)]
struct Offences(Option<Step>);

impl Offences {
    fn has(self, step: Step) -> bool {
        self.0.is_some_and(|first| step >= first)
    }

    fn limits(self) -> Limits {
        let limits = Limits::default();
        let limits = if self.has(Step::Connections) { limits.connections(0) } else { limits };
        if self.has(Step::Address) { limits.connections_per_address(0) } else { limits }
    }

    fn server(self) -> Server {
        let server = Server::empty().gateway::<Guarded>().gateway::<Echo>().limits(self.limits());
        let server = server.engine_io("/engine.io/", "/echo", EngineIo::new());
        let server = if self.has(Step::Origin) { server } else { server.allow_any_origin() };
        server.allow_request(|handshake| async move {
            if handshake.header("x-check").is_none() {
                return Ok(());
            }
            Err(HandshakeRejection::new(StatusCode::PAYMENT_REQUIRED, "the check refused"))
        })
    }

    fn headers(self) -> Vec<(&'static str, &'static str)> {
        let mut headers = vec![("origin", "https://elsewhere.example")];
        headers.extend(self.has(Step::Check).then_some(("x-check", "refuse")));
        headers.extend(self.has(Step::Guard).then_some(("x-guard", "refuse")));
        headers
    }
}

#[derive(Default)]
struct Named;

impl Guard for Named {
    type Grants = ();

    fn check(&self, context: &GuardContext<'_>) -> Result<Grant, Exception> {
        match context.handshake().header("x-guard") {
            Some(_) => Err(Exception::new("forbidden", "the guard refused")),
            None => Grant::when(true),
        }
    }
}

#[gateway(namespace = "/guarded")]
#[guard(Named)]
struct Guarded;

#[gateway]
impl Guarded {
    #[subscribe]
    fn ping(&self) -> &'static str {
        "pong"
    }
}

#[gateway(namespace = "/echo")]
#[guard(Named)]
struct Echo;

#[gateway]
impl Echo {
    #[on_message]
    fn echo(&self, message: Message) -> Message {
        message
    }
}

/// A way to a connection.
#[derive(Clone, Copy, Debug)]
enum Way {
    Plain,
    Polling,
    WebSocket,
}

impl Way {
    fn request(self, offences: Offences) -> Request<Body> {
        let uri = match self {
            Self::Plain => "/guarded",
            Self::Polling => "/engine.io/?EIO=4&transport=polling",
            Self::WebSocket => "/engine.io/?EIO=4&transport=websocket",
        };
        let mut request = Request::builder().uri(uri).header("host", "localhost");
        if !matches!(self, Self::Polling) {
            request = request
                .header("connection", "Upgrade")
                .header("upgrade", "websocket")
                .header("sec-websocket-version", "13")
                .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
        }
        for (name, value) in offences.headers() {
            request = request.header(name, value);
        }
        let peer: SocketAddr = "203.0.113.7:4711".parse().unwrap();
        request.extension(PeerAddr(peer)).body(Body::empty()).unwrap()
    }

    /// The status and the text of the answer.
    async fn answer(self, mut service: GatewayService, offences: Offences) -> (u16, String) {
        let (head, body) = service.call(self.request(offences)).await.unwrap().into_parts();
        let body = String::from_utf8(body.collect().await.unwrap().to_bytes().into()).unwrap();
        let text = match serde_json::from_str::<Value>(&body) {
            Ok(refusal) => refusal["message"].as_str().unwrap().to_owned(),
            Err(_) => body.trim_end().to_owned(),
        };
        (head.status.as_u16(), text)
    }
}

/// For a request that asks for a WebSocket the reference answers 400 to what does not pass with time.
fn status_of_engine_io(way: Way, status: u16) -> u16 {
    match way {
        Way::WebSocket if status != 503 && status != 429 => 400,
        Way::Plain | Way::Polling | Way::WebSocket => status,
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_client_hears_of_the_first_check_it_fails_whichever_way_it_comes() {
    for way in [Way::Plain, Way::Polling, Way::WebSocket] {
        for step in STEPS {
            let offences = Offences(Some(step));
            let (service, handle) = offences.server().into_service().await.unwrap();
            if offences.has(Step::Stopping) {
                handle.shutdown();
            }
            let (status, text) = step.refusal();
            let expected = (status_of_engine_io(way, status), text.to_owned());
            assert_eq!(way.answer(service, offences).await, expected, "{way:?} from {step:?} on");
            assert_eq!(handle.count(Counter::RejectedHandshakes), 1, "{way:?} from {step:?} on");
        }
        let offences = Offences(None);
        let (service, handle) = offences.server().into_service().await.unwrap();
        let (status, text) = way.answer(service, offences).await;
        assert!([101, 200].contains(&status), "{way:?}: {status} {text}");
        assert_eq!(handle.count(Counter::RejectedHandshakes), 0, "{way:?}");
    }
}

/// Clients in memory have no address.
#[tokio::test(start_paused = true)]
async fn a_refused_client_in_memory_hears_of_the_first_check_it_fails() {
    for step in STEPS.into_iter().filter(|step| *step != Step::Address) {
        let offences = Offences(Some(step));
        let server = offences.server().test().await.unwrap();
        if offences.has(Step::Stopping) {
            server.handle().shutdown();
        }
        let (status, text) = step.refusal();
        for is_socket_io in [false, true] {
            let mut client = server.connect("/guarded");
            for (name, value) in offences.headers() {
                client = client.header(name, value);
            }
            let refused = if is_socket_io { client.socket_io().await } else { client.await };
            match refused.unwrap_err() {
                ConnectError::Rejected { status: found, text: found_text } => {
                    assert_eq!((found.as_u16(), found_text.as_str()), (status, text), "from {step:?} on");
                }
                // The guards of a namespace that is asked for on a connection run there.
                ConnectError::Refused(failure, _) => {
                    assert!(is_socket_io && step == Step::Guard, "from {step:?} on");
                    assert_eq!(failure.message(), text);
                }
                other => panic!("from {step:?} on: {other:?}"),
            }
        }
    }
    let offences = Offences(None);
    let server = offences.server().test().await.unwrap();
    let mut ann = server.connect("/guarded").await.unwrap();
    assert_eq!(ann.emit_with_ack::<String>("ping", json!(null)).await.unwrap(), "pong");
}

#[tokio::test(start_paused = true)]
async fn a_connection_in_memory_counts_until_it_ends() {
    let server = Server::empty().gateway::<Guarded>().limits(Limits::default().connections(1)).test().await.unwrap();
    let ann = server.connect("/guarded").await.unwrap();
    assert!(matches!(server.connect("/guarded").await, Err(ConnectError::Rejected { .. })));
    ann.close().await;
    server.connect("/guarded").await.unwrap();
}
