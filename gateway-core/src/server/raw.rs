//! The messages of a raw gateway: one after the other, without an envelope.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as Task, Poll};

use tokio::time::Instant;

use crate::dispatch::{Context, Exception, INTERNAL, RawReply, Running, RunningState, drop_quietly};
use crate::gateway::Route;
use crate::server::application::Application;
use crate::server::waiting::Waiting;
use crate::socket::Socket;
use crate::telemetry::Counter;
use crate::wire::{CloseCode, Disconnect, Message};

type RawHandling = Pin<Box<dyn Future<Output = RawReply> + Send>>;

pub(crate) struct RawLane {
    application: Arc<Application>,
    route: Arc<Route>,
    socket: Socket,
    waiting: Waiting<Message>,
    /// With the time it has.
    running: Option<(RawHandling, Instant)>,
    open: bool,
}

impl RawLane {
    pub(crate) fn new(application: Arc<Application>, route: Arc<Route>, socket: Socket) -> Self {
        Self { application, route, socket, waiting: Waiting::default(), running: None, open: false }
    }

    pub(crate) fn open(&mut self) {
        self.open = true;
    }

    pub(crate) fn has_room(&self) -> bool {
        self.waiting.has_room(&self.application.limits)
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.running.is_none()
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.running.as_ref().map(|(_, deadline)| *deadline)
    }

    /// Reading goes on beyond the bound only for answers, which a raw gateway has none of: what is read always finds room.
    pub(crate) fn take(&mut self, message: Message, task: &mut Task<'_>) {
        if self.open && self.is_idle() {
            self.start(message, task);
        } else {
            let bytes = message.len();
            self.waiting.push(message, bytes);
        }
    }

    pub(crate) fn poll(&mut self, task: &mut Task<'_>) -> bool {
        let mut progress = false;
        loop {
            if let Some((future, _)) = &mut self.running {
                match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(task))) {
                    Ok(Poll::Pending) => return progress,
                    Ok(Poll::Ready(reply)) => self.finish(reply),
                    Err(_) => self.panicked(),
                }
                self.running = None;
                progress = true;
            }
            if !self.open {
                return progress;
            }
            let Some(message) = self.waiting.pop() else { return progress };
            progress = true;
            self.start(message, task);
        }
    }

    pub(crate) fn expire(&mut self, now: Instant) {
        if let Some((future, _)) = self.running.take_if(|(_, deadline)| *deadline <= now) {
            drop_quietly(future);
            self.application.shared.counters.add(Counter::Timeouts);
            tracing::warn!(socket = %self.socket.id(), "a raw handler took too long");
            self.end(CloseCode::INTERNAL, "internal error");
        }
    }

    pub(crate) fn forget_waiting_messages(&mut self) {
        self.waiting.clear();
    }

    fn start(&mut self, message: Message, task: &mut Task<'_>) {
        let Some(hook) = self.route.router.raw() else { return };
        self.application.shared.counters.add(Counter::Events);
        let context = Context::raw(&self.application.services, &self.socket, message);
        match catch_unwind(AssertUnwindSafe(|| hook(&context))) {
            Ok(Running(RunningState::Ready(reply))) => self.finish(reply),
            Ok(Running(RunningState::Future(mut future))) => {
                match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(task))) {
                    Ok(Poll::Ready(reply)) => self.finish(reply),
                    Ok(Poll::Pending) => {
                        self.running = Some((future, Instant::now() + self.application.limits.handler_timeout));
                    }
                    Err(_) => self.panicked(),
                }
            }
            Err(_) => self.panicked(),
        }
    }

    fn finish(&self, RawReply(reply): RawReply) {
        match reply {
            Ok(None) => {}
            // A full outbox is counted there, and ends the connection where its policy says so.
            Ok(Some(message)) => drop(self.socket.send_message(message)),
            Err(exception) => self.failed(&exception),
        }
    }

    fn failed(&self, exception: &Exception) {
        match exception.hidden_text() {
            Some(error) => {
                tracing::error!(socket = %self.socket.id(), error, "a raw handler failed");
                self.end(CloseCode::INTERNAL, "internal error");
            }
            None => self.end(CloseCode::POLICY, exception.text()),
        }
    }

    fn panicked(&self) {
        self.application.shared.counters.add(Counter::Panics);
        tracing::error!(socket = %self.socket.id(), INTERNAL, "a raw handler panicked");
        self.end(CloseCode::INTERNAL, "internal error");
    }

    /// There is no envelope to tell a failure in.
    fn end(&self, code: CloseCode, reason: &str) {
        self.socket.disconnect(Disconnect::new(code, reason.to_owned()));
    }
}

impl fmt::Debug for RawLane {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "RawLane({} waiting)", self.waiting.len())
    }
}
