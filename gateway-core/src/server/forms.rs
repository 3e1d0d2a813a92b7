//! Messages of plain WebSocket that are not the protocol's own JSON: MessagePack, and a form of the application's own.

use std::task::Context as Task;

use crate::dispatch::Exception;
use crate::gateway::Route;
use crate::limits::Limits;
use crate::server::application::Application;
#[cfg(feature = "testing")]
use crate::server::connection::Entry;
use crate::server::connection::Manner;
use crate::server::seat::Seat;
use crate::session::{Asks, Pace};
use crate::telemetry::Counter;
use crate::transport::{Handshake, MSGPACK};
use crate::wire::{
    ClientMessage, Extent, Malformed, MessageFormat, OwnFailure, WireFormat, decode, decode_own, decode_packed,
};

impl WireFormat {
    /// The form of a client of plain WebSocket that agreed on this subprotocol. Who names none of the framework's own speaks
    /// the application's form, where it has one.
    pub(super) fn of_protocol(protocol: Option<&str>, has_own_form: bool) -> Self {
        match protocol {
            Some(MSGPACK) => Self::PlainMsgpack,
            Some(crate::transport::SUBPROTOCOL) => Self::Plain,
            _ if has_own_form => Self::Own,
            _ => Self::Plain,
        }
    }
}

impl Manner {
    /// The protocol of `docs/protocol.md`, in the form that the client named as its subprotocol. What has no envelopes has no
    /// offsets either, nor have the forms beside the protocol's own.
    pub(crate) fn plain(application: &Application, route: &Route, handshake: &Handshake) -> Self {
        let Limits { ping_interval: interval, ping_timeout: timeout, .. } = application.limits;
        let has_own_form = application.shared.hub.own_form.get().is_some();
        let is_numbered = handshake.resume().is_some() && route.router.raw().is_none();
        let format = match WireFormat::of_protocol(handshake.protocol(), has_own_form) {
            WireFormat::Plain if is_numbered => WireFormat::PlainNumbered,
            format => format,
        };
        Self { format, pace: Pace { interval, timeout, asks: Asks::OnSilence } }
    }
}

/// Socket.IO in memory, kept alive as the limits say.
#[cfg(feature = "testing")]
pub(crate) fn socket_io(limits: &Limits) -> (Entry, Manner) {
    let pace = Pace { interval: limits.ping_interval, timeout: limits.ping_timeout, asks: Asks::Steadily };
    (Entry::Lobby(limits.connect_timeout), Manner { format: WireFormat::SocketIo, pace })
}

impl Seat {
    /// Takes an envelope in whichever form its client has.
    pub(super) fn take_envelope(&mut self, format: WireFormat, message: ClientMessage<'_>, task: &mut Task<'_>) {
        match (format, self.session().own_form(), message) {
            (WireFormat::PlainMsgpack, _, ClientMessage::Binary(bytes)) => self.take_packed(bytes, task),
            (WireFormat::Own, Some(form), message) => self.take_own(form, message, task),
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
        let Limits { json_depth: depth, attachments, .. } = self.place.application.limits;
        let taken = decode_packed(bytes, Extent { depth, attachments }, |incoming| self.take_incoming(incoming, task));
        if let Err(malformed) = taken {
            self.tell_malformed(malformed);
        }
    }

    fn take_own(&mut self, form: &dyn MessageFormat, message: ClientMessage<'_>, task: &mut Task<'_>) {
        match decode_own(form, message, |incoming| self.take_incoming(incoming, task)) {
            Ok(()) => {}
            Err(OwnFailure::Malformed(malformed)) => self.tell_malformed(malformed),
            Err(OwnFailure::Panicked) => {
                self.place.count(Counter::Panics);
                let socket = &self.session().id;
                let exception = Exception::internal(|id| tracing::error!(%socket, id, "a message format panicked"));
                self.tell(&exception, None);
            }
        }
    }
}
