//! Measurement of handlers. Costs nothing if measuring is off.

use std::sync::Arc;

use tokio::time::Instant;

use crate::handler::{Context, Handler, HandlerFuture, HandlerState, Outcome, Reply};
use crate::metrics::{EventMeter, HowEnded};

/// Measures the handler's call, without the layers around it.
pub(crate) fn measured(handler: Handler) -> Handler {
    let meter = Arc::<EventMeter>::default();
    let clocked = Arc::clone(&meter);
    let call = handler.call;
    let call = move |context: &Context<'_>| {
        let clock = Clock::start(&clocked);
        match call(context).0 {
            HandlerState::Ready(reply) => HandlerFuture::ready(clock.stop(reply)),
            HandlerState::Future(future) => HandlerFuture::future(async move {
                // Moved into the future, so that dropping the future also stops the clock.
                let clock = clock;
                clock.stop(future.await)
            }),
        }
    };
    Handler { call: Box::new(call), meter: Some(meter), ..handler }
}

/// A clock that records the duration when dropped.
struct Clock {
    meter: Arc<EventMeter>,
    start: Instant,
    how: HowEnded,
}

impl Clock {
    fn start(meter: &Arc<EventMeter>) -> Self {
        Self { meter: Arc::clone(meter), start: Instant::now(), how: HowEnded::Dropped }
    }

    fn stop(mut self, reply: Reply) -> Reply {
        self.how = if matches!(reply.0, Outcome::Failed(_)) { HowEnded::Failed } else { HowEnded::Done };
        reply
    }
}

impl Drop for Clock {
    fn drop(&mut self) {
        self.meter.observe(self.how, self.start.elapsed());
    }
}
