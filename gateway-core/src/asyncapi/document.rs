//! A contract as a document of AsyncAPI 3: <https://www.asyncapi.com/docs/reference/specification/v3.1.0>.
//!
//! The schemas are draft 07, which is what AsyncAPI has without a `schemaFormat`. A channel is a namespace, an operation an event: `receive`
//! is what the server receives. `reply.channel` is left out, since a reply travels on the connection of its request.

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::asyncapi::keys::{Keys, of_path, plain};
use crate::asyncapi::members as x;
use crate::asyncapi::model::{
    ClientEvent, ClientReply, Contract, ContractServer, ErrorCode, Failures, NamespaceContract, Parameter, Payload,
    PayloadStyle, SCHEMAS, ServerEvent, WireProtocol,
};

/// Version of AsyncAPI that a document names. Both have the same members.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum AsyncApiVersion {
    /// 3.1.0.
    #[default]
    V3_1,
    /// 3.0.0, for tools that know no later one.
    V3_0,
}

/// Component of the framework's own exceptions.
pub(super) const EXCEPTION: &str = "GatewayException";

const PLAIN: &str = "Text frames hold one JSON object: `{\"event\", \"data\"}`, with an `id` where an answer is wanted. The answer carries the `id` on the request's event; a failure is the event `exception`. The path is the channel's address.";
const SOCKET_IO: &str = "Socket.IO 5 over Engine.IO 4. The namespace is the channel's address; an answer is an acknowledgement, and a failure one whose single argument is the exception.";

/// Writes the document.
pub(super) fn document(contract: &Contract, version: AsyncApiVersion) -> Value {
    let asyncapi = match version {
        AsyncApiVersion::V3_1 => "3.1.0",
        AsyncApiVersion::V3_0 => "3.0.0",
    };
    let mut writer = DocumentWriter { contract, channels: Map::new(), operations: Map::new() };
    let mut keys = Keys::default();
    for namespace in &contract.namespaces {
        writer.add(namespace, &keys.free(&of_path(&namespace.path)));
    }
    let DocumentWriter { channels, operations, .. } = writer;
    let has_requests = contract.namespaces.iter().any(|namespace| !namespace.requests.is_empty());
    let mut info = object([("title", json!(contract.title)), ("version", json!(contract.version))]);
    set(&mut info, "description", contract.description.as_ref());
    let mut schemas: Map<String, Value> =
        contract.schemas.iter().map(|(name, schema)| (name.clone(), schema.clone())).collect();
    if has_requests {
        schemas.insert(EXCEPTION.to_owned(), exception_schema());
    }
    let guards = contract.guards.iter().map(|(name, guard)| (plain(name), guard.scheme.clone()));
    let guards: Map<String, Value> = guards.collect();
    let mut components = Map::new();
    set(&mut components, "schemas", (!schemas.is_empty()).then_some(schemas));
    set(&mut components, "securitySchemes", (!guards.is_empty()).then_some(guards));
    sorted(json!({
        "asyncapi": asyncapi,
        "info": info,
        "defaultContentType": "application/json",
        "servers": contract.servers.iter().map(|server| (server.name.clone(), of_server(server))).collect::<Map<_, _>>(),
        "channels": channels,
        "operations": operations,
        "components": components,
    }))
}

/// Schema of a failure's payload, unless the application sends a payload of its own.
fn exception_schema() -> Value {
    json!({
        "type": "object",
        "description": "A failure, as the framework tells it. Ignore codes and members that you do not know: later versions may add some.",
        "properties": {
            "status": { "type": "string", "enum": ["error"] },
            "message": { "type": "string", "description": "Text for people." },
            "code": { "type": "string", "description": "Code for programs." },
            "details": { "description": "More about the failure, such as each broken rule of an argument." },
            "id": { "type": "string", "description": "Number of the server's log entry." },
            "cause": { "type": "object", "properties": { "pattern": { "type": "string", "description": "The request's event." } } },
        },
        "required": ["status", "message"],
    })
}

fn of_server(server: &ContractServer) -> Value {
    let ContractServer { name: _, host, protocol, is_encrypted, path } = server;
    let (title, description) = match protocol {
        WireProtocol::Plain => ("Plain WebSocket", PLAIN),
        WireProtocol::SocketIo => ("Socket.IO", SOCKET_IO),
    };
    let mut made = object([
        ("host", json!(host)),
        ("protocol", json!(x::of_protocol(*protocol, *is_encrypted))),
        ("title", json!(title)),
        ("description", json!(description)),
    ]);
    set(&mut made, "pathname", path.as_ref());
    set(&mut made, x::ENCRYPTED, is_encrypted.then_some(true));
    if *protocol == WireProtocol::SocketIo {
        set(&mut made, "protocolVersion", Some("5"));
    }
    Value::Object(made)
}

/// The channels and operations written so far.
struct DocumentWriter<'a> {
    contract: &'a Contract,
    channels: Map<String, Value>,
    operations: Map<String, Value>,
}

