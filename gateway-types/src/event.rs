//! Typed events.

use serde::Serialize;

/// An event with a fixed name. Derive it: `#[derive(Event)] #[event("posted")]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no event",
    label = "this has no event name",
    note = "put `#[derive(Event)] #[event(\"name\")]` on `{Self}`, or send it with `emit(\"name\", &value)`"
)]
pub trait Event: Serialize {
    /// The event's name.
    const NAME: &'static str;

    /// `true` if each element of the value is an argument of its own. Default: the value is a single argument.
    /// `#[event("moved", args)]` on a tuple struct sets it.
    const IS_SPREAD: bool = false;
}
