//! Typed requests.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// A request of a client with a fixed name and a type of reply. Derive it:
/// `#[derive(Request)] #[request("message", reply = Receipt)]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no request",
    label = "this has no name and no reply",
    note = "put `#[derive(Request)] #[request(\"name\", reply = Reply)]` on `{Self}`, or send it with `request(\"name\", &value)`"
)]
pub trait Request: Serialize {
    /// The event's name.
    const NAME: &'static str;

    /// Type of the reply, or of each item where the reply is a stream.
    type Reply: DeserializeOwned;
}
