//! Names of events with a meaning of their own.

/// The event name of a handler for all events without another handler.
pub(crate) const CATCH_ALL: &str = "*";

/// The event of new credentials, in formats that have no message of their own for them; and the event of their answer.
pub(crate) const RENEWAL: &str = "auth";

/// Returns `true` for names that clients reserve: such an event would never reach its listener, or be mistaken for one
/// of the client's own. `gateway-macros` has the same list; a test compares them.
pub(crate) fn is_reserved(event: &str) -> bool {
    matches!(event, "connect" | "connect_error" | "disconnect" | "disconnecting" | "newListener" | "removeListener")
}
