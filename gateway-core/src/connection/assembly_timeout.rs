//! The deadline of an incomplete message or packet.

use std::time::Duration;

use tokio::time::Instant;

use crate::protocol::{CloseCode, Disconnect};
use crate::session::DisconnectReason;

/// The deadline of at most one incomplete part: while a packet waits for its binary parts, its deadline applies to them.
#[derive(Debug, Default)]
pub(super) struct AssemblyTimeout(Option<(AssemblyPart, Instant)>);

/// The incomplete part, numbered so that a deadline belongs to one part only.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum AssemblyPart {
    /// Fragments of a message.
    Message(u64),
    /// A packet without all of its binary parts.
    Packet(u64),
}

impl AssemblyTimeout {
    /// Updates the incomplete part; a new one gets a new deadline.
    pub(super) fn watch(&mut self, message: Option<u64>, packet: Option<u64>, within: Duration) {
        let part = packet.map(AssemblyPart::Packet).or(message.map(AssemblyPart::Message));
        if self.0.map(|(part, _)| part) != part {
            self.0 = part.map(|part| (part, Instant::now() + within));
        }
    }

    pub(super) fn due(&self) -> Option<Instant> {
        self.0.map(|(_, until)| until)
    }

    /// Returns the disconnect reason after the deadline.
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
