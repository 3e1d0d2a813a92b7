//! Events whose handler has something around it: guards before it, interceptors, filters behind.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Context as Task;

use tracing::Span;

use crate::dispatch::{
    Arrival, Begun, Extensions, Filtered, Handler, Outcome, OwnedCall, Pipeline, Reply, Running, RunningState,
    SharedResponder,
};
use crate::server::lanes::{Lanes, Pending, panicked};
use crate::server::place::Place;
use crate::wire::Payload;

/// An event that has reached such a handler.
pub(super) struct Visit<'a> {
    pub(super) handler: &'a Arc<Handler>,
    pub(super) pipeline: &'a Arc<Pipeline>,
    pub(super) event: &'a Arc<str>,
    pub(super) payload: Payload<'a>,
    pub(super) responder: SharedResponder<'a>,
    pub(super) span: Span,
}

impl Lanes {
    /// Asks the guards and runs what they let pass.
    pub(super) fn start_around(&mut self, place: &Place, visit: Visit<'_>, task: &mut Task<'_>) {
        let Visit { handler, pipeline, event, payload, responder, span } = visit;
        let mut arrival = Arrival {
            handler,
            pipeline,
            services: &place.application.services,
            socket: &place.socket,
            passes: place.passes.as_ref(),
            event,
            payload,
            extensions: Extensions::default(),
        };
        let entered = span.enter();
        let begun = catch_unwind(AssertUnwindSafe(|| arrival.start(&responder)));
        drop(entered);
        match begun {
            Ok(Begun::Here(Running(RunningState::Ready(reply)))) => self.answer(place, reply, &mut arrival, responder),
            Ok(Begun::Here(Running(RunningState::Future(future)))) => {
                let keep = || arrival.keep();
                self.run(place, Pending { handler, future, responder, span }, keep, task);
            }
            Ok(Begun::Later(Running(RunningState::Future(future)), call)) => {
                self.run(place, Pending { handler, future, responder, span }, || Some(call), task);
            }
            Ok(Begun::Later(Running(RunningState::Ready(reply)), call)) => {
                self.finish(place, reply, responder, Some(call));
            }
            Err(_) => self.answer(place, panicked(place, event).into(), &mut arrival, responder),
        }
    }

    /// It ended where it began.
    fn answer(&mut self, place: &Place, reply: Reply, arrival: &mut Arrival<'_>, responder: SharedResponder<'_>) {
        let filtered = arrival.pipeline.filters.apply(reply, &arrival.call());
        // A stream may fail later.
        let call = if matches!(filtered.reply.0, Outcome::Stream(_)) { arrival.keep() } else { None };
        self.tell(place, filtered, responder, call);
    }

    /// Tells what filters have made of it.
    pub(super) fn tell(
        &mut self,
        place: &Place,
        filtered: Filtered,
        responder: SharedResponder<'_>,
        call: Option<Arc<OwnedCall>>,
    ) {
        let Filtered { reply, has_failed, then } = filtered;
        if has_failed {
            responder.take_back();
        }
        self.conclude(place, reply, responder, call);
        if let Some(disconnect) = then {
            place.socket.disconnect(disconnect);
        }
    }
}
