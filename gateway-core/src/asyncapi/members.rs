//! Names of the extension members (`x-…`) of a document, and words in them.

use crate::asyncapi::model::{PayloadStyle, WireProtocol};

/// Of a server: `true` for `wss` and `https`.
pub(super) const ENCRYPTED: &str = "x-encrypted";
/// Of a channel: the `auth` payload, as a message has it.
pub(super) const CREDENTIALS: &str = "x-credentials";
/// Of a channel: codes of its connect hooks.
pub(super) const REFUSALS: &str = "x-refusals";
/// Of a channel: `true` if more codes are possible.
pub(super) const REFUSALS_OPEN: &str = "x-refusals-open";
/// Of a channel and an operation: names of guards, in the order they run.
pub(super) const GUARDS: &str = "x-guards";
/// Of a channel: `true` for whole messages without an envelope.
pub(super) const RAW: &str = "x-raw";
/// Of a channel: its gateways.
pub(super) const GATEWAYS: &str = "x-gateways";
/// Of a channel: the namespace of Socket.IO.
pub(super) const SOCKET_IO: &str = "x-socketio";
/// Of a parameter: the schema of its type.
pub(super) const SCHEMA: &str = "x-schema";
/// Of a message: its place on the wire, where that is not one JSON value.
pub(super) const STYLE: &str = "x-style";
/// Of a message: the type of a payload without a schema.
pub(super) const TYPE: &str = "x-type";
/// Of a message: `true` if there may be no payload.
pub(super) const MAY_BE_ABSENT: &str = "x-may-be-absent";
/// Of an operation: the kind of its reply.
pub(super) const REPLY: &str = "x-reply";
/// Of an operation: codes of its failures.
pub(super) const ERRORS: &str = "x-errors";
/// Of an operation: `true` if more codes are possible.
pub(super) const ERRORS_OPEN: &str = "x-errors-open";
/// Of an operation: the method.
pub(super) const HANDLER: &str = "x-handler";
/// Of an operation, which has no `deprecated` in AsyncAPI 3.
pub(super) const DEPRECATED: &str = "x-deprecated";

pub(super) fn of_style(style: PayloadStyle) -> &'static str {
    match style {
        PayloadStyle::Value => "value",
        PayloadStyle::Arguments => "arguments",
        PayloadStyle::Binary => "binary",
    }
}

pub(super) fn style(word: &str) -> Option<PayloadStyle> {
    [PayloadStyle::Value, PayloadStyle::Arguments, PayloadStyle::Binary]
        .into_iter()
        .find(|style| of_style(*style) == word)
}

/// Protocol of a server object.
pub(super) fn of_protocol(protocol: WireProtocol, is_encrypted: bool) -> &'static str {
    match (protocol, is_encrypted) {
        (WireProtocol::Plain, false) => "ws",
        (WireProtocol::Plain, true) => "wss",
        (WireProtocol::SocketIo, _) => "socketio",
    }
}

pub(super) fn protocol(word: &str) -> Option<WireProtocol> {
    match word {
        "ws" | "wss" => Some(WireProtocol::Plain),
        "socketio" => Some(WireProtocol::SocketIo),
        _ => None,
    }
}
