//! Callback that runs the guards of a namespace before a socket joins a room. The guards themselves live on a higher
//! layer.

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use crate::session::Session;

/// A function that runs the guards of a session's namespace for a room.
pub(crate) struct RoomGuard(Box<CheckRoom>);

type CheckRoom = dyn Fn(&Arc<Session>, &str) -> GuardDecision + Send + Sync;

/// Decision of the guards, or a future of it.
pub(crate) enum GuardDecision {
    Now(Result<(), RoomRefusal>),
    Later(Pin<Box<dyn Future<Output = Result<(), RoomRefusal>> + Send>>),
}

impl RoomGuard {
    pub(crate) fn new(ask: impl Fn(&Arc<Session>, &str) -> GuardDecision + Send + Sync + 'static) -> Self {
        Self(Box::new(ask))
    }

    pub(crate) fn ask(&self, session: &Arc<Session>, room: &str) -> GuardDecision {
        (self.0)(session, room)
    }
}

impl fmt::Debug for RoomGuard {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("RoomGuard")
    }
}

/// A guard's refusal to let a socket join a room, with the guard's exception.
#[derive(Clone)]
pub struct RoomRefusal(Arc<dyn Error + Send + Sync>);

impl RoomRefusal {
    pub(crate) fn new(error: impl Error + Send + Sync + 'static) -> Self {
        Self(Arc::new(error))
    }

    pub(crate) fn error(&self) -> &(dyn Error + Send + Sync + 'static) {
        &*self.0
    }
}

impl fmt::Debug for RoomRefusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, formatter)
    }
}

impl fmt::Display for RoomRefusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, formatter)
    }
}

impl PartialEq for RoomRefusal {
    fn eq(&self, other: &Self) -> bool {
        self.0.to_string() == other.0.to_string()
    }
}

impl Eq for RoomRefusal {}
