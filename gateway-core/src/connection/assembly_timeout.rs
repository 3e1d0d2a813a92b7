//! What a client has begun and not finished, and until when it must.

use std::time::Duration;

use tokio::time::Instant;

use crate::protocol::{CloseCode, Disconnect};
use crate::session::DisconnectReason;

/// At most one thing: while a packet waits for its binary parts, these have its time and none of their own.
#[derive(Debug, Default)]
pub(super) struct AssemblyTimeout(Option<(AssemblyPart, Instant)>);

/// Numbered, so that a time belongs to the one it was set for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum AssemblyPart {
    /// Fragments of a message.
    Message(u64),
    /// A packet without all of its binary parts.
    Packet(u64),
}

impl AssemblyTimeout {
    /// Looks again at what is not whole; what is new has its time from now on.
    pub(super) fn watch(&mut self, message: Option<u64>, packet: Option<u64>, within: Duration) {
        let part = packet.map(AssemblyPart::Packet).or(message.map(AssemblyPart::Message));
        if self.0.map(|(part, _)| part) != part {
            self.0 = part.map(|part| (part, Instant::now() + within));
        }
    }

    pub(super) fn due(&self) -> Option<Instant> {
        self.0.map(|(_, until)| until)
    }

    /// How it ends the connection, once it has had its time.
    pub(super) fn overdue(&self, now: Instant) -> Option<DisconnectReason> {
        let (part, _) = self.0.filter(|(_, until)| *until <= now)?;
        Some(match part {
            AssemblyPart::Message(_) => {
                DisconnectReason::Violation(Disconnect::new(CloseCode::POLICY, "message took too long"))
            }
            AssemblyPart::Packet(_) => DisconnectReason::Malformed("the binary parts of a packet did not come in time"),
        })
    }
}
