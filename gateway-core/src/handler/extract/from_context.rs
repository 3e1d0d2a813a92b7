//! The trait of handler and hook arguments, and simple extractors.

use std::ops::Deref;

use bytes::Bytes;

use crate::error::Rejection;
use crate::handler::{Context, Requirements, Service, on};
use crate::hub::Namespace;
use crate::session::DisconnectReason;
use crate::socket::Socket;
use crate::transport::Handshake;

/// A type that can be an argument of a handler (`On` = [`on::Message`]) or of a hook.
///
/// Implement it for an extractor of your own; `impl<On> FromContext<On> for …` covers handlers and all hooks at once.
///
/// ```
/// use gateway_core::extract::FromContext;
/// use gateway_core::{Context, Rejection};
///
/// struct Language(String);
///
/// impl FromContext for Language {
///     fn from_context(context: &Context<'_>) -> Result<Self, Rejection> {
///         let header = context.handshake().header("accept-language");
///         header.map(|value| Self(value.to_owned())).ok_or_else(|| Rejection::new("no_language", "say your language"))
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an argument here",
    label = "this is not an extractor for this kind of method",
    note = "handlers read `Socket`, `Data<T>`, `Args<T>`, `RawArgs`, `State<T>`, `Auth<T>`, `Extension<T>`, `Handshake`, `Path<T>`, `EventName`, `Bytes`, `Ack`, `Cancellation`, `PerSocket<T>` and `Namespace`; hooks read what belongs to the socket; `#[on_disconnect]` reads `DisconnectReason` too",
    note = "a payload of your own type `T` is `Data<T>`, and there is none before the first event; something provided to the server is `State<T>`, and what a guard granted `Auth<T>`",
    note = "an extractor of your own that hooks read too is an `impl<On> FromContext<On> for …`"
)]
pub trait FromContext<On = on::Message>: Sized {
    /// Reads the argument.
    ///
    /// # Errors
    ///
    /// A [`Rejection`], which is sent to the client; the handler does not run.
    fn from_context(context: &Context<'_>) -> Result<Self, Rejection>;

    /// Declares requirements on the server, so that a missing value fails the start instead of a request.
    fn needs(needs: &mut Requirements<'_>) {
        let _ = needs;
    }
}

/// The argument, or the rejection, for handlers that run without it.
impl<On, T: FromContext<On>> FromContext<On> for Result<T, Rejection> {
    fn from_context(context: &Context<'_>) -> Result<Self, Rejection> {
        Ok(T::from_context(context))
    }

    fn needs(needs: &mut Requirements<'_>) {
        needs.optional(T::needs);
    }
}

impl<On: on::OfSocket> FromContext<On> for Socket {
    fn from_context(context: &Context<'_>) -> Result<Self, Rejection> {
        context.socket().cloned()
    }
}

impl<On: on::OfSocket> FromContext<On> for Handshake {
    fn from_context(context: &Context<'_>) -> Result<Self, Rejection> {
        Ok(context.socket()?.handshake().clone())
    }
}

impl<On: on::OfSocket> FromContext<On> for Namespace {
    fn from_context(context: &Context<'_>) -> Result<Self, Rejection> {
        Ok(context.socket()?.namespace())
    }
}

impl FromContext<on::Disconnect> for DisconnectReason {
    fn from_context(context: &Context<'_>) -> Result<Self, Rejection> {
        context.reason().cloned().ok_or_else(|| Rejection::new("internal", "nothing was disconnected"))
    }
}

/// A service of the server, found by its type. The service is cloned, so provide an `Arc` if cloning is expensive.
#[derive(Clone, Copy, Debug)]
pub struct State<T>(pub T);

impl<On, T: Service> FromContext<On> for State<T> {
    fn from_context(context: &Context<'_>) -> Result<Self, Rejection> {
        context.service().map(Self).ok_or_else(|| {
            let service = std::any::type_name::<T>();
            let log = |id: &str| tracing::error!(service, id, "a handler requires a service that was not provided");
            Rejection::internal(log)
        })
    }

    fn needs(needs: &mut Requirements<'_>) {
        needs.service::<T>();
    }
}

impl<T> Deref for State<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

/// The event's name, as sent.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct EventName(pub String);

impl FromContext<on::Message> for EventName {
    fn from_context(context: &Context<'_>) -> Result<Self, Rejection> {
        Ok(Self(context.event().to_owned()))
    }
}

impl Deref for EventName {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

/// Binary data. In JSON on plain WebSocket it is a base64 string.
impl FromContext<on::Message> for Bytes {
    fn from_context(context: &Context<'_>) -> Result<Self, Rejection> {
        let read = context.list().read_value();
        read.map_err(|_| Rejection::new("unreadable", "the data is neither binary nor a base64 string"))
    }
}
