//! The contract: namespaces, what is said in them in both directions, and the schemas of what is said.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use crate::asyncapi::check::ContractCheck;
use crate::asyncapi::compare::{Change, changes};
use crate::asyncapi::document::{AsyncApiVersion, document};
use crate::asyncapi::read::{ContractError, contract as read};
use crate::asyncapi::typescript;
use crate::asyncapi::yaml::yaml;

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

impl Contract {
    /// Sets the name of the application.
    #[must_use]
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// Sets the version of the application.
    #[must_use]
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.version = version.into();
        self
    }

    /// Sets the text about the application, in Markdown.
    #[must_use]
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }

    /// Sets the public host of all servers, such as `chat.example.com`, and that they are encrypted: `wss` and `https`. Default:
    /// `localhost:3000`, without encryption.
    #[must_use]
    pub fn host(mut self, host: &str) -> Self {
        for server in &mut self.servers {
            host.clone_into(&mut server.host);
            server.is_encrypted = true;
        }
        self
    }

    /// Writes the document of AsyncAPI.
    #[must_use]
    pub fn to_asyncapi(&self, version: AsyncApiVersion) -> Value {
        document(self, version)
    }

    /// Writes the document of AsyncAPI 3.1 as JSON, indented, with a line break at its end.
    #[must_use]
    pub fn to_json(&self) -> String {
        let document = self.to_asyncapi(AsyncApiVersion::default());
        format!("{document:#}\n")
    }

    /// Writes the document as YAML.
    #[must_use]
    pub fn to_yaml(&self, version: AsyncApiVersion) -> String {
        yaml(&self.to_asyncapi(version))
    }

    /// Reads a document that [`Contract::to_json`] wrote. Members that it does not know are ignored.
    ///
    /// # Errors
    ///
    /// [`ContractError`] if the text is no JSON, no AsyncAPI 3, or a member is missing or of another type.
    pub fn from_json(text: &str) -> Result<Self, ContractError> {
        read(&serde_json::from_str(text).map_err(ContractError::Json)?)
    }

    /// Reads a document of AsyncAPI, as [`Contract::from_json`].
    ///
    /// # Errors
    ///
    /// As [`Contract::from_json`].
    pub fn from_asyncapi(document: &Value) -> Result<Self, ContractError> {
        read(document)
    }

    /// Writes a file of TypeScript over the client `@gateway-core/client`: for each namespace an interface of its events, and a function
    /// that connects.
    ///
    /// Patterns of event names that another handler's name matches are left out.
    #[must_use]
    pub fn to_typescript(&self) -> String {
        typescript::plain(self)
    }

    /// Writes a file of TypeScript for `socket.io-client`: for each namespace the interfaces `…ServerToClientEvents` and
    /// `…ClientToServerEvents`, and a function `call` that resolves with a reply.
    #[must_use]
    pub fn to_socket_io_typescript(&self) -> String {
        typescript::socket_io(self)
    }

    /// Lists the changes from this contract to a newer one: those that break deployed clients first, then by place.
    ///
    /// Contracts are compared by structure. Texts, examples, the names of schemas and the order of anything change nothing.
    #[must_use]
    pub fn changes_to(&self, newer: &Self) -> Vec<Change> {
        changes(self, newer)
    }

    /// Begins a check against a committed document. The path is relative to the folder of the package under test.
    pub fn check(&self, file: impl AsRef<Path>) -> ContractCheck<'_> {
        ContractCheck::new(self, file.as_ref())
    }

    /// Passes if the committed document is current; [`ContractCheck`] has the rules.
    ///
    /// # Panics
    ///
    /// If it is not, with the list of changes.
    #[track_caller]
    pub fn assert_current(&self, file: impl AsRef<Path>) {
        self.check(file).assert();
    }

    /// Returns the namespace with this path.
    #[must_use]
    pub fn namespace(&self, path: &str) -> Option<&NamespaceContract> {
        self.namespaces.iter().find(|namespace| namespace.path == path)
    }

    /// Returns the contract without the places of the source, as it is in a document.
    #[must_use]
    pub fn without_places(mut self) -> Self {
        let forget = |source: &mut SourcePlace| {
            source.file.clear();
            source.line = 0;
        };
        for namespace in &mut self.namespaces {
            namespace.sources.iter_mut().for_each(forget);
            namespace.requests.iter_mut().for_each(|request| forget(&mut request.source));
        }
        self
    }

    /// Returns the schema that a reference leads to; any other schema is itself.
    #[must_use]
    pub fn resolve<'a>(&'a self, schema: &'a Value) -> &'a Value {
        let mut schema = schema;
        // A reference leads to another a few times at most; in a circle of references there is nothing to find.
        for _ in 0..=self.schemas.len() {
            let target = schema.get("$ref").and_then(Value::as_str);
            let name = target.and_then(|target| target.strip_prefix(SCHEMAS));
            let Some(found) = name.and_then(|name| self.schemas.get(name)) else { break };
            schema = found;
        }
        schema
    }
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
