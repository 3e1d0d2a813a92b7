//! The messages of a raw gateway: one after the other, without an envelope.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as Task, Poll};

use tokio::time::Instant;

use crate::dispatch::{Access, Context, Exception, Guarded, Passes, RawReply, Running, RunningState, drop_quietly};
use crate::server::place::Place;
use crate::server::waiting::Waiting;
use crate::telemetry::Counter;
use crate::wire::{CloseCode, Disconnect, Message};

type RawHandling = Pin<Box<dyn Future<Output = RawReply> + Send>>;

#[derive(Default)]
pub(crate) struct RawLane {
    waiting: Waiting<Message>,
    /// With the time it has.
    running: Option<(RawHandling, Instant)>,
    open: bool,
}

impl RawLane {
    pub(crate) fn open(&mut self) {
        self.open = true;
    }

    pub(crate) fn has_room(&self, place: &Place) -> bool {
        self.waiting.has_room(&place.application.limits)
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.running.is_none()
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.running.as_ref().map(|(_, deadline)| *deadline)
    }

    /// Reading goes on beyond the bound only for answers, which a raw gateway has none of: what is read always finds room.
    pub(crate) fn take(&mut self, place: &Place, message: Message, task: &mut Task<'_>) {
        if self.open && self.is_idle() {
            self.start(place, message, task);
        } else {
            let bytes = message.len();
            self.waiting.push(message, bytes);
        }
    }

    pub(crate) fn poll(&mut self, place: &Place, task: &mut Task<'_>) -> bool {
        let mut progress = false;
        loop {
            if let Some((future, _)) = &mut self.running {
                match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(task))) {
                    Ok(Poll::Pending) => return progress,
                    Ok(Poll::Ready(reply)) => Self::finish(place, reply),
                    Err(_) => Self::panicked(place),
                }
                self.running = None;
                progress = true;
            }
            // What was answered leaves before more is.
            if !self.open || self.waiting.is_empty() || place.session.outbox.holds_back() {
                return progress;
            }
            let Some(message) = self.waiting.pop() else { return progress };
            progress = true;
            self.start(place, message, task);
        }
    }

    pub(crate) fn expire(&mut self, place: &Place, now: Instant) {
        if let Some((future, _)) = self.running.take_if(|(_, deadline)| *deadline <= now) {
            drop_quietly(future);
            place.count(Counter::Timeouts);
            tracing::warn!(socket = %place.socket.id(), "a raw handler took too long");
            Self::end(place, CloseCode::INTERNAL, "internal error");
        }
    }

    pub(crate) fn forget_waiting_messages(&mut self) {
        self.waiting.clear();
    }

    fn start(&mut self, place: &Place, message: Message, task: &mut Task<'_>) {
        let Some(hook) = place.route.router.raw() else { return };
        place.count(Counter::Events);
        let running = catch_unwind(AssertUnwindSafe(|| match &place.passes {
            Some(passes) if !hook.guards.is_empty() => guarded(place, hook, passes, message),
            passes => {
                let context = Context::raw(&place.application.services, &place.socket, message);
                (hook.run)(&context.with_passes(passes.as_deref()))
            }
        }));
        match running {
            Ok(Running(RunningState::Ready(reply))) => Self::finish(place, reply),
            Ok(Running(RunningState::Future(mut future))) => {
                match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(task))) {
                    Ok(Poll::Ready(reply)) => Self::finish(place, reply),
                    Ok(Poll::Pending) => {
                        self.running = Some((future, Instant::now() + place.application.limits.handler_timeout));
                    }
                    Err(_) => Self::panicked(place),
                }
            }
            Err(_) => Self::panicked(place),
        }
    }

    fn finish(place: &Place, RawReply(reply): RawReply) {
        match reply {
            Ok(None) => {}
            // A full outbox is counted there, and ends the connection where its policy says so.
            Ok(Some(message)) => drop(place.socket.send_message(message)),
            Err(exception) => Self::failed(place, &exception),
        }
    }

    fn failed(place: &Place, exception: &Exception) {
        match exception.hidden_text() {
            Some(error) => {
                tracing::error!(socket = %place.socket.id(), error, "a raw handler failed");
                Self::end(place, CloseCode::INTERNAL, "internal error");
            }
            None => Self::end(place, CloseCode::POLICY, exception.text()),
        }
    }

    fn panicked(place: &Place) {
        place.count(Counter::Panics);
        tracing::error!(socket = %place.socket.id(), "a raw handler panicked");
        Self::end(place, CloseCode::INTERNAL, "internal error");
    }

    /// There is no envelope to tell a failure in.
    fn end(place: &Place, code: CloseCode, reason: &str) {
        place.socket.disconnect(Disconnect::new(code, reason.to_owned()));
    }
}

/// Asks the guards before the handler is called: at once where none of them waits.
fn guarded(place: &Place, hook: &Guarded<RawReply>, passes: &Arc<Passes>, message: Message) -> Running<RawReply> {
    let Place { application, socket, .. } = place;
    let asked = {
        let access = Access::connect(&application.services, socket, passes).about(&message);
        hook.guards.ask_at_once(&access, socket.counters())
    };
    match asked {
        Err(exception) => Running::ready(RawReply(Err(exception))),
        Ok(asked) if asked == hook.guards.len() => {
            (hook.run)(&Context::raw(&application.services, socket, message).with_passes(Some(passes)))
        }
        Ok(asked) => {
            let (application, route) = (Arc::clone(application), Arc::clone(&place.route));
            let (socket, passes) = (socket.clone(), Arc::clone(passes));
            Running::future(async move {
                let hook = route.router.raw().expect("it was called a moment ago");
                let access = Access::connect(&application.services, &socket, &passes).about(&message);
                if let Err(exception) = hook.guards.ask(asked, &access, socket.counters()).await {
                    return RawReply(Err(exception));
                }
                let running = {
                    let context = Context::raw(&application.services, &socket, message);
                    (hook.run)(&context.with_passes(Some(&passes)))
                };
                running.outcome().await
            })
        }
    }
}

impl fmt::Debug for RawLane {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "RawLane({} waiting)", self.waiting.len())
    }
}
