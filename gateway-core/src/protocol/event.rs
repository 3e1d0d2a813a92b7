//! Names of events with a meaning of their own.

/// The event name of a handler for all events without another handler.
pub(crate) const CATCH_ALL: &str = "*";

/// Returns `true` for names that clients reserve: such an event would never reach its listener, or be mistaken for one
/// of the client's own. `gateway-macros` has the same list; a test compares them.
pub(crate) fn is_reserved(event: &str) -> bool {
    matches!(event, "connect" | "connect_error" | "disconnect" | "disconnecting" | "newListener" | "removeListener")
}
