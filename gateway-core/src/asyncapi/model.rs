//! The contract: namespaces, what is said in them in both directions, and the schemas of what is said. Data only.

use std::collections::BTreeMap;

use serde_json::Value;

/// The contract of a server: what its clients may send, what they are answered, and what they receive.
///
/// [`Server::contract`](crate::Server::contract) derives it from the signatures of all handlers. Its schemas are JSON Schema of draft 07;
/// a reference `#/components/schemas/Name` points into [`schemas`](Contract::schemas). Lists are sorted by path or name, so two servers
/// with the same handlers have equal contracts, whatever the order of their files.
///
/// [`Contract::to_json`] and [`Contract::from_json`] keep everything except the lines of [`SourcePlace`].
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Contract {
    /// Name of the application. Default: the name of the crate that declares the first gateway.
    pub title: String,
    /// Version of the application. Default: that of the package that declares the first gateway.
    pub version: String,
    /// Text about the application, in Markdown.
    pub description: Option<String>,
    /// Ways to reach the server.
    pub servers: Vec<ContractServer>,
    /// Namespaces, sorted by path.
    pub namespaces: Vec<NamespaceContract>,
    /// Guards by name. [`NamespaceContract::guards`] and [`ClientEvent::guards`] name them.
    pub guards: BTreeMap<String, GuardContract>,
    /// Schemas of types by name, as JSON Schema of draft 07.
    pub schemas: BTreeMap<String, Value>,
}

/// One way to reach the server.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ContractServer {
    /// Name within the document.
    pub name: String,
    /// Host with its port, such as `chat.example.com`.
    pub host: String,
    /// Protocol of the clients.
    pub protocol: WireProtocol,
    /// `true` for `wss` and `https`.
    pub is_encrypted: bool,
    /// Path before the namespaces; for Socket.IO the path of its endpoint.
    pub path: Option<String>,
}

/// Protocol between a server and its clients.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum WireProtocol {
    /// JSON envelopes over WebSocket.
    Plain,
    /// Socket.IO 5 over Engine.IO 4.
    SocketIo,
}

/// A namespace.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct NamespaceContract {
    /// Path with its parameters, such as `/chat/{room}`.
    pub path: String,
    /// Doc comments of its gateways.
    pub description: Option<String>,
    /// Parameters of the path, in its order.
    pub parameters: Vec<Parameter>,
    /// Names of the guards before every connection and event, in the order they run.
    pub guards: Vec<String>,
    /// The `auth` payload with which a client connects.
    pub credentials: Option<Payload>,
    /// Codes with which a connect hook refuses a client.
    pub refusals: Failures,
    /// Events that clients send, sorted by name.
    pub requests: Vec<ClientEvent>,
    /// Events that the server sends, sorted by name.
    pub events: Vec<ServerEvent>,
    /// `true` for a raw gateway: whole messages in both directions, without an envelope.
    pub is_raw: bool,
    /// Declarations of its gateways.
    pub sources: Vec<SourcePlace>,
}

/// A parameter of a namespace's path.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Parameter {
    /// Name between the braces.
    pub name: String,
    /// Doc comment of the field that reads it.
    pub description: Option<String>,
    /// Allowed values; empty if there are others than can be listed.
    pub values: Vec<String>,
    /// Schema of the type that a handler reads it as.
    pub schema: Option<Value>,
}

/// An event that clients send.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct ClientEvent {
    /// Name, or a pattern such as `order.*`.
    pub name: String,
    /// Doc comment of the handler.
    pub description: Option<String>,
    /// Set by `#[deprecated]` on the handler.
    pub is_deprecated: bool,
    /// Payload that the handler reads; `None` if it reads nothing.
    pub payload: Option<Payload>,
    /// Answer to a client that asks for one.
    pub reply: ClientReply,
    /// Codes of the handler's own exceptions.
    pub failures: Failures,
    /// Names of the guards of this handler alone.
    pub guards: Vec<String>,
    /// The handler.
    pub source: SourcePlace,
}

/// The end of a request.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum ClientReply {
    /// An empty reply.
    #[default]
    Empty,
    /// One value.
    Value(Payload),
    /// Any number of items, then an end.
    Stream(Payload),
    /// A reply that the signature does not tell: the handler answers by `Ack`, or returns a `Reply`.
    Untold,
}

/// An event that the server sends.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct ServerEvent {
    /// Name.
    pub name: String,
    /// Doc comment of the event's type.
    pub description: Option<String>,
    /// Payload of the event.
    pub payload: Payload,
    /// Payload of the client's answer; `None` if the event asks for none.
    pub answer: Option<Payload>,
}

/// A payload: of a request, a reply, an item of a stream, or an event.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Payload {
    /// Place on the wire.
    pub style: PayloadStyle,
    /// Schema; `None` if its type does not implement `JsonSchema`. With [`PayloadStyle::Arguments`] it is that of the list.
    pub schema: Option<Value>,
    /// Rust type of a payload without a schema, without the paths of modules.
    pub type_name: Option<String>,
    /// `true` for a reply that may be empty, as of a handler that returns an `Option`.
    pub may_be_absent: bool,
}

/// Place of a payload on the wire.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum PayloadStyle {
    /// One value: `data` on plain WebSocket, one argument on Socket.IO.
    #[default]
    Value,
    /// A list whose elements are arguments: an array as `data` on plain WebSocket (a single argument is itself), several arguments on
    /// Socket.IO.
    Arguments,
    /// Bytes: a text in base64 on plain WebSocket, an attachment on Socket.IO.
    Binary,
}

/// Failures by code.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Failures {
    /// Codes, sorted.
    pub codes: Vec<ErrorCode>,
    /// `true` if the error's type does not tell all its codes. The framework's own codes, such as `unreadable`, are never listed.
    pub is_open: bool,
}

/// A code of a failure.
#[derive(Clone, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub struct ErrorCode {
    /// Member `code` of the exception.
    pub code: String,
    /// Doc comment of the variant.
    pub description: Option<String>,
}

/// A guard.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct GuardContract {
    /// Security scheme of AsyncAPI, such as `{"type": "httpApiKey", "in": "cookie", "name": "session"}`. Replace it where the default
    /// says less than is known.
    pub scheme: Value,
}

/// A declaration in the source.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct SourcePlace {
    /// Gateway or its method, such as `Chat::message`.
    pub name: String,
    /// File, as the compiler names it. Empty in a contract that was read from a document.
    pub file: String,
    /// Line. 0 in a contract that was read from a document.
    pub line: u32,
}

/// Beginning of a reference to a schema.
pub(crate) const SCHEMAS: &str = "#/components/schemas/";

impl NamespaceContract {
    /// Returns the client's event with this name.
    #[must_use]
    pub fn request(&self, name: &str) -> Option<&ClientEvent> {
        self.requests.iter().find(|request| request.name == name)
    }

    /// Returns the server's event with this name.
    #[must_use]
    pub fn event(&self, name: &str) -> Option<&ServerEvent> {
        self.events.iter().find(|event| event.name == name)
    }
}

impl GuardContract {
    /// Creates a guard with a security scheme of AsyncAPI.
    #[must_use]
    pub fn new(scheme: Value) -> Self {
        Self { scheme }
    }
}
