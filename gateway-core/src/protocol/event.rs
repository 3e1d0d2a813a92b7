//! Events of the server that have a type.

use serde::Serialize;

use crate::protocol::RawArgs;

/// An event from server to client with a fixed name. Derive it: `#[derive(Event)] #[event("posted")]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no event",
    label = "this has no event name",
    note = "put `#[derive(Event)] #[event(\"name\")]` on `{Self}`, or send it with `emit(\"name\", &value)`"
)]
pub trait Event: Serialize {
    /// The name it is sent under.
    const NAME: &'static str;

    /// Arguments of the event: the value itself, as one. `#[event("moved", args)]` on a tuple struct sends each field
    /// as an argument of its own.
    ///
    /// # Errors
    ///
    /// When it cannot be written as JSON.
    fn args(&self) -> Result<RawArgs, serde_json::Error> {
        RawArgs::one(self)
    }
}

/// The event of a handler that answers what no other does.
pub(crate) const CATCH_ALL: &str = "*";

/// Returns `true` for names that clients reserve: an event of that name would never reach its listener, or pass for one
/// of the client's own. `gateway-macros` knows the same names.
pub(crate) fn is_reserved(event: &str) -> bool {
    matches!(event, "connect" | "connect_error" | "disconnect" | "disconnecting" | "newListener" | "removeListener")
}

/// The JSON of any value.
pub(crate) fn to_json<T: Serialize + ?Sized>(value: &T) -> Result<String, serde_json::Error> {
    serde_json::to_string(value)
}
