//! What macro output may name and nobody else should: it may change in any release.

pub use inventory::submit;
pub use serde::Serialize;
pub use serde_json::Error as JsonError;

pub use crate::dispatch::ReplyStream;
use crate::gateway::{Gateway, Handlers};
pub use crate::gateway::{GatewayEntry, GenericEntry, HandlersEntry, Part, Probe};

/// The other side of [`Probe`]: a block that does not exist adds nothing.
pub trait NoPart<G: Gateway> {
    /// Adds nothing.
    fn add(&self, _: &mut Handlers<G>) {}
}

impl<G: Gateway, const N: usize> NoPart<G> for &Probe<G, N> {}

/// What `#[derive(Exception)]` asks of its type.
// No supertrait: rustc would then complain of `Error`, in its own words.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no error, so it has no text to tell a client",
    label = "does not implement `std::error::Error`",
    note = "derive it too: `#[derive(Debug, thiserror::Error, Exception)]`, with an `#[error(\"…\")]` for each failure"
)]
pub trait Failure {
    /// The text for the client.
    fn text(&self) -> String;
    /// The error for the log.
    fn as_error(&self) -> &(dyn std::error::Error + '_);
}

#[diagnostic::do_not_recommend]
impl<T: std::error::Error> Failure for T {
    fn text(&self) -> String {
        self.to_string()
    }

    fn as_error(&self) -> &(dyn std::error::Error + '_) {
        self
    }
}
