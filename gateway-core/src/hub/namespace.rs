//! The [`Namespace`]: user code's handle to a namespace.

use std::sync::Arc;

use crate::hub::cluster::Cluster;
use crate::hub::{BroadcastResult, RoomName, Space, Target};
use crate::protocol::{Event, ToArgs};

/// A handle to one namespace, its sockets and its rooms. Cheap to clone; usable from any task.
///
/// With parameters there is one namespace per set of values: `/chat/a` and `/chat/b` are two.
#[derive(Clone, Debug)]
pub struct Namespace(Arc<Space>);

impl Namespace {
    pub(crate) fn new(space: Arc<Space>) -> Self {
        Self(space)
    }

    /// The namespace's name, such as `/chat`, with the values of its parameters.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    pub(crate) fn shared_name(&self) -> &Arc<str> {
        &self.0.name
    }

    /// Notes an event that the contract of the namespace does not list, as each target does for its own.
    pub(crate) fn note_typed<E: Event>(&self) {
        self.0.note_typed::<E>();
    }

    /// The cluster, if the server is in one.
    pub(crate) fn cluster(&self) -> Option<&Arc<Cluster>> {
        self.0.cluster()
    }

    /// All sockets of the namespace.
    #[must_use]
    pub fn all(&self) -> Target {
        Target::all(&self.0)
    }

    /// All sockets that are connected to this server, in a cluster of several.
    #[must_use]
    pub fn local(&self) -> Target {
        self.all().local()
    }

    /// The sockets in `room`.
    #[must_use]
    pub fn to(&self, room: impl RoomName) -> Target {
        self.all().to(room)
    }

    /// All sockets of a user that a guard set with [`Grant::user`](crate::pipeline::Grant::user).
    #[must_use]
    pub fn user(&self, id: impl AsRef<str>) -> Target {
        self.all().user(id)
    }

    /// All sockets except those in `room`.
    #[must_use]
    pub fn except(&self, room: impl RoomName) -> Target {
        self.all().except(room)
    }

    /// Sends an event by name to all sockets.
    pub fn emit<T: ToArgs + ?Sized>(&self, event: &str, data: &T) -> BroadcastResult {
        self.all().emit(event, data)
    }

    /// Sends a typed event to all sockets.
    pub fn send<E: Event>(&self, event: E) -> BroadcastResult {
        self.all().send(event)
    }

    /// Sends an event to all sockets that replaces a queued older one with this `key`; see [`Target::emit_latest`].
    pub fn emit_latest<T: ToArgs + ?Sized>(&self, event: &str, key: impl AsRef<str>, data: &T) -> BroadcastResult {
        self.all().emit_latest(event, key, data)
    }

    /// Sends a typed event that replaces an older one that is still queued; see [`Namespace::emit_latest`].
    pub fn send_latest<E: Event>(&self, key: impl AsRef<str>, event: E) -> BroadcastResult {
        self.all().send_latest(key, event)
    }

    /// Number of this node's sockets, including those whose connect hook is still running.
    #[must_use]
    pub fn count(&self) -> usize {
        self.all().count()
    }

    /// The users that guards have set with [`Grant::user`](crate::pipeline::Grant::user), each with their number of sockets in this
    /// namespace. In no particular order.
    #[must_use]
    pub fn users(&self) -> Vec<(String, usize)> {
        self.0.users()
    }

    /// The rooms and their number of sockets, without the sockets' own rooms. In no particular order.
    #[must_use]
    pub fn rooms(&self) -> Vec<(String, usize)> {
        self.0.rooms()
    }
}
