//! Events whose handler has something around it: guards before it, interceptors, filters behind.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Context as Task;

use tracing::Span;

use crate::connection::scheduler::events::{EventScheduler, StartedCall, panicked};
use crate::connection::socket_context::SocketContext;
use crate::handler::{
    EventCall, Extensions, FilteredReply, Handler, HandlerFuture, HandlerState, Outcome, OwnedCall, Pipeline,
    PipelineStart, Reply, SharedResponder,
};
use crate::protocol::Payload;

/// An event that has reached such a handler.
pub(super) struct PipelineCall<'a> {
    pub(super) handler: &'a Arc<Handler>,
    pub(super) pipeline: &'a Arc<Pipeline>,
    pub(super) event: &'a Arc<str>,
    pub(super) payload: Payload<'a>,
    pub(super) responder: SharedResponder<'a>,
    pub(super) span: Span,
}

impl EventScheduler {
    /// Asks the guards and runs what they let pass.
    pub(super) fn start_around(&mut self, context: &SocketContext, visit: PipelineCall<'_>, task: &mut Task<'_>) {
        let PipelineCall { handler, pipeline, event, payload, responder, span } = visit;
        let mut arrival = EventCall {
            handler,
            pipeline,
            services: &context.application.services,
            socket: &context.socket,
            grants: context.grants.as_ref(),
            event,
            payload,
            extensions: Extensions::default(),
        };
        let entered = span.enter();
        let begun = catch_unwind(AssertUnwindSafe(|| arrival.start(&responder)));
        drop(entered);
        match begun {
            Ok(PipelineStart::Here(HandlerFuture(HandlerState::Ready(reply)))) => {
                self.answer(context, reply, &mut arrival, responder);
            }
            Ok(PipelineStart::Here(HandlerFuture(HandlerState::Future(future)))) => {
                let keep = || arrival.keep();
                self.run(context, StartedCall { handler, future, responder, span }, keep, task);
            }
            Ok(PipelineStart::Later(HandlerFuture(HandlerState::Future(future)), call)) => {
                self.run(context, StartedCall { handler, future, responder, span }, || Some(call), task);
            }
            Ok(PipelineStart::Later(HandlerFuture(HandlerState::Ready(reply)), call)) => {
                self.finish(context, reply, responder, Some(call));
            }
            Err(_) => self.answer(context, panicked(context, event).into(), &mut arrival, responder),
        }
    }

    /// It ended where it began.
    fn answer(
        &mut self,
        context: &SocketContext,
        reply: Reply,
        arrival: &mut EventCall<'_>,
        responder: SharedResponder<'_>,
    ) {
        let filtered = arrival.pipeline.filters.apply(reply, &arrival.call());
        // A stream may fail later.
        let call = if matches!(filtered.reply.0, Outcome::Stream(_)) { arrival.keep() } else { None };
        self.tell(context, filtered, responder, call);
    }

    /// Tells what filters have made of it.
    pub(super) fn tell(
        &mut self,
        context: &SocketContext,
        filtered: FilteredReply,
        responder: SharedResponder<'_>,
        call: Option<Arc<OwnedCall>>,
    ) {
        let FilteredReply { reply, has_failed, then } = filtered;
        if has_failed {
            responder.take_back();
        }
        self.conclude(context, reply, responder, call);
        if let Some(disconnect) = then {
            context.socket.disconnect(disconnect);
        }
    }
}
