//! The sockets of a connection: a single one, which is the usual case, or one per namespace.

use std::io;
use std::slice;
use std::sync::Arc;
use std::task::{Context as Task, Poll};

use tokio::time::Instant;

use crate::connection::application::Application;
use crate::connection::close::CloseCause;
use crate::connection::multiplexed::Multiplexed;
use crate::connection::single::Single;
use crate::connection::socket_driver::SocketDriver;
use crate::metrics::{Caller, multiplexed_span};
use crate::protocol::{ClientMessage, Codec, TraceParent, Violation};
use crate::session::{DisconnectReason, Outbox, Scope, Session};
use crate::transport::{Handshake, Transport};

pub(super) enum Sockets {
    Single(Box<Single>),
    Multiplexed(Box<Multiplexed>),
}

impl Sockets {
    /// Polls the connect hooks.
    #[inline]
    pub(super) fn connect<T: Transport>(&mut self, task: &mut Task<'_>, transport: &mut T) -> Result<(), CloseCause> {
        if !self.is_connecting() {
            return Ok(());
        }
        match self {
            Self::Single(single) => single.connect(task, transport)?,
            Self::Multiplexed(multiplexed) => multiplexed.connect(task, transport),
        }
        self.attach_writer(transport);
        Ok(())
    }

    /// Enables compression and direct writes for senders, as soon as the transport supports them.
    #[inline]
    pub(super) fn attach_writer<T: Transport>(&mut self, transport: &T) {
        match self {
            Self::Single(single) => single.attach_writer(transport),
            Self::Multiplexed(multiplexed) => multiplexed.attach_writer(transport),
        }
    }

    #[inline]
    pub(super) fn register(&self, task: &Task<'_>) {
        match self {
            Self::Single(single) => single.session().outbox.register(task),
            Self::Multiplexed(multiplexed) => {
                multiplexed.sockets.iter().for_each(|driver| driver.session().outbox.register(task));
            }
        }
    }

    /// Ends sockets if the server requested it, after accepted requests are answered.
    #[inline]
    pub(super) fn stop_if_told(&mut self, application: &Application) -> Result<(), CloseCause> {
        match self {
            Self::Single(single) => single.stop_if_told(),
            Self::Multiplexed(multiplexed) => multiplexed.stop_if_told(application),
        }
    }

    /// Notes that the client sends no more: the connection ends once everything that was sent is answered.
    #[cold]
    pub(super) fn half_close(&self) {
        for session in self.drivers().iter().map(SocketDriver::session) {
            // Answers to the server's own requests cannot come any more.
            session.pending.close();
            session.outbox.end(DisconnectReason::HalfClosed, Scope::Connection);
        }
    }

    /// Handles a message. `Err` ends the connection.
    #[inline]
    pub(super) fn receive(
        &mut self,
        codec: &mut Codec,
        message: ClientMessage<'_>,
        task: &mut Task<'_>,
    ) -> Result<(), Violation> {
        match self {
            Self::Single(single) => single.receive(codec, message, task),
            Self::Multiplexed(multiplexed) => multiplexed.receive(codec, message, task),
        }
    }

    /// Polls all work. Returns `true` if there was progress.
    #[inline]
    pub(super) fn run(&mut self, task: &mut Task<'_>) -> bool {
        match self {
            Self::Single(single) => single.driver.run(task),
            Self::Multiplexed(multiplexed) => multiplexed.run(task),
        }
    }

    /// Writes queued frames to the peer. Returns `true` if any bytes were written.
    #[inline]
    pub(super) fn poll_write<T: Transport>(&self, task: &mut Task<'_>, transport: &mut T) -> Poll<io::Result<bool>> {
        match self {
            Self::Single(single) => single.poll_write(task, transport),
            Self::Multiplexed(multiplexed) => multiplexed.poll_write(task, transport),
        }
    }

    /// Counts the events of this turn.
    #[inline]
    pub(super) fn count(&mut self) {
        match self {
            Self::Single(single) => single.driver.count(),
            Self::Multiplexed(multiplexed) => multiplexed.sockets.each(SocketDriver::count),
        }
    }