/// The channel being written.
struct Channel<'a> {
    key: &'a str,
    namespace: &'a NamespaceContract,
    messages: Map<String, Value>,
}

impl Channel<'_> {
    /// Adds a message and returns the reference to it.
    fn message(&mut self, key: String, message: Map<String, Value>) -> Value {
        let reference = reference(&format!("#/channels/{}/messages/{key}", self.key));
        self.messages.insert(key, Value::Object(message));
        reference
    }

    fn security(&self, own: &[String]) -> Option<Vec<Value>> {
        let names = self.namespace.guards.iter().chain(own);
        let schemes: Vec<Value> =
            names.map(|name| reference(&format!("#/components/securitySchemes/{}", plain(name)))).collect();
        (!schemes.is_empty()).then_some(schemes)
    }
}

impl DocumentWriter<'_> {
    fn add(&mut self, namespace: &NamespaceContract, key: &str) {
        let mut channel = Channel { key, namespace, messages: Map::new() };
        let mut keys = Keys::default();
        for request in &namespace.requests {
            let name = keys.free(&request.name);
            let operation = receive(&mut channel, request, &name);
            self.operations.insert(format!("{key}.receive.{name}"), operation);
        }
        let mut keys = Keys::default();
        for event in &namespace.events {
            let name = keys.free(&event.name);
            let operation = send(&mut channel, event, &name);
            self.operations.insert(format!("{key}.send.{name}"), operation);
        }
        let Channel { messages, .. } = channel;
        self.channels.insert(key.to_owned(), self.channel(namespace, messages));
    }

    fn channel(&self, namespace: &NamespaceContract, messages: Map<String, Value>) -> Value {
        let NamespaceContract {
            path,
            description,
            parameters,
            guards,
            credentials,
            refusals,
            requests: _,
            events: _,
            is_raw,
            sources,
        } = namespace;
        let mut made = object([("address", json!(path)), ("messages", Value::Object(messages))]);
        set(&mut made, "description", description.as_ref());
        let servers = self.contract.servers.iter().filter(|server| !is_raw || server.protocol == WireProtocol::Plain);
        let servers: Vec<Value> = servers.map(|server| reference(&format!("#/servers/{}", server.name))).collect();
        set(&mut made, "servers", (!servers.is_empty()).then_some(servers));
        let parameters: Map<String, Value> =
            parameters.iter().map(|parameter| (parameter.name.clone(), of_parameter(parameter))).collect();
        set(&mut made, "parameters", (!parameters.is_empty()).then_some(parameters));
        made.insert("bindings".to_owned(), json!({ "ws": { "method": "GET", "bindingVersion": "0.1.0" } }));
        if !is_raw {
            made.insert(x::SOCKET_IO.to_owned(), json!({ "namespace": path }));
        }
        set(&mut made, x::RAW, is_raw.then_some(true));
        set(&mut made, x::GUARDS, (!guards.is_empty()).then_some(guards));
        set(&mut made, x::CREDENTIALS, credentials.as_ref().map(of_payload));
        set(&mut made, x::REFUSALS, of_codes(refusals));
        set(&mut made, x::REFUSALS_OPEN, refusals.is_open.then_some(true));
        let gateways: Vec<&str> = sources.iter().map(|source| source.name.as_str()).collect();
        set(&mut made, x::GATEWAYS, (!gateways.is_empty()).then_some(gateways));
        Value::Object(made)
    }
}

fn of_parameter(parameter: &Parameter) -> Value {
    let Parameter { name: _, description, values, schema } = parameter;
    let mut made = Map::new();
    set(&mut made, "description", description.as_ref());
    set(&mut made, "enum", (!values.is_empty()).then_some(values));
    set(&mut made, x::SCHEMA, schema.as_ref());
    Value::Object(made)
}

