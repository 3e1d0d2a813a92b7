//! Bounds that both encodings of packets are read with.

use serde_json::value::RawValue;

use crate::protocol::{Incoming, RequestId, Violation};

/// Bounds of one packet. Inclusive.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PacketLimits {
    /// Binary parts of one packet.
    pub(crate) attachments: usize,
    /// Bytes of them together, each as often as it is named.
    pub(crate) attachment_bytes: usize,
    /// Nesting, where a format has to follow it to be read.
    pub(crate) depth: usize,
}

/// Receiver of a packet: its namespace and its message.
pub(super) type DeliverPacket<'a> = dyn FnMut(Option<&str>, Incoming<'_>) + 'a;

/// The payload of a connect packet: none, or an object.
pub(super) fn auth(json: &str) -> Result<Option<&RawValue>, Violation> {
    if json.is_empty() {
        return Ok(None);
    }
    let auth: Option<&RawValue> = serde_json::from_str(json).ok();
    let auth = auth.filter(|auth| auth.get().starts_with('{'));
    auth.map(Some).ok_or(Violation::new("a connect packet whose payload is no object"))
}

pub(super) fn request_id(id: u64) -> RequestId {
    i64::try_from(id).map_or(RequestId::Large(id), RequestId::Integer)
}
