//! Each kind of change by an example, and verdicts against values.

mod kinds;
mod schemas;
mod values;

use serde_json::Value;

use crate::asyncapi::compare::{Change, ChangeKind};
use crate::asyncapi::model::{ClientEvent, ClientReply, Contract, NamespaceContract, Payload, ServerEvent};

/// A contract with one namespace.
fn contract(namespace: NamespaceContract) -> Contract {
    Contract { namespaces: vec![namespace], ..Contract::default() }
}

fn namespace() -> NamespaceContract {
    NamespaceContract { path: "/chat".to_owned(), ..NamespaceContract::default() }
}

fn payload(schema: Value) -> Payload {
    Payload { schema: Some(schema), ..Payload::default() }
}

/// A namespace in which clients send an event with this payload.
fn sends(schema: Value) -> NamespaceContract {
    request(ClientEvent { payload: Some(payload(schema)), ..ClientEvent::default() })
}

/// A namespace in which the server sends an event with this payload.
fn receives(schema: Value) -> NamespaceContract {
    event(ServerEvent { payload: payload(schema), ..ServerEvent::default() })
}

fn request(request: ClientEvent) -> NamespaceContract {
    NamespaceContract { requests: vec![ClientEvent { name: "message".to_owned(), ..request }], ..namespace() }
}

fn event(event: ServerEvent) -> NamespaceContract {
    NamespaceContract { events: vec![ServerEvent { name: "posted".to_owned(), ..event }], ..namespace() }
}

fn replies(reply: ClientReply) -> NamespaceContract {
    request(ClientEvent { reply, ..ClientEvent::default() })
}

fn kinds(changes: &[Change]) -> Vec<ChangeKind> {
    let mut kinds: Vec<ChangeKind> = changes.iter().map(|change| change.kind).collect();
    kinds.sort_unstable();
    kinds
}
