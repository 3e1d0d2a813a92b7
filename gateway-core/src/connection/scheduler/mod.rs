//! Which event of a socket runs when: queues, concurrency, overload, rates.

pub(crate) mod event_queue;
pub(crate) mod events;
mod invocation;
pub(crate) mod overload;
mod pipeline;
pub(crate) mod rate_limit;
pub(crate) mod raw;
mod test_log;
