//! The server, and clients that say whatever they are told to.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use gateway_core::ServerHandle;
use gateway_core::http;
use gateway_core::prelude::*;
use gateway_core::serve::Body;
use gateway_core::serve::GatewayService;
use gateway_core::socket_io::EngineIo;
use http::{HeaderMap, Method, Request};
use http_body_util::{BodyExt, StreamBody};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::Value;
use tokio::io::DuplexStream;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message as Frame;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tower_service::Service;

/// Longer than anything a test waits for: a hang becomes a failure that names its line.
const PATIENCE: Duration = Duration::from_mins(5);

#[gateway(namespace = "/echo")]
pub(crate) struct Echo;

#[gateway]
impl Echo {
    #[on_message]
    fn echo(&self, message: Message) -> Message {
        message
    }
}

/// A started server; `/engine.io/` is its path.
#[derive(Clone)]
pub(crate) struct Engine {
    pub(crate) service: GatewayService,
    pub(crate) handle: ServerHandle,
}

/// The answer to a request.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The code and message of a refusal.
    pub(crate) fn refusal(&self) -> (u16, Value, String) {
        assert_eq!(self.header("content-type"), Some("application/json"));
        let json: Value = serde_json::from_str(&self.body).unwrap();
        (self.status, json["code"].clone(), json["message"].as_str().unwrap().to_owned())
    }
}

pub(crate) async fn engine() -> Engine {
    engine_with(EngineIo::new()).await
}

pub(crate) async fn engine_with(options: EngineIo) -> Engine {
    engine_of(Server::empty().engine_io("/engine.io/", "/echo", options)).await
}

pub(crate) async fn engine_of(server: Server) -> Engine {
    let (service, handle) = server.gateway::<Echo>().into_service().await.unwrap();
    Engine { service, handle }
}

pub(crate) fn get(uri: &str) -> http::request::Builder {
    Request::builder().uri(uri).header("host", "localhost")
}

