//! The place of a request in a distributed trace, as an argument.

use crate::dispatch::{Context, FromContext, Rejection, on};
use crate::wire::TraceParent;

impl<On: on::OfSocket> FromContext<On> for Option<TraceParent> {
    fn from_context(context: &Context<'_>) -> Result<Self, Rejection> {
        Ok(context.traceparent())
    }
}
