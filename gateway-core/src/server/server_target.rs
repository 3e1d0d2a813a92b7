//! The [`ServerTarget`]: a set of sockets in several namespaces.

use std::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer};

use crate::hub::{BroadcastResult, Namespace, Target};
use crate::protocol::{Disconnect, Event, RawArgs, ToArgs};
use crate::server::state::ServerState;
use crate::socket::Socket;

/// A set of sockets in several namespaces: those that match a pattern such as `/room/{id}`, or all of the server. Acts as
/// a [`Target`] in each of them; a room's name selects the room of that name in each namespace.
///
/// The namespaces are looked up when a method acts on them, so a stored target includes later ones.
///
/// ```no_run
/// # fn example(server: &gateway_core::ServerHandle) -> Result<(), gateway_core::NamespaceError> {
/// server.of_pattern("/room/{id}")?.emit("closing", "in five minutes");
/// server.user("ann").emit("mail", &3);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct ServerTarget {
    shared: Arc<ServerState>,
    /// The declared pattern of the namespaces; `None` selects all of the server's.
    pattern: Option<&'static str>,
    choices: Vec<Choice>,
}

/// A selection step, applied to the target of each namespace in order.
#[derive(Clone, Debug)]
enum Choice {
    Room(String),
    Except(String),
    User(String),
    Volatile,
}

impl ServerTarget {
    pub(crate) fn new(shared: Arc<ServerState>, pattern: Option<&'static str>) -> Self {
        Self { shared, pattern, choices: Vec::new() }
    }

    /// The selected namespaces that have sockets. In no particular order.
    #[must_use]
    pub fn namespaces(&self) -> Vec<Namespace> {
        let known = self.shared.known();
        let is_meant = |name: &str| match self.pattern {
            None => true,
            Some(pattern) => known.and_then(|known| known.declared(name)) == Some(pattern),
        };
        let spaces = self.shared.hub.spaces().into_iter().filter(|space| is_meant(&space.name));
        spaces.map(Namespace::new).filter(|namespace| namespace.count() > 0).collect()
    }

    /// Adds the sockets in `room` of each namespace.
    #[must_use]
    pub fn to(self, room: impl AsRef<str>) -> Self {
        self.choosing(Choice::Room(room.as_ref().to_owned()))
    }

    /// Excludes the sockets in `room` of each namespace.
    #[must_use]
    pub fn except(self, room: impl AsRef<str>) -> Self {
        self.choosing(Choice::Except(room.as_ref().to_owned()))
    }

    /// Adds all sockets of a user that a guard set with [`Grant::user`](crate::pipeline::Grant::user).
    #[must_use]
    pub fn user(self, id: impl AsRef<str>) -> Self {
        self.choosing(Choice::User(id.as_ref().to_owned()))
    }

    /// Sends only to sockets that have nothing queued.
    #[must_use]
    pub fn volatile(self) -> Self {
        self.choosing(Choice::Volatile)
    }

    /// Sends an event by name. It is serialised once, encoded once per namespace, and queued without waiting.
    pub fn emit<T: ToArgs + ?Sized>(&self, event: &str, data: &T) -> BroadcastResult {
        self.emit_args(event, data.to_args())
    }

    /// Sends a typed event, as [`ServerTarget::emit`].
    #[allow(clippy::needless_pass_by_value, reason = "an event is said, not lent: `send(Posted { .. })`")]
    pub fn send<E: Event>(&self, event: E) -> BroadcastResult {
        self.emit_args(E::NAME, RawArgs::event(&event))
    }

    /// Disconnects every socket after its queued events are sent. Returns how many.
    #[allow(
        clippy::needless_pass_by_value,
        clippy::must_use_candidate,
        reason = "done for its effect; reads `disconnect(Disconnect::default())`"
    )]
    pub fn disconnect(&self, disconnect: Disconnect) -> usize {
        self.targets().map(|target| target.disconnect(disconnect.clone())).sum()
    }

    /// Number of sockets selected at this moment. A client in two namespaces has two sockets.
    #[must_use]
    pub fn count(&self) -> usize {
        self.targets().map(|target| target.count()).sum()
    }

    /// The sockets selected at this moment. In no particular order.
    #[must_use]
    pub fn sockets(&self) -> Vec<Socket> {
        self.targets().flat_map(|target| target.sockets()).collect()
    }

    fn choosing(mut self, choice: Choice) -> Self {
        self.choices.push(choice);
        self
    }

    fn targets(&self) -> impl Iterator<Item = Target> {
        self.namespaces().into_iter().map(|namespace| {
            self.choices.iter().fold(namespace.all(), |target, choice| match choice {
                Choice::Room(room) => target.to(room),
                Choice::Except(room) => target.except(room),
                Choice::User(id) => target.user(id),
                Choice::Volatile => target.volatile(),
            })
        })
    }

    fn emit_args(&self, event: &str, args: Result<RawArgs, serde_json::Error>) -> BroadcastResult {
        match args {
            Ok(args) => self.send_to_each(|target| target.emit(event, &args)),
            // Each target logs the error.
            Err(error) => self.send_to_each(|target| target.emit(event, &Unserializable(&error))),
        }
    }

    fn send_to_each(&self, send: impl Fn(Target) -> BroadcastResult) -> BroadcastResult {
        self.targets().map(send).fold(BroadcastResult::default(), |all, sent| BroadcastResult {
            queued: all.queued + sent.queued,
            skipped: all.skipped + sent.skipped,
        })
    }
}

/// A value whose serialisation repeats an earlier error.
struct Unserializable<'a>(&'a serde_json::Error);

impl Serialize for Unserializable<'_> {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom(self.0))
    }
}

impl fmt::Debug for ServerTarget {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pattern, choices, .. } = self;
        formatter
            .debug_struct("ServerTarget")
            .field("pattern", pattern)
            .field("choices", choices)
            .finish_non_exhaustive()
    }
}
