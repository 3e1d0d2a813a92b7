//! Events of the server that have a type.

use serde::Serialize;

/// An event from server to client with a fixed name. Derive it: `#[derive(Event)] #[event("posted")]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no event",
    label = "this has no event name",
    note = "put `#[derive(Event)] #[event(\"name\")]` on `{Self}`, or send it with `emit(\"name\", &value)`"
)]
pub trait Event: Serialize {
    /// The name it is sent under.
    const NAME: &'static str;
}

/// The JSON of any value.
pub(crate) fn to_json<T: Serialize + ?Sized>(value: &T) -> Result<String, serde_json::Error> {
    serde_json::to_string(value)
}
