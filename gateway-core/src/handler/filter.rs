//! Filters: from a failure to what the client is told of it.

use std::any::{TypeId, type_name};
use std::error::Error;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::error::{Exception, Rejection};
use crate::handler::context::Context;
use crate::handler::{ErrorTypes, IntoException, IntoReply, Layer, Reply, reply::Outcome};
use crate::metrics::Counter;
use crate::protocol::Disconnect;

/// Decides what a client is told of a failure, by the type of the error.
///
/// It stands at a method or a whole gateway by `#[filter(StoreFailures)]`, at everything by
/// [`Server::filter`](crate::Server::filter). The nearest is asked first: the method's, the gateway's, the server's; of two at
/// one place the one that stands lower, and so nearer. It is asked about failures of the handler, of its guards and
/// interceptors, of arguments that could not be read, about panics and handlers that took too long.
///
/// ```
/// use gateway_core::prelude::*;
/// use gateway_core::pipeline::{Filter, FilterOutcome};
///
/// #[derive(Debug, thiserror::Error, Exception)]
/// #[error("no room {0}")]
/// struct NoRoom(String);
///
/// #[derive(Default)]
/// struct Gone;
///
/// impl Filter for Gone {
///     type Error = NoRoom;
///
///     fn catch(&self, error: &NoRoom, _: &Context<'_>) -> FilterOutcome {
///         FilterOutcome::answer(Exception::new("gone", "this room was closed").with_details(&error.0))
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no filter",
    label = "this answers no failure",
    note = "implement `Filter` for `{Self}`: `fn catch(&self, error: &Self::Error, context: &Context<'_>) -> FilterOutcome`"
)]
pub trait Filter: Send + Sync + 'static {
    /// Type of the failures it is asked about: the error a handler returned, or the first of that error's sources of
    /// this type. An [`Exception`] is every failure; a [`Rejection`](crate::Rejection) is every argument that could not
    /// be read.
    type Error: Error + 'static;

    /// Decides how the failure is answered.
    fn catch(&self, error: &Self::Error, context: &Context<'_>) -> FilterOutcome;
}

/// Decision of a filter about a failure.
#[derive(Debug)]
pub struct FilterOutcome(FilterAction);

#[derive(Debug)]
enum FilterAction {
    Answer(Reply),
    Rethrow,
    Disconnect(Disconnect),
}

impl FilterOutcome {
    /// The client is told this exception instead.
    #[must_use]
    pub fn answer(error: impl IntoException) -> Self {
        Self(FilterAction::Answer(error.into_exception().into()))
    }

    /// The client gets a reply, as if nothing had failed: a value, or an event by [`Reply::event`].
    #[must_use]
    pub fn reply(reply: impl IntoReply) -> Self {
        Self(FilterAction::Answer(reply.into_reply()))
    }

    /// The next filter is asked; behind the last one the client is told the failure as it is.
    #[must_use]
    pub fn rethrow() -> Self {
        Self(FilterAction::Rethrow)
    }

    /// The client is told the failure as it is, and then the socket ends.
    #[must_use]
    pub fn disconnect(disconnect: Disconnect) -> Self {
        Self(FilterAction::Disconnect(disconnect))
    }
}

/// A filter whose types are forgotten.
pub(crate) struct ErasedFilter(Box<dyn AnyFilter>);

impl ErasedFilter {
    pub(crate) fn new<F: Filter>(filter: Arc<F>) -> Self {
        Self(Box::new(TypedFilter(filter)))
    }

    /// Returns `true` if one of these errors could be of its type. The framework's are failures of every handler.
    pub(crate) fn may_catch(&self, types: &ErrorTypes) -> bool {
        let error = self.0.error_type();
        error == TypeId::of::<Exception>() || error == TypeId::of::<Rejection>() || types.contains(error)
    }

    /// The name of its error's type.
    pub(crate) fn error_name(&self) -> &'static str {
        self.0.error_name()
    }
}

impl fmt::Debug for ErasedFilter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ErasedFilter")
    }
}

trait AnyFilter: Send + Sync {
    /// `None` where it is not one of its errors.
    fn catch(&self, exception: &Exception, context: &Context<'_>) -> Option<FilterOutcome>;
    fn error_type(&self) -> TypeId;
    fn error_name(&self) -> &'static str;
}

struct TypedFilter<F>(Arc<F>);

impl<F: Filter> AnyFilter for TypedFilter<F> {
    fn catch(&self, exception: &Exception, context: &Context<'_>) -> Option<FilterOutcome> {
        exception.error().map(|error| self.0.catch(error, context))
    }

    fn error_type(&self) -> TypeId {
        TypeId::of::<F::Error>()
    }

    fn error_name(&self) -> &'static str {
        type_name::<F::Error>()
    }
}

/// Filters in the order in which they are asked: the nearest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filters(Vec<Arc<Layer<ErasedFilter>>>);

impl Filters {
    pub(crate) fn new(filters: Vec<Arc<Layer<ErasedFilter>>>) -> Self {
        Self(filters)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Layer<ErasedFilter>> {
        self.0.iter().map(AsRef::as_ref)
    }

    /// Filters, each shared by all handlers under it.
    pub(crate) fn shared(&self) -> &[Arc<Layer<ErasedFilter>>] {
        &self.0
    }

    /// Passes a handler's outcome through the filters.
    pub(crate) fn apply(&self, reply: Reply, context: &Context<'_>) -> FilteredReply {
        match reply.0 {
            Outcome::Failed(exception) => self.catch(exception, context),
            outcome @ (Outcome::Empty | Outcome::Value { .. } | Outcome::Stream(_)) => Reply(outcome).into(),
        }
    }

    fn catch(&self, exception: Exception, context: &Context<'_>) -> FilteredReply {
        for filter in self.iter() {
            let caught = catch_unwind(AssertUnwindSafe(|| filter.layer.0.catch(&exception, context)));
            match caught {
                Ok(None | Some(FilterOutcome(FilterAction::Rethrow))) => {}
                Ok(Some(FilterOutcome(FilterAction::Answer(reply)))) => {
                    let error = exception.log_text();
                    tracing::debug!(filter = %filter.written, error, id = exception.id(), "a filter answered for a failure");
                    return FilteredReply { has_failed: true, ..reply.into() };
                }
                Ok(Some(FilterOutcome(FilterAction::Disconnect(disconnect)))) => {
                    return FilteredReply { then: Some(disconnect), ..Reply::from(exception).into() };
                }
                Err(_) => {
                    if let Some(counters) = context.counters() {
                        counters.add(Counter::Panics);
                    }
                    let log = |id: &str| tracing::error!(filter = %filter.written, id, "a filter panicked");
                    return Reply::from(Exception::internal(log)).into();
                }
            }
        }
        Reply::from(exception).into()
    }
}

/// Answer to a handler's outcome, after the filters.
#[derive(Debug)]
pub(crate) struct FilteredReply {
    pub(crate) reply: Reply,
    /// The handler had failed, whatever the answer says.
    pub(crate) has_failed: bool,
    /// End of the socket, once it was told.
    pub(crate) then: Option<Disconnect>,
}

impl From<Reply> for FilteredReply {
    fn from(reply: Reply) -> Self {
        Self { has_failed: reply.exception().is_some(), reply, then: None }
    }
}
