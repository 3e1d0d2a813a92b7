//! A namespace as user code holds it.

use std::sync::Arc;

use crate::hub::{BroadcastResult, RoomName, Space, Target};
use crate::protocol::{Event, ToArgs};

/// One namespace: everybody in it, and its rooms. Cheap to clone; may be kept and used from any task.
///
/// A namespace with parameters is one for each set of values: `/chat/a` and `/chat/b` are two.
#[derive(Clone, Debug)]
pub struct Namespace(Arc<Space>);

impl Namespace {
    pub(crate) fn new(space: Arc<Space>) -> Self {
        Self(space)
    }

    /// Its name, such as `/chat`, with the values of its parameters.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Everybody.
    #[must_use]
    pub fn all(&self) -> Target {
        Target::all(&self.0)
    }

    /// The sockets in `room`.
    #[must_use]
    pub fn to(&self, room: impl RoomName) -> Target {
        self.all().to(room)
    }

    /// All sockets of a user that a guard named with [`Grant::user`](crate::pipeline::Grant::user).
    #[must_use]
    pub fn user(&self, id: impl AsRef<str>) -> Target {
        self.all().user(id)
    }

    /// Everybody but the sockets in `room`.
    #[must_use]
    pub fn except(&self, room: impl RoomName) -> Target {
        self.all().except(room)
    }

    /// Sends an event by name to everybody.
    pub fn emit<T: ToArgs + ?Sized>(&self, event: &str, data: &T) -> BroadcastResult {
        self.all().emit(event, data)
    }

    /// Sends a typed event to everybody.
    pub fn send<E: Event>(&self, event: E) -> BroadcastResult {
        self.all().send(event)
    }

    /// Sends an event of which only the latest of this `key` is worth sending to everybody, as [`Target::emit_latest`].
    pub fn emit_latest<T: ToArgs + ?Sized>(&self, event: &str, key: impl AsRef<str>, data: &T) -> BroadcastResult {
        self.all().emit_latest(event, key, data)
    }

    /// Sends a typed event of which only the latest counts; see [`Namespace::emit_latest`].
    pub fn send_latest<E: Event>(&self, key: impl AsRef<str>, event: E) -> BroadcastResult {
        self.all().send_latest(key, event)
    }

    /// Number of sockets in it, those whose connect hook still runs included.
    #[must_use]
    pub fn count(&self) -> usize {
        self.all().count()
    }

    /// The users that guards have named with [`Grant::user`](crate::pipeline::Grant::user), and how many sockets of each are here. In no
    /// order.
    #[must_use]
    pub fn users(&self) -> Vec<(String, usize)> {
        self.0.users()
    }

    /// The rooms somebody is in and how many are; sockets' own rooms are left out. In no order.
    #[must_use]
    pub fn rooms(&self) -> Vec<(String, usize)> {
        self.0.rooms()
    }
}
