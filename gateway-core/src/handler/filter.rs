//! Filters: conversion of failures into answers.

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

/// A conversion of failures of one error type into answers.
///
/// `#[filter(StoreFailures)]` adds a filter to a method or a whole gateway, [`Server::filter`](crate::Server::filter) to
/// all of them. The nearest filter runs first: the method's, then the gateway's, then the server's; of two at one place the
/// lower one. Filters get failures of handlers, guards and interceptors, unreadable arguments, panics and timeouts.
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
    message = "`{Self}` is not a filter",
    label = "this does not handle failures",
    note = "implement `Filter` for `{Self}`: `fn catch(&self, error: &Self::Error, context: &Context<'_>) -> FilterOutcome`"
)]
pub trait Filter: Send + Sync + 'static {
    /// The type of error to catch: the error a handler returned, or the first of its sources of this type.
    /// [`Exception`] catches every failure, [`Rejection`](crate::Rejection) every unreadable argument.
    type Error: Error + 'static;

    /// Decides on the answer to the failure.
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
    /// Answers with this exception instead.
    #[must_use]
    pub fn answer(error: impl IntoException) -> Self {
        Self(FilterAction::Answer(error.into_exception().into()))
    }

    /// Answers with a reply as if the handler had succeeded: a value, or an event by [`Reply::event`].
    #[must_use]
    pub fn reply(reply: impl IntoReply) -> Self {
        Self(FilterAction::Answer(reply.into_reply()))
    }

    /// Passes the failure to the next filter, or unchanged to the client after the last one.
    #[must_use]
    pub fn rethrow() -> Self {
        Self(FilterAction::Rethrow)
    }

    /// Sends the failure unchanged to the client, then disconnects the socket.
    #[must_use]
    pub fn disconnect(disconnect: Disconnect) -> Self {
        Self(FilterAction::Disconnect(disconnect))
    }
}

/// A type-erased filter.
pub(crate) struct ErasedFilter(Box<dyn AnyFilter>);

impl ErasedFilter {
    pub(crate) fn new<F: Filter>(filter: Arc<F>) -> Self {
        Self(Box::new(TypedFilter(filter)))
    }

    /// Returns `true` if one of these error types could be the filter's. Every handler may fail with the framework's own.
    pub(crate) fn may_catch(&self, types: &ErrorTypes) -> bool {
        let error = self.0.error_type();
        error == TypeId::of::<Exception>() || error == TypeId::of::<Rejection>() || types.contains(error)
    }

    /// The name of the filter's error type.
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
    /// Returns `None` if the failure is not of the filter's error type.
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

/// Filters in the order they run: the nearest first.
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

    /// The filters, each shared by all its handlers.
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

/// A handler's outcome after the filters.
#[derive(Debug)]
pub(crate) struct FilteredReply {
    pub(crate) reply: Reply,
    /// Set if the handler failed, even if the answer is a reply.
    pub(crate) has_failed: bool,
    /// Disconnect after the answer.
    pub(crate) then: Option<Disconnect>,
}

impl From<Reply> for FilteredReply {
    fn from(reply: Reply) -> Self {
        Self { has_failed: reply.exception().is_some(), reply, then: None }
    }
}
