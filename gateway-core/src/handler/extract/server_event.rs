//! Arguments of methods with `#[on_server_event]`. There is no socket: an event comes from another server.

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::error::Rejection;
use crate::handler::{Context, Data, EventName, FromContext, Requirements, Service, State, on};
use crate::hub::Namespace;
use crate::protocol::{Args, RawArgs};

/// A type that can be an argument of a method with [`#[on_server_event]`](macro@crate::cluster::on_server_event).
///
/// Implement it for an extractor of your own; [`Context::socket`] then returns an error, and [`Context::handshake`] is empty.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an argument of `#[on_server_event]`",
    label = "this cannot be read from an event of another server",
    note = "a server-side event is read as `Data<T>`, `Args<T>`, `RawArgs`, `Bytes`, `EventName`, `State<T>` or `Namespace`; it has no socket",
    note = "the handle of the server is `State<ServerHandle>`"
)]
pub trait FromServerEvent: Sized {
    /// Reads the argument.
    ///
    /// # Errors
    ///
    /// A [`Rejection`], which answers the other server if it asked for an answer; the method does not run.
    fn from_context(context: &Context<'_>) -> Result<Self, Rejection>;

    /// Declares requirements on the server, so that a missing value fails the start instead of an event.
    fn needs(needs: &mut Requirements<'_>) {
        let _ = needs;
    }
}

/// The namespace of a server-side event, among the event's extensions.
#[derive(Clone, Debug)]
pub(crate) struct ServerEventNamespace(pub(crate) Namespace);

impl FromServerEvent for Namespace {
    fn from_context(context: &Context<'_>) -> Result<Self, Rejection> {
        let namespace = context.extensions().get::<ServerEventNamespace>();
        namespace.map(|namespace| namespace.0).ok_or_else(|| Rejection::new("internal", "there is no namespace"))
    }
}

/// The argument, or the rejection, for methods that run without it.
impl<T: FromServerEvent> FromServerEvent for Result<T, Rejection> {
    fn from_context(context: &Context<'_>) -> Result<Self, Rejection> {
        Ok(T::from_context(context))
    }

    fn needs(needs: &mut Requirements<'_>) {
        needs.optional(T::needs);
    }
}

/// Arguments that are read from an event of another server as from a client's.
macro_rules! as_from_a_client {
    ($($type:ty, [$($generics:tt)*];)*) => {$(
        impl<$($generics)*> FromServerEvent for $type {
            fn from_context(context: &Context<'_>) -> Result<Self, Rejection> {
                <Self as FromContext<on::Message>>::from_context(context)
            }

            fn needs(needs: &mut Requirements<'_>) {
                <Self as FromContext<on::Message>>::needs(needs);
            }
        }
    )*};
}

as_from_a_client! {
    Data<T>, [T: DeserializeOwned];
    Args<T>, [T: DeserializeOwned];
    RawArgs, [];
    Box<RawValue>, [];
    Bytes, [];
    EventName, [];
    State<T>, [T: Service];
}
