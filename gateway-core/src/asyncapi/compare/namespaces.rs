//! The changes of namespaces, of their events in both directions, and of what surrounds them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::asyncapi::compare::change::Change;
use crate::asyncapi::compare::kind::{ChangeKind, Sender};
use crate::asyncapi::compare::schema::{SchemaChange, schema_changes};
use crate::asyncapi::model::{
    ClientEvent, ClientReply, Contract, ContractServer, Failures, NamespaceContract, Parameter, Payload, ServerEvent,
    WireProtocol,
};

/// Lists the changes, those that break deployed clients first, then by place.
pub(crate) fn changes(old: &Contract, new: &Contract) -> Vec<Change> {
    let mut comparison = Comparison { old, new, namespace: String::new(), changes: Vec::new() };
    comparison.servers();
    comparison.namespaces();
    let mut changes = comparison.changes;
    changes.sort_by(|one, other| other.is_breaking().cmp(&one.is_breaking()).then_with(|| one.cmp(other)));
    changes.dedup();
    changes
}

struct Comparison<'a> {
    old: &'a Contract,
    new: &'a Contract,
    namespace: String,
    changes: Vec<Change>,
}

/// A part of a namespace whose payload is compared.
struct ContractPart<'a> {
    name: &'a str,
    sender: Sender,
}

impl<'a> Comparison<'a> {
    fn note(&mut self, part: &str, sender: Sender, kind: ChangeKind, detail: impl Into<String>) {
        self.changes.push(Change {
            namespace: self.namespace.clone(),
            part: part.to_owned(),
            path: String::new(),
            kind,
            sender,
            detail: detail.into(),
        });
    }

