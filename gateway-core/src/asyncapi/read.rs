//! A contract read back from its document.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::asyncapi::members as x;
use crate::asyncapi::model::{
    ClientEvent, ClientReply, Contract, ContractServer, ErrorCode, Failures, GuardContract, NamespaceContract,
    Parameter, Payload, PayloadStyle, ServerEvent, SourcePlace,
};

/// Failure to read a contract from a document.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ContractError {
    /// The text is no JSON.
    #[error("the document is no JSON")]
    Json(#[source] serde_json::Error),
    /// The document is no AsyncAPI, or of another major version.
    #[error("the document is no AsyncAPI 3: its member `asyncapi` is {found}")]
    Version {
        /// The member `asyncapi`, as JSON.
        found: String,
    },
    /// A member has another type than in a document that the framework writes, or is missing.
    #[error("`{at}` {why}")]
    Member {
        /// Place of the member, as a JSON pointer.
        at: String,
        /// Fault of the member.
        why: &'static str,
    },
}

/// A value of the document with its place.
#[derive(Clone)]
struct At<'a> {
    value: &'a Value,
    path: String,
}

impl<'a> At<'a> {
    fn fail<T>(&self, why: &'static str) -> Result<T, ContractError> {
        Err(ContractError::Member { at: self.path.clone(), why })
    }

    fn get(&self, name: &str) -> Option<Self> {
        let value = self.value.get(name)?;
        Some(Self { value, path: format!("{}/{}", self.path, name.replace('~', "~0").replace('/', "~1")) })
    }

    fn need(&self, name: &str) -> Result<Self, ContractError> {
        let missing = Self { value: self.value, path: format!("{}/{name}", self.path) };
        self.get(name).map_or_else(|| missing.fail("is missing"), Ok)
    }

    fn text(&self) -> Result<&'a str, ContractError> {
        self.value.as_str().map_or_else(|| self.fail("is no text"), Ok)
    }

    fn object(&self) -> Result<&'a Map<String, Value>, ContractError> {
        self.value.as_object().map_or_else(|| self.fail("is no object"), Ok)
    }

    fn members(&self) -> Result<Vec<(&'a String, Self)>, ContractError> {
        let members = self.object()?.iter();
        Ok(members.filter_map(|(name, _)| self.get(name).map(|value| (name, value))).collect())
    }

    fn elements(&self) -> Result<Vec<Self>, ContractError> {
        let Some(elements) = self.value.as_array() else { return self.fail("is no list") };
        let at = |(index, value)| Self { value, path: format!("{}/{index}", self.path) };
        Ok(elements.iter().enumerate().map(at).collect())
    }

    fn optional_text(&self, name: &str) -> Result<Option<String>, ContractError> {
        self.get(name).map(|at| at.text().map(str::to_owned)).transpose()
    }

    fn texts(&self, name: &str) -> Result<Vec<String>, ContractError> {
        let Some(list) = self.get(name) else { return Ok(Vec::new()) };
        list.elements()?.iter().map(|element| element.text().map(str::to_owned)).collect()
    }

    fn flag(&self, name: &str) -> Result<bool, ContractError> {
        let Some(flag) = self.get(name) else { return Ok(false) };
        flag.value.as_bool().map_or_else(|| flag.fail("is neither true nor false"), Ok)
    }

    /// The value that a reference within the document leads to.
    fn follow(&self, root: &'a Value) -> Result<Self, ContractError> {
        let Some(target) = self.get("$ref") else { return Ok(self.clone()) };
        let path = target.text()?.trim_start_matches('#').to_owned();
        match root.pointer(&path) {
            Some(value) => Ok(Self { value, path }),
            None => target.fail("leads nowhere"),
        }
    }
}

/// Reads a contract.
pub(super) fn contract(root: &Value) -> Result<Contract, ContractError> {
    let document = At { value: root, path: String::new() };
    let version = root.get("asyncapi");
    if !version.and_then(Value::as_str).is_some_and(|version| version.starts_with("3.")) {
        let found = version.map_or_else(|| "missing".to_owned(), Value::to_string);
        return Err(ContractError::Version { found });
    }
    let info = document.need("info")?;
    let (schemas, guards) = components(&document)?;
    let mut namespaces = Vec::new();
    for (_, channel) in document.need("channels")?.members()? {
        namespaces.push(namespace(&channel)?);
    }
    if let Some(operations) = document.get("operations") {
        for (_, operation) in operations.members()? {
            add_operation(root, &operation, &mut namespaces)?;
        }
    }
    namespaces.sort_by(|one, other| one.path.cmp(&other.path));
    for namespace in &mut namespaces {
        namespace.requests.sort_by(|one, other| one.name.cmp(&other.name));
        namespace.events.sort_by(|one, other| one.name.cmp(&other.name));
    }
    let servers = match document.get("servers") {
        None => Vec::new(),
        Some(servers) => {
            servers.members()?.into_iter().map(|(name, at)| server(name, &at)).collect::<Result<_, _>>()?
        }
    };
    Ok(Contract {
        title: info.need("title")?.text()?.to_owned(),
        version: info.need("version")?.text()?.to_owned(),
        description: info.optional_text("description")?,
        servers,
        namespaces,
        guards,
        schemas,
    })
}

type DocumentComponents = (BTreeMap<String, Value>, BTreeMap<String, GuardContract>);

fn components(document: &At<'_>) -> Result<DocumentComponents, ContractError> {
    let Some(components) = document.get("components") else { return Ok(DocumentComponents::default()) };
    let mut made = DocumentComponents::default();
    if let Some(schemas) = components.get("schemas") {
        let own = schemas.object()?.iter().filter(|(name, _)| *name != super::document::EXCEPTION);
        made.0 = own.map(|(name, schema)| (name.clone(), schema.clone())).collect();
    }
    if let Some(guards) = components.get("securitySchemes") {
        let guards = guards.object()?.iter();
        made.1 = guards.map(|(name, scheme)| (name.clone(), GuardContract::new(scheme.clone()))).collect();
    }
    Ok(made)
}