/// The operation of a client's event. Its messages are added to the channel.
fn receive(channel: &mut Channel<'_>, request: &ClientEvent, key: &str) -> Value {
    let ClientEvent { name, description, is_deprecated, payload, reply, failures, guards, source } = request;
    let mut message = payload.as_ref().map(of_payload).unwrap_or_default();
    message.insert("name".to_owned(), json!(name));
    set(&mut message, "title", Some(name));
    set(&mut message, "deprecated", is_deprecated.then_some(true));
    let sent = channel.message(format!("receive.{key}"), message);
    let (kind, payload) = match reply {
        ClientReply::Empty => ("empty", None),
        ClientReply::Value(payload) => ("value", Some(payload)),
        ClientReply::Stream(payload) => ("stream", Some(payload)),
        ClientReply::Untold => ("untold", None),
    };
    let mut answer = payload.map(of_payload).unwrap_or_default();
    answer.insert("name".to_owned(), json!(name));
    let (title, summary) = match reply {
        ClientReply::Empty => ("Empty reply", Some("An end without a value.")),
        ClientReply::Value(_) => ("Reply", None),
        ClientReply::Stream(_) => ("Item", Some("An item of a stream: any number of them, then an end.")),
        ClientReply::Untold => ("Reply", Some("The handler answers by itself.")),
    };
    set(&mut answer, "title", Some(title));
    set(&mut answer, "summary", summary);
    let answered = channel.message(format!("reply.{key}"), answer);
    let failed = failure_message(channel, failures, key);
    let mut made = object([
        ("action", json!("receive")),
        ("channel", reference(&format!("#/channels/{}", channel.key))),
        ("title", json!(name)),
        ("messages", json!([sent])),
        ("reply", json!({ "messages": [answered, failed] })),
        (x::REPLY, json!(kind)),
        (x::HANDLER, json!(source.name)),
    ]);
    set(&mut made, "description", description.as_ref());
    set(&mut made, "security", channel.security(guards));
    set(&mut made, x::GUARDS, (!guards.is_empty()).then_some(guards));
    set(&mut made, x::ERRORS, of_codes(failures));
    set(&mut made, x::ERRORS_OPEN, failures.is_open.then_some(true));
    set(&mut made, x::DEPRECATED, is_deprecated.then_some(true));
    Value::Object(made)
}

/// The exception of an operation, whose description lists its codes.
fn failure_message(channel: &mut Channel<'_>, failures: &Failures, key: &str) -> Value {
    let listed = failures.codes.iter().map(|ErrorCode { code, description }| {
        let description =
            description.as_deref().map(|text| format!(": {}", text.replace('\n', " "))).unwrap_or_default();
        format!("* `{code}`{description}\n")
    });
    let listed: String = listed.collect();
    let mut message = object([
        ("name", json!("exception")),
        ("title", json!("Exception")),
        ("payload", reference(&format!("{SCHEMAS}{EXCEPTION}"))),
    ]);
    if listed.is_empty() {
        return channel.message("exception".to_owned(), message);
    }
    message.insert("description".to_owned(), json!(format!("Codes of its own:\n\n{listed}")));
    channel.message(format!("exception.{key}"), message)
}

/// The operation of a server's event. Its messages are added to the channel.
fn send(channel: &mut Channel<'_>, event: &ServerEvent, key: &str) -> Value {
    let ServerEvent { name, description, payload, answer } = event;
    let mut message = of_payload(payload);
    message.insert("name".to_owned(), json!(name));
    set(&mut message, "title", Some(name));
    let sent = channel.message(format!("send.{key}"), message);
    let mut made = object([
        ("action", json!("send")),
        ("channel", reference(&format!("#/channels/{}", channel.key))),
        ("title", json!(name)),
        ("messages", json!([sent])),
    ]);
    set(&mut made, "description", description.as_ref());
    set(&mut made, "security", channel.security(&[]));
    if let Some(answer) = answer {
        let mut answer = of_payload(answer);
        answer.insert("name".to_owned(), json!(name));
        set(&mut answer, "title", Some("Answer of the client"));
        let answered = channel.message(format!("answer.{key}"), answer);
        made.insert("reply".to_owned(), json!({ "messages": [answered] }));
    }
    Value::Object(made)
}

/// The members of a message that tell its payload.
fn of_payload(payload: &Payload) -> Map<String, Value> {
    let Payload { style, schema, type_name, may_be_absent } = payload;
    let mut made = Map::new();
    // `true` is no payload; an empty schema takes anything.
    set(&mut made, "payload", Some(schema.clone().unwrap_or_else(|| json!({}))));
    set(&mut made, x::TYPE, type_name.as_ref());
    set(&mut made, x::STYLE, (*style != PayloadStyle::Value).then(|| x::of_style(*style)));
    set(&mut made, x::MAY_BE_ABSENT, may_be_absent.then_some(true));
    made
}

fn of_codes(failures: &Failures) -> Option<Vec<Value>> {
    let codes = failures.codes.iter().map(|ErrorCode { code, description }| {
        let mut made = object([("code", json!(code))]);
        set(&mut made, "description", description.as_ref());
        Value::Object(made)
    });
    (!failures.codes.is_empty()).then(|| codes.collect())
}

fn reference(target: &str) -> Value {
    json!({ "$ref": target })
}

fn object<const N: usize>(members: [(&str, Value); N]) -> Map<String, Value> {
    members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Sets a member that is there.
fn set<T: Serialize>(object: &mut Map<String, Value>, name: &str, value: Option<T>) {
    object.extend(value.map(|value| (name.to_owned(), json!(value))));
}

/// The value with the members of all objects sorted: some programs build `serde_json` so that it keeps their order.
pub(super) fn sorted(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let members: std::collections::BTreeMap<String, Value> = members.into_iter().collect();
            Value::Object(members.into_iter().map(|(name, value)| (name, sorted(value))).collect())
        }
        Value::Array(elements) => Value::Array(elements.into_iter().map(sorted).collect()),
        other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => other,
    }
}
