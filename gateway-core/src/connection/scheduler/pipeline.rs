//! Events whose handler has guards, interceptors or filters.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Context as Task;

use tracing::Span;

use crate::connection::scheduler::events::{EventScheduler, StartedCall, panicked};
use crate::connection::socket_context::SocketContext;
use crate::handler::{
    Context, Event, Extensions, FilteredReply, Handler, HandlerFuture, HandlerState, KeptEvent, Outcome, OwnedContext,
    Pipeline, PipelineStart, SharedResponder, Subject,
};
use crate::protocol::Payload;

/// A call of such a handler.
pub(super) struct PipelineCall<'a> {
    pub(super) handler: &'a Arc<Handler>,
    pub(super) pipeline: &'a Arc<Pipeline>,
    pub(super) event: &'a Arc<str>,
    pub(super) payload: Payload<'a>,
    pub(super) responder: SharedResponder<'a>,
    pub(super) span: Span,
}

/// Runs the guards and then the handler.
pub(super) fn start_pipeline(
    scheduler: &mut EventScheduler,
    context: &SocketContext,
    call: PipelineCall<'_>,
    task: &mut Task<'_>,
) {
    let PipelineCall { handler, pipeline, event, payload, responder, span } = call;
    let extensions = Extensions::default();
    let routed = Event { method: &handler.method, name: event, payload: &payload, responder: None };
    let event_context = Context::new(context.scope(), Subject::Event(routed), &extensions);
    let entered = span.enter();
    let started = catch_unwind(AssertUnwindSafe(|| pipeline.start(handler, event_context, &responder)));
    drop(entered);
    let reply = match started {
        Ok(PipelineStart::Called(HandlerFuture(HandlerState::Ready(reply)))) => reply,
        Ok(PipelineStart::Called(HandlerFuture(HandlerState::Future(future)))) => {
            let keep = || pipeline.has_filters().then(|| keep(context, handler, event, payload, extensions));
            return scheduler.run(context, StartedCall { handler, future, responder, span }, keep, task);
        }
        Ok(PipelineStart::Waits { asked }) => {
            let kept = keep(context, handler, event, payload, extensions);
            let future = kept.resume(asked, &responder);
            return scheduler.run(context, StartedCall { handler, future, responder, span }, || Some(kept), task);
        }
        Err(_) => panicked(context, event).into(),
    };
    let filtered = pipeline.filters.apply(reply, &event_context);
    // A stream may fail later.
    let may_fail = matches!(filtered.reply.0, Outcome::Stream(_)) && pipeline.has_filters();
    let kept = may_fail.then(|| keep(context, handler, event, payload, extensions));
    answer(scheduler, context, filtered, responder, kept);
}

/// Answers with the filtered reply.
pub(super) fn answer(
    scheduler: &mut EventScheduler,
    context: &SocketContext,
    filtered: FilteredReply,
    responder: SharedResponder<'_>,
    kept: Option<Arc<KeptEvent>>,
) {
    let FilteredReply { reply, has_failed, then } = filtered;
    if has_failed {
        responder.reclaim();
    }
    scheduler.conclude(context, reply, responder, kept);
    if let Some(disconnect) = then {
        context.socket.disconnect(disconnect);
    }
}

/// Converts the event into an owned one, copying from its frame.
fn keep(
    context: &SocketContext,
    handler: &Arc<Handler>,
    event: &Arc<str>,
    payload: Payload<'_>,
    extensions: Extensions,
) -> Arc<KeptEvent> {
    KeptEvent::new(handler, OwnedContext::new(context.scope(), handler.method, event, payload, extensions))
}
