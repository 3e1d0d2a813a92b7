//! A change, as it is told.

use std::fmt;

use crate::asyncapi::compare::kind::{ChangeKind, Sender, Verdict};

/// A change between two contracts.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub struct Change {
    /// Path of the namespace; empty for the whole server.
    pub namespace: String,
    /// Part of the namespace: `request "message"`, `reply to "message"`, `event "posted"`, `credentials`; empty for the namespace itself.
    pub part: String,
    /// Place within the payload, such as `author.name` or `[].id`; empty for the whole.
    pub path: String,
    /// Kind of the change.
    pub kind: ChangeKind,
    /// Side that sends what changed.
    pub sender: Sender,
    /// The changed thing: a name, or what it was and what it is.
    pub detail: String,
}

impl Change {
    /// Returns the verdict for a client of the older contract at a server of the newer one.
    #[must_use]
    pub const fn for_old_client(&self) -> Verdict {
        self.kind.for_old_client(self.sender)
    }

    /// Returns the verdict for a client of the newer contract at a server of the older one.
    #[must_use]
    pub const fn for_new_client(&self) -> Verdict {
        self.kind.for_new_client(self.sender)
    }

    /// Returns `true` if a client that is deployed already breaks.
    #[must_use]
    pub const fn is_breaking(&self) -> bool {
        matches!(self.for_old_client(), Verdict::Breaking)
    }
}

/// One line: place, change and reason.
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { namespace, part, path, kind, sender, detail } = self;
        let place = [namespace.as_str(), part, path].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>();
        let place = if place.is_empty() { "server".to_owned() } else { place.join(" ") };
        write!(f, "{place}: {} ({})", told(*kind, detail), kind.name())?;
        match (self.for_old_client(), self.for_new_client()) {
            (Verdict::Compatible, Verdict::Compatible) => write!(f, ": {}", kind.reason()),
            (Verdict::Breaking, _) => write!(f, ": breaks deployed clients, {}", reason(*kind, *sender)),
            (Verdict::Compatible, Verdict::Breaking) => {
                write!(f, ": deploy the server before the clients, {}", reason(kind.inverse(), *sender))
            }
        }
    }
}

fn reason(kind: ChangeKind, sender: Sender) -> String {
    let (side, other) = match sender {
        Sender::Client => ("the client", "the server"),
        Sender::Server => ("the server", "the client"),
    };
    kind.reason().replace("the sender", side).replace("the receiver", other).replace("the other side", other)
}

/// The change itself, in words: the kind's name split at its capitals, and what changed.
fn told(kind: ChangeKind, detail: &str) -> String {
    let mut words = String::new();
    for sign in kind.name().chars() {
        if sign.is_ascii_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.push(sign.to_ascii_lowercase());
    }
    if detail.is_empty() { words } else { format!("{words}: {detail}") }
}
