//! Callback that runs the guards of a namespace before a socket joins a room. The guards themselves live on a higher
//! layer.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use crate::error::Exception;
use crate::session::Session;

/// A function that runs the guards of a session's namespace for a room.
pub(crate) struct RoomGuard(Box<CheckRoom>);

type CheckRoom = dyn Fn(&Arc<Session>, &str) -> GuardDecision + Send + Sync;

/// Decision of the guards, or a future of it.
pub(crate) enum GuardDecision {
    Now(Result<(), Exception>),
    Later(Pin<Box<dyn Future<Output = Result<(), Exception>> + Send>>),
}

impl RoomGuard {
    pub(crate) fn new(ask: impl Fn(&Arc<Session>, &str) -> GuardDecision + Send + Sync + 'static) -> Self {
        Self(Box::new(ask))
    }

    pub(crate) fn check(&self, session: &Arc<Session>, room: &str) -> GuardDecision {
        (self.0)(session, room)
    }
}

impl fmt::Debug for RoomGuard {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("RoomGuard")
    }
}
