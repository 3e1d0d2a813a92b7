//! Members of each namespace and of its rooms. Knows sessions, not frames or handlers.

mod acks;
pub(crate) mod cluster;
mod event_log;
mod gather;
mod logged_target;
mod members;
mod namespace;
mod observed;
mod recipients;
mod remote_sockets;
mod request_error;
mod resumable;
mod room_name;
mod space;
mod target;
#[cfg(feature = "contract")]
mod unlisted_events;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, Weak};

pub(crate) use acks::{AckEvent, AskedSockets, PendingAck};
pub(crate) use event_log::EventLog;
pub use gather::{ClusterCount, ClusterList};
pub(crate) use logged_target::emit_logged;
pub use members::JoinError;
pub use namespace::Namespace;
#[cfg(feature = "admin")]
pub(crate) use observed::{Observed, transport_of};
pub(crate) use observed::{show_connected, show_data};
pub(crate) use remote_sockets::PublicData;
#[cfg(feature = "admin")]
pub(crate) use remote_sockets::iso_date;
pub use request_error::RequestError;
use resumable::Resumable;
pub(crate) use resumable::Resumed;
pub use room_name::RoomName;
pub(crate) use space::Space;
pub use target::{BroadcastResult, Target};
#[cfg(feature = "contract")]
pub(crate) use unlisted_events::{Listing, UnlistedEvents};

use crate::hub::cluster::Cluster;
use crate::protocol::CustomFormat;
use crate::session::Offsets;
use crate::sync::lock;

/// All namespaces that have a socket or a handle.
#[derive(Debug)]
pub(crate) struct Hub {
    spaces: Mutex<HashMap<Arc<str>, Weak<Space>>>,
    pub(crate) offsets: Arc<Offsets>,
    /// Set once, before the first connection.
    pub(crate) custom_format: Arc<CustomFormat>,
    pub(crate) resumable: Resumable,
    cluster: OnceLock<Arc<Cluster>>,
    #[cfg(feature = "contract")]
    pub(crate) unlisted: UnlistedEvents,
}

impl Hub {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            spaces: Mutex::default(),
            offsets: Arc::default(),
            custom_format: Arc::default(),
            resumable: Resumable::default(),
            cluster: OnceLock::new(),
            #[cfg(feature = "contract")]
            unlisted: UnlistedEvents::default(),
        })
    }

    /// Returns the namespace with this name and creates it if needed.
    pub(crate) fn space(self: &Arc<Self>, name: &str) -> Arc<Space> {
        let mut spaces = self.lock();
        if let Some(space) = spaces.get(name).and_then(Weak::upgrade) {
            return space;
        }
        let space = Arc::new(Space::new(name.into(), self));
        spaces.insert(Arc::clone(&space.name), Arc::downgrade(&space));
        if let Some(cluster) = self.cluster.get() {
            space.set_cluster(cluster);
        }
        space
    }

    /// Returns the namespace with this name, if it is live.
    pub(crate) fn find(&self, name: &str) -> Option<Arc<Space>> {
        self.lock().get(name)?.upgrade()
    }

    /// Connects all namespaces to a cluster. Called once.
    fn set_cluster(&self, cluster: &Arc<Cluster>) {
        let spaces = self.lock();
        let _ = self.cluster.set(Arc::clone(cluster));
        let live: Vec<_> = spaces.values().filter_map(Weak::upgrade).collect();
        for space in &live {
            space.set_cluster(cluster);
        }
        // The last handle to a namespace may be among them, and its end takes the lock.
        drop(spaces);
    }

    /// This server's part in its cluster, if it is in one.
    pub(crate) fn cluster(&self) -> Option<&Arc<Cluster>> {
        self.cluster.get()
    }

    /// All live namespaces.
    pub(crate) fn spaces(&self) -> Vec<Arc<Space>> {
        self.lock().values().filter_map(Weak::upgrade).collect()
    }

    /// Removes a dead namespace, unless a new one has the same name.
    fn forget(&self, name: &str) {
        let mut spaces = self.lock();
        if spaces.get(name).is_some_and(|space| space.strong_count() == 0)
            && let Some((name, _)) = spaces.remove_entry(name)
            && let Some(cluster) = self.cluster.get()
        {
            cluster.interest.mark(&name, []);
            if let Some(log) = cluster.log() {
                log.forget(&name);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<str>, Weak<Space>>> {
        lock(&self.spaces)
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        if let Some(cluster) = self.cluster.get() {
            cluster.abandon();
        }
    }
}

#[cfg(all(test, shuttle))]
mod model;
#[cfg(test)]
mod reference;
#[cfg(test)]
mod tests;