    fn servers(&mut self) {
        let of = |contract: &'a Contract, protocol: WireProtocol| {
            contract.servers.iter().find(|server| server.protocol == protocol)
        };
        for (protocol, name) in [(WireProtocol::Plain, "plain WebSocket"), (WireProtocol::SocketIo, "Socket.IO")] {
            match (of(self.old, protocol), of(self.new, protocol)) {
                (None, Some(_)) => self.note("", Sender::Client, ChangeKind::ProtocolAdded, name),
                (Some(_), None) => self.note("", Sender::Client, ChangeKind::ProtocolRemoved, name),
                (Some(old), Some(new)) if old.path != new.path => {
                    let text = |server: &ContractServer| server.path.clone().unwrap_or_else(|| "/".to_owned());
                    let detail = format!("{name}, {} is now {}", text(old), text(new));
                    self.note("", Sender::Client, ChangeKind::EndpointPathChanged, detail);
                }
                (Some(_), Some(_)) | (None, None) => {}
            }
        }
    }

    fn namespaces(&mut self) {
        let by_address = |contract: &'a Contract| -> BTreeMap<String, &'a NamespaceContract> {
            contract.namespaces.iter().map(|namespace| (address(&namespace.path), namespace)).collect()
        };
        let (older, newer) = (by_address(self.old), by_address(self.new));
        for (address, old) in &older {
            self.namespace.clone_from(&old.path);
            match newer.get(address) {
                Some(new) => self.namespace(old, new),
                None => self.note("", Sender::Client, ChangeKind::NamespaceRemoved, ""),
            }
        }
        for (_, new) in newer.iter().filter(|(address, _)| !older.contains_key(*address)) {
            self.namespace.clone_from(&new.path);
            self.note("", Sender::Client, ChangeKind::NamespaceAdded, "");
        }
    }

    fn namespace(&mut self, old: &NamespaceContract, new: &NamespaceContract) {
        match (old.is_raw, new.is_raw) {
            (false, true) => return self.note("", Sender::Client, ChangeKind::NamespaceBecameRaw, ""),
            (true, false) => return self.note("", Sender::Client, ChangeKind::NamespaceBecameEvents, ""),
            (true, true) | (false, false) => {}
        }
        for (old, new) in old.parameters.iter().zip(&new.parameters) {
            self.parameter(old, new);
        }
        self.guards("", &old.guards, &new.guards);
        self.request_payload(old.credentials.as_ref(), new.credentials.as_ref(), "credentials");
        let kinds = (ChangeKind::RefusalCodeAdded, ChangeKind::RefusalCodeRemoved);
        self.codes("refusal", &old.refusals, &new.refusals, kinds);
        for request in &old.requests {
            let part = format!("request {:?}", request.name);
            match new.request(&request.name) {
                Some(newer) => self.request(request, newer, &part),
                None => self.note(&part, Sender::Client, ChangeKind::RequestRemoved, ""),
            }
        }
        for request in new.requests.iter().filter(|request| old.request(&request.name).is_none()) {
            let part = format!("request {:?}", request.name);
            self.note(&part, Sender::Client, ChangeKind::RequestAdded, "");
        }
        for event in &old.events {
            let part = format!("event {:?}", event.name);
            match new.event(&event.name) {
                Some(newer) => self.event(event, newer, &part),
                None => self.note(&part, Sender::Server, ChangeKind::EventRemoved, ""),
            }
        }
        for event in new.events.iter().filter(|event| old.event(&event.name).is_none()) {
            let part = format!("event {:?}", event.name);
            self.note(&part, Sender::Server, ChangeKind::EventAdded, "");
            if event.answer.is_some() {
                self.note(&part, Sender::Server, ChangeKind::QuestionAdded, "");
            }
        }
    }

    fn parameter(&mut self, old: &Parameter, new: &Parameter) {
        let part = format!("parameter {:?}", old.name);
        if old.name != new.name {
            let detail = format!("`{}` is now `{}`", old.name, new.name);
            self.note(&part, Sender::Client, ChangeKind::ParameterRenamed, detail);
        }
        match (old.values.is_empty(), new.values.is_empty()) {
            (true, false) => {
                self.note(&part, Sender::Client, ChangeKind::ParameterValuesListed, new.values.join(", "));
            }
            (false, true) => self.note(&part, Sender::Client, ChangeKind::ParameterValuesOpened, ""),
            (true, true) | (false, false) => {
                let kinds = (ChangeKind::ParameterValueAdded, ChangeKind::ParameterValueRemoved);
                self.names(&part, Sender::Client, (&old.values, &new.values), kinds);
            }
        }
        if let (Some(old), Some(new)) = (&old.schema, &new.schema) {
            self.schemas(old, new, &ContractPart { name: &part, sender: Sender::Client });
        }
    }

    /// Notes names that only one of two lists has.
    fn names(&mut self, part: &str, sender: Sender, lists: (&[String], &[String]), kinds: (ChangeKind, ChangeKind)) {
        let set = |names: &'_ [String]| names.iter().cloned().collect::<BTreeSet<_>>();
        let (older, newer) = (set(lists.0), set(lists.1));
        for name in newer.difference(&older) {
            self.note(part, sender, kinds.0, name);
        }
        for name in older.difference(&newer) {
            self.note(part, sender, kinds.1, name);
        }
    }

    fn guards(&mut self, part: &str, old: &[String], new: &[String]) {
        self.names(part, Sender::Client, (old, new), (ChangeKind::GuardAdded, ChangeKind::GuardRemoved));
        for name in old.iter().filter(|name| new.contains(name)) {
            let scheme = |contract: &'a Contract| contract.guards.get(name).map(|guard| without_texts(&guard.scheme));
            if scheme(self.old) != scheme(self.new) {
                self.note(part, Sender::Client, ChangeKind::GuardSchemeChanged, name);
            }
        }
    }

    fn codes(&mut self, part: &str, old: &Failures, new: &Failures, kinds: (ChangeKind, ChangeKind)) {
        let codes = |failures: &Failures| failures.codes.iter().map(|code| code.code.clone()).collect::<Vec<_>>();
        self.names(part, Sender::Server, (&codes(old), &codes(new)), kinds);
    }

    fn request(&mut self, old: &ClientEvent, new: &ClientEvent, part: &str) {
        match (old.is_deprecated, new.is_deprecated) {
            (false, true) => self.note(part, Sender::Client, ChangeKind::RequestDeprecated, ""),
            (true, false) => self.note(part, Sender::Client, ChangeKind::RequestUndeprecated, ""),
            (true, true) | (false, false) => {}
        }
        self.guards(part, &old.guards, &new.guards);
        self.request_payload(old.payload.as_ref(), new.payload.as_ref(), part);
        self.reply(&old.reply, &new.reply, &format!("reply to {:?}", old.name));
        self.codes(part, &old.failures, &new.failures, (ChangeKind::ErrorCodeAdded, ChangeKind::ErrorCodeRemoved));
    }

    /// Compares payloads that clients send, and that need not be there.
    fn request_payload(&mut self, old: Option<&Payload>, new: Option<&Payload>, part: &str) {
        let is_required =
            |contract: &Contract, payload: &Payload| !payload.may_be_absent && !takes_nothing(contract, payload);
        let kind = match (old, new) {
            (Some(old), Some(new)) => {
                return self.payload(old, new, &ContractPart { name: part, sender: Sender::Client });
            }
            (None, Some(new)) if is_required(self.new, new) => ChangeKind::RequiredPayloadAdded,
            (None, Some(_)) => ChangeKind::OptionalPayloadAdded,
            (Some(old), None) if is_required(self.old, old) => ChangeKind::RequiredPayloadRemoved,
            (Some(_), None) => ChangeKind::OptionalPayloadRemoved,
            (None, None) => return,
        };
        self.note(part, Sender::Client, kind, "");
    }

    fn reply(&mut self, old: &ClientReply, new: &ClientReply, part: &str) {
        let kind = match (old, new) {
            (ClientReply::Value(old), ClientReply::Value(new))
            | (ClientReply::Stream(old), ClientReply::Stream(new)) => {
                return self.payload(old, new, &ContractPart { name: part, sender: Sender::Server });
            }
            (ClientReply::Empty, ClientReply::Empty) | (ClientReply::Untold, ClientReply::Untold) => return,
            (ClientReply::Empty, ClientReply::Value(_)) => ChangeKind::ReplyAdded,
            (ClientReply::Value(_), ClientReply::Empty) => ChangeKind::ReplyRemoved,
            (ClientReply::Empty | ClientReply::Value(_), ClientReply::Stream(_)) => ChangeKind::ReplyBecameStream,
            (ClientReply::Stream(_), ClientReply::Empty | ClientReply::Value(_)) => ChangeKind::StreamBecameReply,
            (ClientReply::Untold, ClientReply::Empty | ClientReply::Value(_) | ClientReply::Stream(_)) => {
                ChangeKind::ReplyTold
            }
            (ClientReply::Empty | ClientReply::Value(_) | ClientReply::Stream(_), ClientReply::Untold) => {
                ChangeKind::ReplyUntold
            }
        };
        self.note(part, Sender::Server, kind, "");
    }

    fn event(&mut self, old: &ServerEvent, new: &ServerEvent, part: &str) {
        self.payload(&old.payload, &new.payload, &ContractPart { name: part, sender: Sender::Server });
        match (&old.answer, &new.answer) {
            (Some(older), Some(newer)) => {
                let name = format!("answer to {:?}", old.name);
                self.payload(older, newer, &ContractPart { name: &name, sender: Sender::Client });
            }
            (None, Some(_)) => self.note(part, Sender::Server, ChangeKind::QuestionAdded, ""),
            (Some(_), None) => self.note(part, Sender::Server, ChangeKind::QuestionRemoved, ""),
            (None, None) => {}
        }
    }

    fn payload(&mut self, old: &Payload, new: &Payload, part: &ContractPart<'_>) {
        match (old.may_be_absent, new.may_be_absent) {
            (false, true) => self.note(part.name, part.sender, ChangeKind::MayBeAbsent, ""),
            (true, false) => self.note(part.name, part.sender, ChangeKind::AlwaysPresent, ""),
            (true, true) | (false, false) => {}
        }
        if old.style != new.style {
            let detail = format!("{:?} is now {:?}", old.style, new.style).to_lowercase();
            return self.note(part.name, part.sender, ChangeKind::PayloadStyleChanged, detail);
        }
        let name = |payload: &Payload| payload.type_name.clone().unwrap_or_default();
        match (&old.schema, &new.schema) {
            (Some(old), Some(new)) => self.schemas(old, new, part),
            (Some(_), None) => self.note(part.name, part.sender, ChangeKind::SchemaRemoved, name(new)),
            (None, Some(_)) => self.note(part.name, part.sender, ChangeKind::SchemaAdded, name(old)),
            (None, None) if old.type_name != new.type_name => {
                let detail = format!("`{}` is now `{}`", name(old), name(new));
                self.note(part.name, part.sender, ChangeKind::OpaqueTypeChanged, detail);
            }
            (None, None) => {}
        }
    }

    fn schemas(&mut self, old: &Value, new: &Value, part: &ContractPart<'_>) {
        for SchemaChange { path, kind, detail } in schema_changes((self.old, self.new), (old, new)) {
            let (namespace, name) = (self.namespace.clone(), part.name.to_owned());
            self.changes.push(Change { namespace, part: name, path, kind, sender: part.sender, detail });
        }
    }
}

/// The path with each parameter's name left out: `/chat/{room}` and `/chat/{id}` are one address.
fn address(path: &str) -> String {
    let parts = path.split('/').map(|part| if part.starts_with('{') { "{}" } else { part });
    parts.collect::<Vec<_>>().join("/")
}

/// Returns `true` if `null` is among the values of a payload, which is what a client that sends nothing sends.
fn takes_nothing(contract: &Contract, payload: &Payload) -> bool {
    use crate::asyncapi::compare::shape::{Alternative, alternatives};
    let schema = payload.schema.as_ref();
    schema.is_some_and(|schema| {
        let alternatives = alternatives(contract, schema);
        alternatives.iter().any(|one| matches!(one, Alternative::Null | Alternative::Anything))
    })
}

/// A security scheme without its description.
fn without_texts(scheme: &Value) -> Value {
    let mut scheme = scheme.clone();
    if let Some(members) = scheme.as_object_mut() {
        members.remove("description");
    }
    scheme
}
