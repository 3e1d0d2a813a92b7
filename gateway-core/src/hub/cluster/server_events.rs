//! Server-side events: the way to their handlers, which live on a higher layer.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use crate::protocol::RawArgs;
use crate::protocol::cluster::EventPacket;

/// The running handler of a server-side event, which completes with its answer.
pub(crate) type ServerEventFuture = Pin<Box<dyn Future<Output = RawArgs> + Send>>;

/// The handlers of server-side events.
pub(crate) trait ServerEventHandler: fmt::Debug + Send + Sync {
    /// Begins to handle an event; `None` if no handler has its name.
    fn handle(&self, namespace: &Arc<str>, packet: EventPacket) -> Option<ServerEventFuture>;
}
