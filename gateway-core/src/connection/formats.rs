//! Messages of plain WebSocket that are not the protocol's own JSON: MessagePack, and a form of the application's own.

use std::task::Context as Task;

use crate::connection::application::Application;
use crate::connection::driver::{ConnectionConfig, ConnectionScope};
use crate::connection::socket_driver::SocketDriver;
use crate::error::Exception;
use crate::limits::Limits;
use crate::metrics::Counter;
use crate::protocol::{
    ClientMessage, CustomFailure, Malformed, MessageFormat, MsgpackLimits, WireFormat, decode, decode_custom,
    decode_packed,
};
use crate::session::{HeartbeatConfig, PingMode};
use crate::transport::{Handshake, MSGPACK};

impl WireFormat {
    /// The form of a client of plain WebSocket that agreed on this subprotocol. Who names none of the framework's own speaks
    /// the application's form, where it has one.
    pub(super) fn of_protocol(protocol: Option<&str>, has_custom_format: bool) -> Self {
        match protocol {
            Some(MSGPACK) => Self::PlainMsgpack,
            Some(crate::transport::SUBPROTOCOL) => Self::Plain,
            _ if has_custom_format => Self::Custom,
            _ => Self::Plain,
        }
    }
}

impl ConnectionConfig {
    /// The protocol of `docs/protocol.md`, in the form that the client named as its subprotocol. What has no envelopes has no
    /// offsets either, nor have the forms beside the protocol's own.
    pub(crate) fn plain(application: &Application, scope: &ConnectionScope, handshake: &Handshake) -> Self {
        let Limits { ping_interval: interval, ping_timeout: timeout, .. } = application.limits;
        let has_custom_format = application.hub.custom_format.get().is_some();
        let is_numbered = handshake.resume().is_some() && !scope.is_raw();
        let format = match WireFormat::of_protocol(handshake.protocol(), has_custom_format) {
            WireFormat::Plain if is_numbered => WireFormat::PlainNumbered,
            format => format,
        };
        Self { format, heartbeat_config: HeartbeatConfig { interval, timeout, ping_mode: PingMode::OnSilence } }
    }
}

impl SocketDriver {
    /// Takes an envelope in whichever form its client has.
    pub(super) fn take_envelope(&mut self, format: WireFormat, message: ClientMessage<'_>, task: &mut Task<'_>) {
        match (format, self.session().custom_format(), message) {
            (WireFormat::PlainMsgpack, _, ClientMessage::Binary(bytes)) => self.take_packed(bytes, task),
            (WireFormat::Custom, Some(form), message) => self.take_own(form, message, task),
            (_, _, message) => match message.text() {
                Ok(text) => match decode(text) {
                    Ok(incoming) => self.take_incoming(incoming, task),
                    Err(malformed) => self.tell_malformed(malformed),
                },
                Err(error) => self.tell_malformed(Malformed::new(error.to_string())),
            },
        }
    }

    fn take_packed(&mut self, bytes: &[u8], task: &mut Task<'_>) {
        let Limits { json_depth: depth, attachments, .. } = self.context.application.limits;
        let taken =
            decode_packed(bytes, MsgpackLimits { depth, attachments }, |incoming| self.take_incoming(incoming, task));
        if let Err(malformed) = taken {
            self.tell_malformed(malformed);
        }
    }

    fn take_own(&mut self, form: &dyn MessageFormat, message: ClientMessage<'_>, task: &mut Task<'_>) {
        match decode_custom(form, message, |incoming| self.take_incoming(incoming, task)) {
            Ok(()) => {}
            Err(CustomFailure::Malformed(malformed)) => self.tell_malformed(malformed),
            Err(CustomFailure::Panicked) => {
                self.context.count(Counter::Panics);
                let socket = &self.session().id;
                let exception = Exception::internal(|id| tracing::error!(%socket, id, "a message format panicked"));
                self.tell(&exception, None);
            }
        }
    }
}
