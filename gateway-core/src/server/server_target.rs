//! Sockets of several namespaces at once.

use std::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer};

use crate::hub::{BroadcastResult, Namespace, Target};
use crate::protocol::{Disconnect, Event, RawArgs, ToArgs};
use crate::server::state::ServerState;
use crate::socket::Socket;

/// Sockets of several namespaces: of all that a pattern such as `/room/{id}` stands for, or of the whole server. It is a
/// [`Target`] in each of them, and rooms mean those of that name in each.
///
/// Nothing is looked up before something is done: namespaces that come later are meant, too.
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
    /// The declared name of the namespaces that are meant; all of the server's where there is none.
    pattern: Option<&'static str>,
    choices: Vec<Choice>,
}

/// A choice that is made for the target in each namespace, in this order.
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

    /// The namespaces that are meant and that somebody is in. In no order.
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

    /// Takes the sockets in `room` of each namespace out.
    #[must_use]
    pub fn except(self, room: impl AsRef<str>) -> Self {
        self.choosing(Choice::Except(room.as_ref().to_owned()))
    }

    /// Adds all sockets of a user that a guard named with [`Grant::user`](crate::pipeline::Grant::user).
    #[must_use]
    pub fn user(self, id: impl AsRef<str>) -> Self {
        self.choosing(Choice::User(id.as_ref().to_owned()))
    }

    /// Sends only to sockets for which nothing waits.
    #[must_use]
    pub fn volatile(self) -> Self {
        self.choosing(Choice::Volatile)
    }

    /// Sends an event by name. Serialised once, encoded once for each namespace, queued without waiting.
    pub fn emit<T: ToArgs + ?Sized>(&self, event: &str, data: &T) -> BroadcastResult {
        self.emit_args(event, data.to_args())
    }

    /// Sends a typed event, as [`ServerTarget::emit`].
    #[allow(clippy::needless_pass_by_value, reason = "an event is said, not lent: `send(Posted { .. })`")]
    pub fn send<E: Event>(&self, event: E) -> BroadcastResult {
        self.emit_args(E::NAME, event.args())
    }

    /// Ends every connection, after what already waits for it; returns how many.
    #[allow(
        clippy::needless_pass_by_value,
        clippy::must_use_candidate,
        reason = "done for its effect; reads `disconnect(Disconnect::default())`"
    )]
    pub fn disconnect(&self, disconnect: Disconnect) -> usize {
        self.targets().map(|target| target.disconnect(disconnect.clone())).sum()
    }

    /// Number of sockets selected right now. A client in two namespaces has two.
    #[must_use]
    pub fn count(&self) -> usize {
        self.targets().map(|target| target.count()).sum()
    }

    /// The sockets that are meant right now. In no order.
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
            // Each target says so in the log.
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

/// A value that could not be written once, and cannot a second time.
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
