//! The format of a connection, and the limits of its codec.

use crate::connection::application::Application;
use crate::connection::driver::{ConnectionConfig, ConnectionScope};
use crate::limits::Limits;
use crate::protocol::socket_io::PacketLimits;
use crate::protocol::{Framing, WireFormat};
use crate::session::{HeartbeatConfig, PingMode};
use crate::transport::{Handshake, MSGPACK};

impl ConnectionConfig {
    /// Returns the configuration of plain WebSocket, in the format of the client's subprotocol. Only the protocol's own formats
    /// have offsets, for clients that asked for them; raw gateways and custom formats have none.
    pub(crate) fn plain(application: &Application, scope: &ConnectionScope, handshake: &Handshake) -> Self {
        let Limits { ping_interval: interval, ping_timeout: timeout, .. } = application.limits;
        let has_custom_format = application.hub.custom_format.get().is_some();
        let is_numbered = handshake.resume().is_some() && !scope.is_raw();
        let format = match format_for(handshake.protocol(), has_custom_format) {
            WireFormat::Plain if is_numbered => WireFormat::PlainNumbered,
            WireFormat::PlainMsgpack if is_numbered => WireFormat::PlainMsgpackNumbered,
            format => format,
        };
        Self { format, heartbeat_config: HeartbeatConfig { interval, timeout, ping_mode: PingMode::OnSilence } }
    }
}

impl ConnectionConfig {
    /// Returns the configuration of a TCP or Unix socket. Clients that asked for offsets have them.
    pub(crate) fn lines(application: &Application, handshake: &Handshake, framing: Framing) -> Self {
        let Limits { ping_interval: interval, ping_timeout: timeout, .. } = application.limits;
        let format = match (framing, handshake.resume().is_some()) {
            (Framing::Packed(_), true) => WireFormat::LinesMsgpackNumbered,
            (Framing::Packed(_), false) => WireFormat::LinesMsgpack,
            (Framing::Lines, true) => WireFormat::LinesNumbered,
            (Framing::Lines, false) => WireFormat::Lines,
        };
        Self { format, heartbeat_config: HeartbeatConfig { interval, timeout, ping_mode: PingMode::OnSilence } }
    }
}

/// Returns the limits of a connection's codec.
pub(super) fn packet_limits(limits: &Limits) -> PacketLimits {
    let Limits { attachments, attachment_bytes, json_depth: depth, .. } = *limits;
    PacketLimits { attachments, attachment_bytes, depth }
}

/// Returns the format of a plain WebSocket client with this subprotocol. Without one of the framework's subprotocols it is the
/// application's format, if there is one.
fn format_for(subprotocol: Option<&str>, has_custom_format: bool) -> WireFormat {
    match subprotocol {
        Some(MSGPACK) => WireFormat::PlainMsgpack,
        Some(crate::transport::SUBPROTOCOL) => WireFormat::Plain,
        _ if has_custom_format => WireFormat::Custom,
        _ => WireFormat::Plain,
    }
}