fn server(name: &str, at: &At<'_>) -> Result<ContractServer, ContractError> {
    let protocol = at.need("protocol")?;
    let Some(wire) = x::protocol(protocol.text()?) else { return protocol.fail("is none of ws, wss, socketio") };
    Ok(ContractServer {
        name: name.to_owned(),
        host: at.need("host")?.text()?.to_owned(),
        protocol: wire,
        is_encrypted: at.flag(x::ENCRYPTED)?,
        path: at.optional_text("pathname")?,
    })
}

fn namespace(at: &At<'_>) -> Result<NamespaceContract, ContractError> {
    let path = at.need("address")?.text()?.to_owned();
    let mut parameters = Vec::new();
    if let Some(list) = at.get("parameters") {
        for (name, parameter) in list.members()? {
            parameters.push(Parameter {
                name: name.clone(),
                description: parameter.optional_text("description")?,
                values: parameter.texts("enum")?,
                schema: parameter.get(x::SCHEMA).map(|schema| schema.value.clone()),
            });
        }
    }
    // A document has them by name.
    parameters.sort_by_key(|parameter| path.find(&format!("{{{}}}", parameter.name)));
    let sources = at.texts(x::GATEWAYS)?.into_iter().map(|name| SourcePlace { name, ..SourcePlace::default() });
    Ok(NamespaceContract {
        description: at.optional_text("description")?,
        parameters,
        guards: at.texts(x::GUARDS)?,
        credentials: at.get(x::CREDENTIALS).map(|credentials| payload(&credentials)).transpose()?.flatten(),
        refusals: failures(at, x::REFUSALS, x::REFUSALS_OPEN)?,
        requests: Vec::new(),
        events: Vec::new(),
        is_raw: at.flag(x::RAW)?,
        sources: sources.collect(),
        path,
    })
}

fn failures(at: &At<'_>, list: &str, open: &str) -> Result<Failures, ContractError> {
    let mut codes = Vec::new();
    if let Some(list) = at.get(list) {
        for code in list.elements()? {
            let description = code.optional_text("description")?;
            codes.push(ErrorCode { code: code.need("code")?.text()?.to_owned(), description });
        }
    }
    Ok(Failures { codes, is_open: at.flag(open)? })
}

/// The payload of a message; `None` if it has none.
fn payload(message: &At<'_>) -> Result<Option<Payload>, ContractError> {
    let Some(schema) = message.get("payload") else { return Ok(None) };
    let type_name = message.optional_text(x::TYPE)?;
    let style = match message.get(x::STYLE) {
        None => PayloadStyle::Value,
        Some(style) => match x::style(style.text()?) {
            Some(known) => known,
            None => return style.fail("is none of value, arguments, binary"),
        },
    };
    let may_be_absent = message.flag(x::MAY_BE_ABSENT)?;
    let schema = type_name.is_none().then(|| schema.value.clone());
    Ok(Some(Payload { style, schema, type_name, may_be_absent }))
}

/// Adds an operation to its namespace.
fn add_operation(root: &Value, at: &At<'_>, namespaces: &mut [NamespaceContract]) -> Result<(), ContractError> {
    let reference = at.need("channel")?;
    let channel = reference.follow(root)?;
    let path = channel.need("address")?.text()?;
    let Some(namespace) = namespaces.iter_mut().find(|namespace| namespace.path == path) else {
        return reference.fail("leads to no channel");
    };
    let messages = at.need("messages")?.elements()?;
    let Some(message) = messages.first() else { return at.fail("has no message") };
    let message = message.follow(root)?;
    let name = message.need("name")?.text()?.to_owned();
    let description = at.optional_text("description")?;
    let answer = match at.get("reply") {
        None => None,
        Some(reply) => match reply.need("messages")?.elements()?.first() {
            Some(answer) => payload(&answer.follow(root)?)?,
            None => None,
        },
    };
    let action = at.need("action")?;
    match action.text()? {
        "receive" => {
            let payload = payload(&message)?;
            let reply = reply(at, answer)?;
            namespace.requests.push(ClientEvent {
                name,
                description,
                is_deprecated: at.flag(x::DEPRECATED)?,
                payload,
                reply,
                failures: failures(at, x::ERRORS, x::ERRORS_OPEN)?,
                guards: at.texts(x::GUARDS)?,
                source: SourcePlace {
                    name: at.optional_text(x::HANDLER)?.unwrap_or_default(),
                    ..SourcePlace::default()
                },
            });
        }
        "send" => {
            let payload = payload(&message)?.unwrap_or_default();
            namespace.events.push(ServerEvent { name, description, payload, answer });
        }
        _ => return action.fail("is neither send nor receive"),
    }
    Ok(())
}

fn reply(at: &At<'_>, answer: Option<Payload>) -> Result<ClientReply, ContractError> {
    let Some(kind) = at.get(x::REPLY) else {
        return Ok(answer.map_or(ClientReply::Untold, ClientReply::Value));
    };
    match (kind.text()?, answer) {
        ("empty", _) => Ok(ClientReply::Empty),
        ("untold", _) => Ok(ClientReply::Untold),
        ("value", Some(payload)) => Ok(ClientReply::Value(payload)),
        ("stream", Some(payload)) => Ok(ClientReply::Stream(payload)),
        ("value" | "stream", None) => kind.fail("tells of a reply whose message has no payload"),
        _ => kind.fail("is none of empty, value, stream, untold"),
    }
}
