//! The [`ServerTarget`]: a set of sockets in several namespaces.

use std::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer};

use crate::gateway::KnownNamespaces;
use crate::hub::{BroadcastResult, Namespace, Target};
use crate::protocol::{Disconnect, Event, RawArgs, ToArgs};
use crate::server::state::ServerState;
use crate::socket::Socket;

/// A set of sockets in several namespaces: those that match a pattern such as `/room/{id}`, or all of the server. Acts as
/// a [`Target`] in each of them; a room's name selects the room of that name in each namespace.
///
/// The namespaces are looked up when a method acts on them, so a stored target includes later ones. In a cluster an event
/// reaches the sockets of other nodes in every declared namespace without parameters, and in those with parameters that have
/// a socket or a [`Namespace`] on this node: namespaces that only other nodes have are not known here.
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
    Local,
}

impl ServerTarget {
    pub(crate) fn new(shared: Arc<ServerState>, pattern: Option<&'static str>) -> Self {
        Self { shared, pattern, choices: Vec::new() }
    }

    /// The selected namespaces that have sockets of this node. In no particular order.
    #[must_use]
    pub fn namespaces(&self) -> Vec<Namespace> {
        self.live().filter(|namespace| namespace.count() > 0).collect()
    }

    /// The selected namespaces that have a socket or a handle.
    fn live(&self) -> impl Iterator<Item = Namespace> {
        let spaces = self.shared.hub.spaces().into_iter().filter(|space| self.is_meant(&space.name));
        spaces.map(Namespace::new)
    }

    fn is_meant(&self, name: &str) -> bool {
        match self.pattern {
            None => true,
            Some(pattern) => self.shared.known().and_then(|known| known.declared(name)) == Some(pattern),
        }
    }

    /// The namespaces to act on. In a cluster also those without sockets of this node, as far as they are known here.
    fn acted_on(&self) -> Vec<Namespace> {
        if self.shared.hub.cluster().is_none() {
            return self.namespaces();
        }
        // Held until the live ones are listed, which then include them.
        let declared = self.shared.known().into_iter().flat_map(KnownNamespaces::without_parameters);
        let declared: Vec<_> = declared.map(|name| self.shared.hub.space(name)).collect();
        let all = self.live().collect();
        drop(declared);
        all
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

    /// Restricts the target to the sockets of this server, in a cluster of several.
    #[must_use]
    pub fn local(self) -> Self {
        self.choosing(Choice::Local)
    }

    /// Sends an event by name. It is serialised once, encoded once per namespace, and queued without waiting.
    pub fn emit<T: ToArgs + ?Sized>(&self, event: &str, data: &T) -> BroadcastResult {
        self.emit_args(event, data.to_args())
    }

    /// Sends a typed event, as [`ServerTarget::emit`].
    #[allow(clippy::needless_pass_by_value, reason = "an event is said, not lent: `send(Posted { .. })`")]
    pub fn send<E: Event>(&self, event: E) -> BroadcastResult {
        if cfg!(debug_assertions) {
            self.acted_on().iter().for_each(Namespace::note_typed::<E>);
        }
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

    /// Closes the whole connection of every socket, with all its namespaces. Returns how many sockets were selected.
    #[allow(clippy::needless_pass_by_value, clippy::must_use_candidate, reason = "as `disconnect`")]
    pub fn disconnect_connections(&self, disconnect: Disconnect) -> usize {
        self.targets().map(|target| target.disconnect_connections(disconnect.clone())).sum()
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
        self.acted_on().into_iter().map(|namespace| {
            self.choices.iter().fold(namespace.all(), |target, choice| match choice {
                Choice::Room(room) => target.to(room),
                Choice::Except(room) => target.except(room),
                Choice::User(id) => target.user(id),
                Choice::Volatile => target.volatile(),
                Choice::Local => target.local(),
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
        let mut all = BroadcastResult::default();
        for sent in self.targets().map(send) {
            all.queued += sent.queued;
            all.skipped += sent.skipped;
            all.not_published |= sent.not_published;
        }
        all
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
