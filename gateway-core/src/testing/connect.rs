//! The builder of a connection in memory.

use std::future::IntoFuture;
use std::pin::Pin;
use std::sync::Arc;

use http::header::{HeaderMap, HeaderName, HeaderValue, ORIGIN};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use serde_json::Value;
use serde_json::value::to_raw_value;
use tokio::sync::oneshot;

use crate::connection::{ConnectionConfig, serve};
use crate::limits::Limits;
use crate::metrics::{RejectedHandshake, TestLog};
use crate::protocol::{Framing, WireFormat};
use crate::server::{
    Admitted, ConnectionRequest, Destination, HandshakeRejection, Serves, StartedServer, admit, note_rejected,
};
use crate::session::{HeartbeatConfig, PingMode};
use crate::testing::client::TestClient;
use crate::testing::dialect::{Dialect, LostConnection, PlainFrames, SocketIoPackets};
use crate::testing::frame::ConnectError;
use crate::testing::server::TestServer;
use crate::transport::memory::ClientFrame;
use crate::transport::{EngineTransport, Handshake, MSGPACK, choose, memory};

/// A client that has not connected yet.
#[derive(Debug)]
#[must_use = "a client connects when it is awaited"]
pub struct ConnectBuilder<'a> {
    server: &'a TestServer,
    path: String,
    query: String,
    headers: HeaderMap,
    auth: Option<Value>,
    protocols: Vec<String>,
    socket_io: bool,
    resumable: bool,
    over_lines: bool,
    lost: LostConnection,
}

impl<'a> ConnectBuilder<'a> {
    pub(super) fn new(server: &'a TestServer, path: &str) -> Self {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        Self {
            server,
            path: path.to_owned(),
            query: query.to_owned(),
            headers: HeaderMap::new(),
            auth: None,
            protocols: Vec::new(),
            socket_io: false,
            resumable: false,
            over_lines: false,
            lost: LostConnection::default(),
        }
    }

    pub(super) fn over_lines(mut self) -> Self {
        self.over_lines = true;
        self
    }

    /// Adds a header.
    ///
    /// # Panics
    ///
    /// When the name or value is invalid in a header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let name = HeaderName::try_from(name).expect("a header name");
        self.headers.append(name, HeaderValue::try_from(value).expect("a header value"));
        self
    }

    /// Adds a query parameter.
    pub fn query(mut self, name: &str, value: &str) -> Self {
        let encode = |text| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let separator = if self.query.is_empty() { "" } else { "&" };
        self.query = format!("{}{separator}{}={}", self.query, encode(name), encode(value));
        self
    }

    /// Sends credentials, as [`Handshake::auth`] reads them.
    ///
    /// # Panics
    ///
    /// When they cannot be serialised.
    pub fn auth<T: Serialize>(mut self, credentials: T) -> Self {
        self.auth = Some(serde_json::to_value(credentials).expect("credentials that can be serialised"));
        self
    }

    /// Offers a subprotocol. With `gateway.v1.msgpack` the client speaks MessagePack.
    pub fn protocol(mut self, name: &str) -> Self {
        self.protocols.push(name.to_owned());
        self
    }

    /// Connects as a client of Socket.IO; the path is the namespace. Socket.IO has no packets for streams, so
    /// [`TestClient::stream`] reads events with the request's name up to the ack.
    pub fn socket_io(mut self) -> Self {
        self.socket_io = true;
        self
    }

    /// Requests the data that [`TestClient::lose`] returns, from a server with recovery. Clients of Socket.IO always get it.
    pub fn resumable(mut self) -> Self {
        self.resumable = true;
        self
    }

    /// Requests to resume the socket of a lost connection.
    pub fn come_back(mut self, lost: &LostConnection) -> Self {
        self.lost = lost.clone();
        self.resumable()
    }

    /// Starts to connect without waiting for the connect hook. Messages that the client sends meanwhile wait for the hook.
    ///
    /// # Errors
    ///
    /// [`ConnectError::NotFound`] when no gateway serves this path, over lines also for a raw gateway.
    ///
    /// # Panics
    ///
    /// When the credentials cannot be serialised; [`ConnectBuilder::auth`] accepts only those that can.
    pub fn without_waiting(mut self) -> Result<TestClient, ConnectError> {
        if self.socket_io {
            return Ok(self.request_namespace());
        }
        if self.resumable {
            let LostConnection { key, offset } = self.lost.clone();
            self = self.query("resume", &key.unwrap_or_default());
            if let Some(offset) = offset {
                self = self.query("offset", &offset);
            }
        }
        let server = Arc::clone(&self.server.server);
        let found = server.application.routes.find(&self.path).ok_or(ConnectError::NotFound)?;
        let over_lines = self.over_lines;
        if over_lines && found.route.router.raw().is_some() {
            return Err(ConnectError::NotFound);
        }
        let auth = self.auth.map(|auth| to_raw_value(&auth).expect("a value is JSON"));
        let test_log = TestLog::kept();
        let offered = self.protocols.iter().map(String::as_str);
        let protocol = choose(offered, &server.subprotocols).map(str::to_owned);
        let frames = PlainFrames::new(self.resumable || over_lines, self.lost);
        let is_packed = protocol.as_deref() == Some(MSGPACK);
        let dialect = if is_packed { Dialect::PlainMsgpack(frames) } else { Dialect::Plain(frames) };
        let (transport, peer) = if over_lines { memory::lines_pair() } else { memory::pair() };
        let (tell, told) = oneshot::channel();
        let complete = move |handshake: Handshake| {
            let handshake = handshake.with_protocol(protocol.as_deref());
            match auth {
                Some(auth) => handshake.with_auth(auth),
                None => handshake,
            }
        };
        let (query, headers) = (self.query, self.headers);
        let tasks = server.shared.tasks.clone();
        let connection = async move {
            let request = ConnectionRequest {
                destination: Destination::Namespace(found),
                query: &query,
                headers: &headers,
                peer: None,
                engine: None,
                cors: None,
            };
            let Some(admitted) = admitted(&server, request, complete, tell).await else { return };
            let Admitted { scope, handshake, permit: _permit } = admitted;
            let application = Arc::clone(&server.application);
            let config = if over_lines {
                ConnectionConfig::lines(&application, &handshake, Framing::Lines)
            } else {
                ConnectionConfig::plain(&application, &scope, &handshake)
            };
            serve(transport, application, scope, handshake, config).await;
        };
        let connection = self.server.killed.clone().run_until_cancelled_owned(connection);
        tasks.spawn(test_log.clone().follow(connection));
        Ok(TestClient::new(peer, dialect).rejected_by(told).with_log(test_log))
    }

    fn request_namespace(self) -> TestClient {
        let server = Arc::clone(&self.server.server);
        let test_log = TestLog::kept();
        let (transport, peer) = memory::engine_pair();
        let transport = EngineTransport::new(transport);
        let (tell, told) = oneshot::channel();
        let (query, headers) = (self.query, self.headers);
        let tasks = server.shared.tasks.clone();
        let connection = async move {
            let limits = &server.application.limits;
            let path = "/socket.io/".to_owned();
            let engine = server.engines.iter().find(|engine| engine.serves == Serves::SocketIo);
            let request = ConnectionRequest {
                destination: Destination::Multiplexed { path, connect_timeout: limits.connect_timeout },
                query: &query,
                headers: &headers,
                peer: None,
                engine: engine.map(|engine| &*engine.options),
                cors: engine.and_then(|engine| engine.options.cors.as_ref()),
            };
            let Some(admitted) = admitted(&server, request, |handshake| handshake, tell).await else { return };
            let Admitted { scope, handshake, permit: _permit } = admitted;
            let config = socket_io(limits);
            serve(transport, Arc::clone(&server.application), scope, handshake, config).await;
        };
        let connection = self.server.killed.clone().run_until_cancelled_owned(connection);
        tasks.spawn(test_log.clone().follow(connection));
        let packets = SocketIoPackets::new(&self.path, self.lost);
        peer.send(ClientFrame::Message(packets.connect(self.auth.as_ref()).into()));
        TestClient::new(peer, Dialect::SocketIo(packets)).rejected_by(told).with_log(test_log)
    }
}

