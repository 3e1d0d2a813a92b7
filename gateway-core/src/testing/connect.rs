//! Connecting a client in memory.

use std::future::IntoFuture;
use std::pin::Pin;
use std::sync::Arc;

use http::header::{HeaderMap, HeaderName, HeaderValue};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use serde_json::Value;
use serde_json::value::to_raw_value;
use tokio::sync::oneshot;

use crate::connection::{ConnectionConfig, ConnectionScope, serve};
use crate::limits::Limits;
use crate::metrics::TestLog;
use crate::protocol::WireFormat;
use crate::server::guard_upgrade;
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
            lost: LostConnection::default(),
        }
    }

    /// Adds a header.
    ///
    /// # Panics
    ///
    /// When the name or value may not stand in a header.
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

    /// Connects as a client of Socket.IO does: the path is the namespace that it asks for. A stream has no form of its own there:
    /// [`TestClient::stream`] reads the events on the request's name, up to the ack.
    pub fn socket_io(mut self) -> Self {
        self.socket_io = true;
        self
    }

    /// Asks to be told what [`TestClient::lose`] needs to resume, where the server recovers. Clients of Socket.IO are
    /// told unasked.
    pub fn resumable(mut self) -> Self {
        self.resumable = true;
        self
    }

    /// Asks to be the same socket as one whose connection was lost.
    pub fn come_back(mut self, lost: &LostConnection) -> Self {
        self.lost = lost.clone();
        self.resumable()
    }

    /// Starts to connect without waiting for the connect hook's verdict: what the client sends meanwhile waits for it.
    ///
    /// # Errors
    ///
    /// [`ConnectError::NotFound`] when there is no gateway at this path.
    ///
    /// # Panics
    ///
    /// When the credentials cannot be written, which those that were given by [`ConnectBuilder::auth`] can.
    pub fn without_waiting(mut self) -> Result<TestClient, ConnectError> {
        if self.socket_io {
            return Ok(self.ask_for_namespace());
        }
        if self.resumable {
            let LostConnection { key, offset } = self.lost.clone();
            self = self.query("resume", &key.unwrap_or_default());
            if let Some(offset) = offset {
                self = self.query("offset", &offset);
            }
        }
        let server = Arc::clone(&self.server.server);
        let application = Arc::clone(&server.application);
        let found = application.routes.find(&self.path).ok_or(ConnectError::NotFound)?;
        let mut handshake = Handshake::new(found.name.clone(), &self.query, &self.headers, None);
        if let Some(auth) = self.auth {
            let auth = to_raw_value(&auth).expect("a value is JSON");
            handshake = handshake.with_auth(auth);
        }
        let mut found = found;
        let offered = self.protocols.iter().map(String::as_str);
        let test_log = TestLog::kept();
        let handshake = handshake
            .with_diary(test_log.clone())
            .with_protocol(choose(offered, &server.subprotocols))
            .with_parameters(std::mem::take(&mut found.parameters));
        let (transport, peer) = memory::pair();
        let config = ConnectionConfig::plain(&application, &found.route, &handshake);
        let frames = PlainFrames::new(self.resumable, self.lost);
        let dialect =
            if handshake.protocol() == Some(MSGPACK) { Dialect::PlainMsgpack } else { Dialect::Plain(frames) };
        let (tell, told) = oneshot::channel();
        let tasks = server.shared.tasks.clone();
        tasks.spawn(async move {
            match guard_upgrade(&application, &found.route, &handshake).await {
                Ok(grants) => found.grants = grants,
                // A test that is over does not want to know.
                Err(refusal) => return drop(tell.send(refusal)),
            }
            serve(transport, application, ConnectionScope::Namespace(found), handshake, config).await;
        });
        Ok(TestClient::new(peer, dialect).rejected_by(told).with_diary(test_log))
    }

    fn ask_for_namespace(self) -> TestClient {
        let server = &self.server.server;
        let test_log = TestLog::kept();
        let handshake = Handshake::new("/socket.io/".to_owned(), &self.query, &self.headers, None);
        let handshake = handshake.with_diary(test_log.clone());
        let (transport, peer) = memory::engine_pair();
        let transport = EngineTransport::new(transport);
        let application = Arc::clone(&server.application);
        let entry = ConnectionScope::Multiplexed(application.limits.connect_timeout);
        let config = socket_io(&application.limits);
        server.shared.tasks.spawn(serve(transport, application, entry, handshake, config));
        let packets = SocketIoPackets::new(&self.path, self.lost);
        peer.send(ClientFrame::Message(packets.connect(self.auth.as_ref()).into()));
        TestClient::new(peer, Dialect::SocketIo(packets)).with_diary(test_log)
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

/// Socket.IO, kept alive as the limits say.
fn socket_io(limits: &Limits) -> ConnectionConfig {
    let Limits { ping_interval: interval, ping_timeout: timeout, .. } = *limits;
    let heartbeat_config = HeartbeatConfig { interval, timeout, ping_mode: PingMode::Steadily };
    ConnectionConfig { format: WireFormat::SocketIo, heartbeat_config }
}
