//! Members of each namespace and of its rooms. Knows sessions, not frames or handlers.

pub(crate) mod cluster;
mod members;
mod namespace;
mod recipients;
mod resumable;
mod room_name;
mod space;
mod target;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, Weak};

pub use members::JoinError;
pub use namespace::Namespace;
use resumable::Resumable;
pub(crate) use resumable::Resumed;
pub use room_name::RoomName;
pub(crate) use space::Space;
pub use target::{BroadcastResult, Target};

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
}

impl Hub {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            spaces: Mutex::default(),
            offsets: Arc::default(),
            custom_format: Arc::default(),
            resumable: Resumable::default(),
        })
    }

    /// Returns the namespace with this name and creates it if needed.
    pub(crate) fn of(self: &Arc<Self>, name: &str) -> Arc<Space> {
        let mut spaces = self.lock();
        if let Some(space) = spaces.get(name).and_then(Weak::upgrade) {
            return space;
        }
        let space = Arc::new(Space::new(name.into(), self));
        spaces.insert(Arc::clone(&space.name), Arc::downgrade(&space));
        space
    }

    /// All live namespaces.
    pub(crate) fn spaces(&self) -> Vec<Arc<Space>> {
        self.lock().values().filter_map(Weak::upgrade).collect()
    }

    /// Removes a dead namespace, unless a new one has the same name.
    fn forget(&self, name: &str) {
        let mut spaces = self.lock();
        if spaces.get(name).is_some_and(|space| space.strong_count() == 0) {
            spaces.remove(name);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<str>, Weak<Space>>> {
        lock(&self.spaces)
    }
}

#[cfg(all(test, shuttle))]
mod model;
#[cfg(test)]
mod reference;
#[cfg(test)]
mod tests;