    /// Returns `true` if one more message may be read: reading stops where much waits to leave, whatever it is, and where
    /// events wait for their turn.
    #[inline]
    pub(super) fn may_read(&self) -> bool {
        match self {
            Self::Single(single) => single.session().outbox.is_light() && single.driver.may_read(),
            Self::Multiplexed(multiplexed) => multiplexed.is_light() && multiplexed.has_room(),
        }
    }

    /// Returns `true` if events find room. While the client owes an answer reading goes on, whatever waits and also when the
    /// server stops: the answer is behind the events that wait.
    #[inline]
    pub(super) fn has_room(&self) -> bool {
        match self {
            Self::Single(single) => single.driver.may_read(),
            Self::Multiplexed(multiplexed) => multiplexed.has_room(),
        }
    }

    #[inline]
    pub(super) fn is_light(&self) -> bool {
        match self {
            Self::Single(single) => single.session().outbox.is_light(),
            Self::Multiplexed(multiplexed) => multiplexed.is_light(),
        }
    }

    /// Returns `true` if answers must be written before more is read; the connection's task is woken afterwards.
    #[inline]
    pub(super) fn holds_back(&self) -> bool {
        match self {
            Self::Single(single) => single.session().outbox.holds_back(),
            Self::Multiplexed(multiplexed) => multiplexed.holds_back(),
        }
    }

    #[inline]
    fn is_connecting(&self) -> bool {
        match self {
            Self::Single(single) => single.driver.connect_hooks.is_some(),
            Self::Multiplexed(multiplexed) => {
                let is_connecting = multiplexed.sockets.any(|driver| driver.connect_hooks.is_some());
                is_connecting || multiplexed.namespaces.is_resuming_any()
            }
        }
    }

    /// The session of the only socket.
    #[inline]
    pub(super) fn only_session(&self) -> Option<&Arc<Session>> {
        match self {
            Self::Single(single) => Some(single.session()),
            Self::Multiplexed(multiplexed) => multiplexed.sockets.only().map(SocketDriver::session),
        }
    }

    #[inline]
    pub(super) fn drivers(&self) -> &[SocketDriver] {
        match self {
            Self::Single(single) => slice::from_ref(&single.driver),
            Self::Multiplexed(multiplexed) => &multiplexed.sockets,
        }
    }

    #[inline]
    pub(super) fn drivers_mut(&mut self) -> &mut [SocketDriver] {
        match self {
            Self::Single(single) => slice::from_mut(&mut single.driver),
            Self::Multiplexed(multiplexed) => &mut multiplexed.sockets,
        }
    }

    /// The outbox of control frames.
    pub(super) fn outbox(&self) -> &Outbox {
        match self {
            Self::Single(single) => &single.session().outbox,
            Self::Multiplexed(multiplexed) => multiplexed.outbox(),
        }
    }

    /// All outboxes of the connection.
    pub(super) fn outboxes(&self) -> impl Iterator<Item = &Outbox> {
        let beside = match self {
            Self::Single(_) => None,
            Self::Multiplexed(multiplexed) => Some(&multiplexed.namespaces.outbox),
        };
        beside.into_iter().chain(self.drivers().iter().map(|driver| &driver.session().outbox))
    }

    /// Deadline for the client's first namespace.
    #[inline]
    pub(super) fn connect_deadline(&self) -> Option<Instant> {
        match self {
            Self::Single(_) => None,
            Self::Multiplexed(multiplexed) => multiplexed.connect_deadline(),
        }
    }

    pub(super) fn span(&self) -> tracing::Span {
        let handshake: &Handshake = match self {
            Self::Single(single) => &single.session().handshake,
            Self::Multiplexed(multiplexed) => multiplexed.namespaces.handshake(),
        };
        let traceparent = handshake.traceparent();
        let caller = Caller { peer: handshake.peer(), traceparent: traceparent.as_ref().map(TraceParent::as_str) };
        match self {
            Self::Single(single) => single.span(caller),
            Self::Multiplexed(_) => multiplexed_span(caller),
        }
    }
}
