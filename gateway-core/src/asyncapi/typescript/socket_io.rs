//! The interfaces that `socket.io-client` reads, `ServerToClientEvents` and `ClientToServerEvents`, for each namespace.

use std::fmt::Write as _;

use crate::asyncapi::model::{ClientEvent, ClientReply, Contract, NamespaceContract};
use crate::asyncapi::typescript::names::TypeNames;
use crate::asyncapi::typescript::plain::{about, header, key};
use crate::asyncapi::typescript::text::{comment, member};
use crate::asyncapi::typescript::types::{Bytes, Types, Way, union};

/// Declarations that stand in each file.
const SHARED: &str = include_str!("socket_io.ts");

/// Writes the file.
pub(crate) fn socket_io(contract: &Contract) -> String {
    let mut types = Types { contract, names: TypeNames::new(contract), bytes: Bytes::Attachments };
    let mut text = header(contract);
    text += SHARED;
    text += &types.declarations();
    for namespace in contract.namespaces.iter().filter(|namespace| !namespace.is_raw) {
        text += &of_namespace(&mut types, namespace);
    }
    text.truncate(text.trim_end().len());
    text + "\n"
}

fn of_namespace(types: &mut Types<'_>, namespace: &NamespaceContract) -> String {
    let listens = types.names.namespace(namespace, "ServerToClientEvents");
    let emits = types.names.namespace(namespace, "ClientToServerEvents");
    let types = &*types;
    let path = &namespace.path;
    let mut text = comment("", &[&format!("Events that the server sends in `{path}`.")]);
    let _ = writeln!(text, "export interface {listens} {{");
    for event in &namespace.events {
        text += &comment("  ", &[event.description.as_deref().unwrap_or("")]);
        let ack =
            event.answer.as_ref().map(|answer| format!("ack: (answer: {}) => void", types.payload(answer, Way::Sent)));
        let lists =
            types.parameters(Some(&event.payload), Way::Received).into_iter().map(|list| with(list, ack.as_ref()));
        let _ = writeln!(text, "  {}: {};", member(&event.name), function(&lists.collect::<Vec<_>>()));
    }
    // Items of a stream are events of the request's name.
    for request in &namespace.requests {
        let ClientReply::Stream(item) = &request.reply else { continue };
        if namespace.event(&request.name).is_none() && !request.name.contains('*') {
            text += &comment("  ", &[&format!("An item of the stream that answers `{}`.", request.name)]);
            let _ =
                writeln!(text, "  {}: (item: {}) => void;", member(&request.name), types.payload(item, Way::Received));
        }
    }
    if namespace.event("exception").is_none() {
        text += "  /** A failure of an event that was sent without an acknowledgement. */\n  exception: (failure: GatewayException) => void;\n";
    }
    text += "}\n\n";
    text += &comment(
        "",
        &[&format!(
            "Events that clients send in `{path}`. An acknowledgement has one value: the reply, or the failure."
        )],
    );
    let _ = writeln!(text, "export interface {emits} {{");
    for request in &namespace.requests {
        if let Some(key) = key(namespace, &request.name) {
            text += &comment("  ", &[&about(request)]);
            let _ = writeln!(text, "  {key}: {};", emit(types, request));
        }
    }
    text + "}\n\n"
}

/// The type of a client's event. A list without the acknowledgement beside one with it would take the type of the reply from `emitWithAck`,
/// so only events without a value have both.
fn emit(types: &Types<'_>, request: &ClientEvent) -> String {
    let reply = match &request.reply {
        ClientReply::Empty => "null".to_owned(),
        ClientReply::Value(payload) => types.payload(payload, Way::Received),
        // The acknowledgement, without a value, ends the stream.
        ClientReply::Stream(_) => "void".to_owned(),
        ClientReply::Untold => "unknown".to_owned(),
    };
    let ack = format!("ack: (reply: {}) => void", union(&[reply, "GatewayException".to_owned()]));
    let heads = types.parameters(request.payload.as_ref(), Way::Sent);
    let mut lists: Vec<Vec<String>> = heads.iter().map(|head| with(head.clone(), Some(&ack))).collect();
    if matches!(request.reply, ClientReply::Empty) {
        lists.extend(heads);
    }
    function(&lists)
}

fn with(mut list: Vec<String>, ack: Option<&String>) -> Vec<String> {
    list.extend(ack.cloned());
    list
}

/// The type of a function with one list of parameters, or with one of several.
fn function(lists: &[Vec<String>]) -> String {
    match lists {
        [only] => format!("({}) => void", only.join(", ")),
        lists => {
            let lists: Vec<String> = lists.iter().map(|list| format!("[{}]", list.join(", "))).collect();
            format!("(...args: {}) => void", lists.join(" | "))
        }
    }
}
