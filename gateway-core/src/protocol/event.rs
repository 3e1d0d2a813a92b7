//! Typed events of the server.

use serde::Serialize;

use crate::protocol::RawArgs;

/// An event from server to client with a fixed name. Derive it: `#[derive(Event)] #[event("posted")]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no event",
    label = "this has no event name",
    note = "put `#[derive(Event)] #[event(\"name\")]` on `{Self}`, or send it with `emit(\"name\", &value)`"
)]
pub trait Event: Serialize {
    /// The event's name.
    const NAME: &'static str;

    /// Arguments of the event. Default: the value itself as a single argument. `#[event("moved", args)]` on a tuple struct
    /// sends each field as a separate argument.
    ///
    /// # Errors
    ///
    /// When the value cannot be serialised as JSON.
    fn args(&self) -> Result<RawArgs, serde_json::Error> {
        RawArgs::one(self)
    }
}

/// The event name of a handler for all events without another handler.
pub(crate) const CATCH_ALL: &str = "*";

/// Returns `true` for names that clients reserve: such an event would never reach its listener, or be mistaken for one
/// of the client's own. `gateway-macros` has the same list; a test compares them.
pub(crate) fn is_reserved(event: &str) -> bool {
    matches!(event, "connect" | "connect_error" | "disconnect" | "disconnecting" | "newListener" | "removeListener")
}
