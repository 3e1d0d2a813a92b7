//! Signs that a connection is lost.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use redis::{PushInfo, PushKind};
use tokio::sync::Notify;

use crate::connect::Connection;
use crate::link::PushReceiver;
use crate::link::inbox::OpenInbox;

/// A connection, and the sign that it was lost.
#[derive(Clone)]
pub(super) struct LiveConnection {
    pub(super) connection: Connection,
    alive: Alive,
}

/// The sign of one connection.
#[derive(Clone, Debug)]
pub(super) struct Alive {
    is_lost: Arc<AtomicBool>,
    /// Notified when any connection of the engine is lost.
    losses: Arc<Notify>,
}

impl LiveConnection {
    pub(super) fn new(connection: Connection, alive: Alive) -> Self {
        Self { connection, alive }
    }

    pub(super) fn is_lost(&self) -> bool {
        self.alive.is_lost.load(Ordering::Acquire)
    }

    /// Returns `true` for a connection to one server.
    pub(super) fn is_single(&self) -> bool {
        matches!(self.connection, Connection::Single(..))
    }

    /// Gives the connection up.
    pub(super) fn lose(&self) {
        self.alive.lose();
    }
}

impl Alive {
    pub(super) fn new(losses: &Arc<Notify>) -> Self {
        Self { is_lost: Arc::default(), losses: Arc::clone(losses) }
    }

    fn lose(&self) {
        self.is_lost.store(true, Ordering::Release);
        self.losses.notify_one();
    }

    /// Returns the function that the client library calls with what the server pushes, in its own task.
    pub(super) fn pushes(
        &self,
        receiver: Option<Arc<dyn PushReceiver>>,
    ) -> impl Fn(PushInfo) -> Result<(), Infallible> + Send + Sync + 'static {
        let alive = self.clone();
        let inbox = receiver.map(OpenInbox::start);
        move |info: PushInfo| {
            match (&info.kind, &inbox) {
                (PushKind::Disconnection, inbox) => {
                    // What was read before the loss was not lost.
                    if let Some(inbox) = inbox {
                        inbox.hand_on();
                    }
                    alive.lose();
                }
                (PushKind::Message | PushKind::PMessage | PushKind::SMessage, Some(inbox)) => inbox.add(info),
                _ => {}
            }
            Ok(())
        }
    }
}