impl Engine {
    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let (head, body) = self.fetch(request).await;
        Answer { status: head.status.as_u16(), headers: head.headers, body: String::from_utf8(body.into()).unwrap() }
    }

    pub(crate) async fn fetch(&self, request: Request<Body>) -> (http::response::Parts, Bytes) {
        let response = timeout(PATIENCE, self.service.clone().call(request)).await.expect("an answer").unwrap();
        let (head, body) = response.into_parts();
        (head, body.collect().await.unwrap().to_bytes())
    }

    pub(crate) async fn get(&self, uri: &str) -> Answer {
        self.send(get(uri).body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn request(&self, method: &str, uri: &str) -> Answer {
        let request = get(uri).method(Method::from_bytes(method.as_bytes()).unwrap());
        self.send(request.body(Body::empty()).unwrap()).await
    }

    /// Opens a session of long polling.
    pub(crate) async fn open(&self) -> String {
        let answer = self.get("/engine.io/?EIO=4&transport=polling").await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let open: Value = serde_json::from_str(answer.body.strip_prefix('0').unwrap()).unwrap();
        open["sid"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn poll(&self, id: &str) -> Answer {
        self.get(&session(id)).await
    }

    /// A poll that goes on beside the test.
    pub(crate) fn begin_poll(&self, id: &str) -> tokio::task::JoinHandle<Answer> {
        let (engine, id) = (self.clone(), id.to_owned());
        tokio::spawn(async move { engine.poll(&id).await })
    }

    pub(crate) async fn post(&self, id: &str, body: impl Into<Body>) -> Answer {
        self.send(post(id).body(body.into()).unwrap()).await
    }

    /// A POST that goes on beside the test.
    pub(crate) fn begin_post(&self, id: &str, body: impl Into<Body>) -> tokio::task::JoinHandle<Answer> {
        let (engine, request) = (self.clone(), post(id).body(body.into()).unwrap());
        tokio::spawn(async move { engine.send(request).await })
    }

    /// A byte stream to the server, as over a network.
    pub(crate) fn dial(&self) -> DuplexStream {
        let (client, server) = tokio::io::duplex(1 << 20);
        let service = self.service.clone();
        tokio::spawn(async move {
            let respond = service_fn(move |request| service.clone().call(request));
            let mut http = http1::Builder::new();
            let serving = http.timer(TokioTimer::new()).serve_connection(TokioIo::new(server), respond);
            let _ = serving.with_upgrades().await;
        });
        client
    }

    /// A WebSocket with this query; `Err` is the answer where it was refused.
    pub(crate) async fn try_websocket(&self, query: &str) -> Result<WebSocket, (u16, String)> {
        let request = get(&format!("ws://localhost/engine.io/?{query}"))
            .header("connection", "Upgrade")
            .header("upgrade", "websocket")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", generate_key())
            .body(())
            .unwrap();
        match tokio_tungstenite::client_async(request, self.dial()).await {
            Ok((stream, _)) => Ok(WebSocket(stream)),
            Err(tokio_tungstenite::tungstenite::Error::Http(response)) => {
                let text = response.body().clone().unwrap_or_default();
                Err((response.status().as_u16(), String::from_utf8(text).unwrap()))
            }
            Err(error) => panic!("{error}"),
        }
    }

    pub(crate) async fn websocket(&self, query: &str) -> WebSocket {
        self.try_websocket(query).await.unwrap()
    }

    /// A session that is a WebSocket from its start, greeted.
    pub(crate) async fn open_websocket(&self) -> WebSocket {
        let mut websocket = self.websocket("EIO=4&transport=websocket").await;
        assert!(websocket.text().await.starts_with("0{"));
        websocket
    }
}

pub(crate) fn session(id: &str) -> String {
    format!("/engine.io/?EIO=4&transport=polling&sid={id}")
}

pub(crate) fn post(id: &str) -> http::request::Builder {
    get(&session(id)).method(Method::POST).header("content-type", "text/plain;charset=UTF-8")
}

/// The client's end of a WebSocket.
pub(crate) struct WebSocket(pub WebSocketStream<DuplexStream>);

impl WebSocket {
    pub(crate) async fn send(&mut self, text: &str) {
        self.0.send(Frame::text(text)).await.unwrap();
    }

    pub(crate) async fn send_binary(&mut self, bytes: &[u8]) {
        self.0.send(Frame::binary(bytes.to_vec())).await.unwrap();
    }

    /// The next frame; a close frame is its code, 1005 where it has none.
    pub(crate) async fn next(&mut self) -> Received {
        loop {
            match timeout(PATIENCE, self.0.next()).await.expect("a frame") {
                Some(Ok(Frame::Text(text))) => return Received::Text(text.to_string()),
                Some(Ok(Frame::Binary(bytes))) => return Received::Binary(bytes.to_vec()),
                Some(Ok(Frame::Close(frame))) => {
                    return Received::Close(frame.map_or(1005, |frame| frame.code.into()));
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Received::End,
            }
        }
    }

    pub(crate) async fn text(&mut self) -> String {
        match self.next().await {
            Received::Text(text) => text,
            other => panic!("no text: {other:?}"),
        }
    }

    /// Code of the close frame.
    pub(crate) async fn closed(&mut self) -> u16 {
        match self.next().await {
            Received::Close(code) => code,
            other => panic!("not closed: {other:?}"),
        }
    }
}

#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Received {
    Text(String),
    Binary(Vec<u8>),
    Close(u16),
    End,
}

/// A body that begins and never ends.
pub(crate) fn endless(beginning: &'static [u8]) -> Body {
    struct Endless(Option<&'static [u8]>);

    impl http_body::Body for Endless {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<http_body::Frame<Bytes>, Infallible>>> {
            match self.0.take() {
                Some(beginning) => Poll::Ready(Some(Ok(http_body::Frame::data(beginning.into())))),
                None => Poll::Pending,
            }
        }
    }

    Body::new(Endless(Some(beginning)))
}

/// A body that begins with a text and goes on in so many pieces of one byte.
pub(crate) fn pieces(beginning: &'static str, count: usize) -> Body {
    let rest = std::iter::repeat_n("x", count);
    let frames =
        std::iter::once(beginning).chain(rest).map(|piece| Ok::<_, Infallible>(http_body::Frame::data(piece.into())));
    Body::new(StreamBody::new(futures_util::stream::iter(frames)))
}

/// Lets everything that can go on do so.
pub(crate) async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}
