//! Optional arguments, such as the trace of a request.

use crate::error::Rejection;
use crate::handler::{Context, FromContext, on};
use crate::protocol::TraceParent;

/// A type that can be an optional argument.
#[diagnostic::on_unimplemented(
    message = "`Option<{Self}>` cannot be an argument here",
    label = "this is read, or the handler does not run",
    note = "a payload that may be missing is a `Data` of an option: `Data<Option<T>>`",
    note = "to run without an argument that cannot be read, take `Result<{Self}, Rejection>`"
)]
pub trait FromContextOptional<On>: Sized {
    /// Reads the argument; `None` if it is missing.
    #[doc(hidden)]
    fn from_context_optional(context: &Context<'_>) -> Result<Option<Self>, Rejection>;
}

impl<On, T: FromContextOptional<On>> FromContext<On> for Option<T> {
    fn from_context(context: &Context<'_>) -> Result<Self, Rejection> {
        T::from_context_optional(context)
    }
}

impl<On: on::OfSocket> FromContextOptional<On> for TraceParent {
    fn from_context_optional(context: &Context<'_>) -> Result<Option<Self>, Rejection> {
        Ok(context.traceparent())
    }
}