/// Admits a client as a server on a port does. A client that is not admitted reads why.
async fn admitted(
    server: &StartedServer,
    request: ConnectionRequest<'_>,
    complete: impl FnOnce(Handshake) -> Handshake,
    tell: oneshot::Sender<HandshakeRejection>,
) -> Option<Admitted> {
    let (path, headers) = (request.path().to_owned(), request.headers);
    match admit(server, request, complete).await {
        Ok(admitted) => Some(admitted),
        Err(rejection) => {
            let rejected = RejectedHandshake {
                why: rejection.why(),
                status: rejection.status().as_u16(),
                text: rejection.text(),
                path: &path,
                origin: headers.get(ORIGIN).and_then(|origin| origin.to_str().ok()),
            };
            note_rejected(server, rejected);
            // The receiver is gone when the test is over.
            let _ = tell.send(rejection);
            None
        }
    }
}

impl<'a> IntoFuture for ConnectBuilder<'a> {
    type Output = Result<TestClient, ConnectError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let mut client = self.without_waiting()?;
            client.admitted().await?;
            Ok(client)
        })
    }
}

/// Configuration of Socket.IO with the heartbeat of the limits.
fn socket_io(limits: &Limits) -> ConnectionConfig {
    let Limits { ping_interval: interval, ping_timeout: timeout, .. } = *limits;
    let heartbeat_config = HeartbeatConfig { interval, timeout, ping_mode: PingMode::Steadily };
    ConnectionConfig { format: WireFormat::SocketIo, heartbeat_config }
}
