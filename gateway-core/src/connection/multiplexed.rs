//! A connection with several namespaces. Sockets join and leave while the connection stays open.

use std::io;
use std::sync::Arc;
use std::task::{Context as Task, Poll};

use tokio::time::Instant;

use crate::connection::application::Application;
use crate::connection::close::CloseCause;
use crate::connection::multiplexer::{LeavingSocket, Multiplexer};
use crate::connection::socket_driver::SocketDriver;
use crate::connection::socket_set::SocketSet;
use crate::protocol::{ClientMessage, Codec, DecodeError, Violation, WireFormat};
use crate::session::{DisconnectReason, Outbox, Scope};
use crate::transport::{Handshake, Transport};

pub(super) struct Multiplexed {
    pub(super) namespaces: Multiplexer,
    pub(super) sockets: SocketSet,
}

impl Multiplexed {
    /// Creates a connection without sockets.
    pub(super) fn new(
        application: &Arc<Application>,
        format: WireFormat,
        handshake: Handshake,
        connect_deadline: Instant,
    ) -> Box<Self> {
        let namespaces = Multiplexer::new(application, format, handshake, connect_deadline);
        Box::new(Self { namespaces, sockets: SocketSet::default() })
    }

    /// Lets senders write directly to the transport while one socket is the only source of frames.
    #[inline]
    pub(super) fn attach_writer<T: Transport>(&mut self, transport: &T) {
        if self.sockets.is_lent() {
            return;
        }
        if let Some(how) = transport.deflating() {
            self.sockets.each(|driver| driver.session().outbox.deflate(how));
        }
        if self.namespaces.outbox.is_empty() {
            self.sockets.attach_writer(|| transport.direct());
        }
    }

    /// Polls the connect hooks. A refused socket leaves.
    pub(super) fn connect<T: Transport>(&mut self, task: &mut Task<'_>, transport: &mut T) {
        let Self { namespaces, sockets, .. } = self;
        namespaces.poll_resuming(sockets, task);
        let mut refused = Vec::new();
        for driver in sockets.iter_mut().filter(|driver| driver.connect_hooks.is_some()) {
            match driver.connect(task, transport) {
                Ok(false) => {}
                Ok(true) => namespaces.claimed(),
                Err(refusal) => refused.push((Arc::clone(&driver.session().namespace), refusal)),
            }
        }
        for (namespace, refusal) in refused {
            namespaces.refuse(sockets, &namespace, &refusal);
        }
    }

    /// Ends sockets on behalf of the server, after their pending replies.
    #[inline]
    pub(super) fn stop_if_told(&mut self, application: &Application) -> Result<(), CloseCause> {
        let is_told =
            self.sockets.any(|driver| driver.session().outbox.is_ending()) || self.namespaces.outbox.is_ending();
        if is_told || self.sockets.is_empty() { self.stop(application) } else { Ok(()) }
    }

    #[cold]
    fn stop(&mut self, application: &Application) -> Result<(), CloseCause> {
        if let Some((reason, _)) = self.namespaces.outbox.ended() {
            return Err(CloseCause::Over(reason));
        }
        while let Some((namespace, (reason, scope))) = self.next_told_to_end() {
            match scope {
                Scope::Connection => return Err(CloseCause::Over(reason)),
                Scope::Socket => self.namespaces.leave(&mut self.sockets, &namespace, reason),
            }
        }
        let is_vacant = self.sockets.is_empty() && application.is_stopping();
        if is_vacant { Err(CloseCause::Over(DisconnectReason::Shutdown)) } else { Ok(()) }
    }

    fn next_told_to_end(&mut self) -> Option<(Arc<str>, (DisconnectReason, Scope))> {
        self.sockets
            .iter_mut()
            .find_map(|driver| driver.requested_end().map(|told| (Arc::clone(&driver.session().namespace), told)))
    }

    /// Handles one part of a packet, with its namespace. `Err` ends the connection.
    pub(super) fn receive(
        &mut self,
        codec: &mut Codec,
        part: ClientMessage<'_>,
        task: &mut Task<'_>,
    ) -> Result<(), Violation> {
        let Self { namespaces, sockets } = self;
        let mut taken = Ok(());
        let decoded = codec.decode(part, |namespace, incoming| {
            taken = namespaces.receive(sockets, namespace.unwrap_or("/"), incoming, task);
        });
        match decoded {
            Err(DecodeError::Violation(violation)) => Err(violation),
            // In formats with packets every decoding failure ends the connection.
            Ok(()) | Err(DecodeError::Malformed(_) | DecodeError::Panicked) => taken,
        }
    }

    #[inline]
    pub(super) fn has_room(&self) -> bool {
        let events = self.sockets.all(SocketDriver::takes_events) || self.sockets.any(SocketDriver::is_asking);
        events && self.namespaces.has_room()
    }

    #[inline]
    pub(super) fn is_light(&self) -> bool {
        self.sockets.all(|driver| driver.session().outbox.is_light()) && self.namespaces.outbox.is_light()
    }

    #[inline]
    pub(super) fn holds_back(&self) -> bool {
        self.sockets.any(|driver| driver.session().outbox.holds_back()) || self.namespaces.outbox.holds_back()
    }

    #[inline]
    pub(super) fn run(&mut self, task: &mut Task<'_>) -> bool {
        let mut ran = false;
        self.sockets.each(|driver| ran |= driver.run(task));
        ran | self.namespaces.poll(self.sockets.is_empty(), task)
    }

    #[inline]
    pub(super) fn poll_write<T: Transport>(&self, task: &mut Task<'_>, transport: &mut T) -> Poll<io::Result<bool>> {
        match self.sockets.only() {
            Some(driver) if self.sockets.is_lent() => driver.session().outbox.poll_write(task, transport),
            Some(_) | None => self.namespaces.poll_write(&self.sockets, task, transport),
        }
    }

    /// Outbox of control frames.
    pub(super) fn outbox(&self) -> &Outbox {
        self.namespaces.outbox_beside(&self.sockets)
    }

    pub(super) fn connect_deadline(&self) -> Option<Instant> {
        self.namespaces.connect_deadline(&self.sockets)
    }

    /// Ends the connection. Returns the frames still to send, the sockets, and the sockets that are leaving already.
    pub(super) fn close(self, reason: &DisconnectReason) -> (Outbox, Vec<SocketDriver>, Vec<LeavingSocket>) {
        let Self { namespaces, mut sockets, .. } = self;
        let (outbox, leaving) = namespaces.close(&mut sockets, reason);
        (outbox, sockets.into_iter().collect(), leaving)
    }
}
