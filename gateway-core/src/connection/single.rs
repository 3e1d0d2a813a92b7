//! A connection with one socket, which ends with the socket.

use std::io;
use std::sync::Arc;
use std::task::{Context as Task, Poll};

use crate::connection::close::CloseCause;
use crate::connection::socket_driver::SocketDriver;
use crate::metrics::{Caller, connection_span};
use crate::protocol::{ClientMessage, Codec, DecodeError, Violation};
use crate::session::Session;
use crate::transport::Transport;

pub(super) struct Single {
    pub(super) driver: SocketDriver,
    /// Set once senders write directly to the transport.
    has_writer: bool,
}

// These run several times for each message.
impl Single {
    pub(super) fn new(driver: SocketDriver) -> Box<Self> {
        Box::new(Self { driver, has_writer: false })
    }

    pub(super) fn session(&self) -> &Arc<Session> {
        self.driver.session()
    }

    pub(super) fn span(&self, caller: Caller<'_>) -> tracing::Span {
        connection_span(self.driver.context.socket.id(), &self.session().namespace, caller)
    }

    #[inline]
    pub(super) fn attach_writer<T: Transport>(&mut self, transport: &T) {
        if self.has_writer {
            return;
        }
        let outbox = &self.driver.session().outbox;
        if let Some(how) = transport.deflating() {
            outbox.deflate(how);
        }
        if self.driver.connect_hooks.is_none()
            && let Some(direct) = transport.direct()
        {
            outbox.attach_writer(direct);
            self.has_writer = true;
        }
    }

    /// Polls the connect hooks.
    pub(super) fn connect<T: Transport>(&mut self, task: &mut Task<'_>, transport: &mut T) -> Result<(), CloseCause> {
        self.driver.connect(task, transport).map(drop).map_err(CloseCause::Refused)
    }

    /// Ends the connection if the server requested it, after accepted requests are answered.
    #[inline]
    pub(super) fn stop_if_told(&mut self) -> Result<(), CloseCause> {
        if !self.session().outbox.is_ending() {
            return Ok(());
        }
        self.driver.requested_end().map_or(Ok(()), |(reason, _)| Err(CloseCause::Over(reason)))
    }

    /// Handles a message. `Err` ends the connection.
    #[inline]
    pub(super) fn receive(
        &mut self,
        codec: &mut Codec,
        message: ClientMessage<'_>,
        task: &mut Task<'_>,
    ) -> Result<(), Violation> {
        let driver = &mut self.driver;
        if driver.scheduler.is_raw() {
            driver.receive_message(message, task);
            return Ok(());
        }
        match codec.decode(message, |_, incoming| driver.receive_incoming(incoming, task)) {
            Ok(()) => Ok(()),
            Err(error) => self.reply_undecoded(error),
        }
    }

    #[cold]
    fn reply_undecoded(&mut self, error: DecodeError) -> Result<(), Violation> {
        match error {
            DecodeError::Malformed(malformed) => self.driver.reply_malformed(malformed),
            DecodeError::Panicked => self.driver.reply_format_panic(),
            DecodeError::Violation(violation) => return Err(violation),
        }
        Ok(())
    }

    #[inline]
    pub(super) fn poll_write<T: Transport>(&self, task: &mut Task<'_>, transport: &mut T) -> Poll<io::Result<bool>> {
        self.session().outbox.poll_write(task, transport)
    }
}
