//! Conversions into an exception, for errors of the application and of the framework.

use crate::error::{ConnectRejection, Exception, Rejection};
#[cfg(feature = "contract")]
use crate::handler::ErrorCodes;
use crate::handler::ErrorTypes;
use crate::hub::JoinError;
use crate::hub::RequestError;
use crate::protocol::Malformed;
use crate::session::SendError;
use crate::transport::AuthError;

/// An error type that can be sent to a client. Derive it with `#[derive(Exception)]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no exception: it cannot be told to a client",
    label = "this error has no exception",
    note = "put `#[derive(Exception)]` on an error type of your own",
    note = "map another error: `.map_err(|error| Exception::hidden(\"code\", &error))`, with `&*error` for a boxed one; a text is told by `Exception::new(\"code\", text)`"
)]
pub trait IntoException {
    /// Converts into the exception that the client gets.
    fn into_exception(self) -> Exception;

    /// Adds the error types that filters may get. Default: any.
    #[doc(hidden)]
    fn error_types(types: &mut ErrorTypes)
    where
        Self: Sized,
    {
        types.add_unknown();
    }

    /// Adds the codes that the exceptions may have. Default: any.
    #[cfg(feature = "contract")]
    #[doc(hidden)]
    fn error_codes(codes: &mut ErrorCodes)
    where
        Self: Sized,
    {
        codes.add_unknown();
    }
}

impl IntoException for Exception {
    fn into_exception(self) -> Exception {
        self
    }
}

impl IntoException for std::convert::Infallible {
    fn into_exception(self) -> Exception {
        match self {}
    }

    fn error_types(_: &mut ErrorTypes) {}

    #[cfg(feature = "contract")]
    fn error_codes(_: &mut ErrorCodes) {}
}

impl IntoException for Rejection {
    fn into_exception(self) -> Exception {
        Self::into_exception(self)
    }

    fn error_types(types: &mut ErrorTypes) {
        types.add::<Self>();
    }
}

impl IntoException for Malformed {
    fn into_exception(self) -> Exception {
        Exception::framework("malformed", self.why)
    }
}

impl IntoException for JoinError {
    fn into_exception(self) -> Exception {
        let exception = match &self {
            Self::TooMany => Exception::framework("too_many_rooms", self.to_string()),
            Self::Private => Exception::framework("private_room", self.to_string()),
            Self::Refused(exception) => return exception.clone(),
            Self::Gone => Exception::hidden("gone", &self),
        };
        exception.with_source(self)
    }
}

impl IntoException for SendError {
    fn into_exception(self) -> Exception {
        Exception::hidden("unsent", &self).with_source(self)
    }
}

impl IntoException for RequestError {
    fn into_exception(self) -> Exception {
        let exception = match &self {
            Self::Timeout => Exception::framework("no_answer", "you did not answer in time"),
            Self::Refused(_) | Self::Unreadable(_) => Exception::framework("bad_answer", self.to_string()),
            Self::Gone | Self::Unsent(_) | Self::NotConnected | Self::TooMany | Self::Unserializable => {
                Exception::hidden("unasked", &self)
            }
        };
        exception.with_source(self)
    }
}

impl IntoException for AuthError {
    fn into_exception(self) -> Exception {
        Exception::framework("unauthorized", self.to_string()).with_source(self)
    }
}

/// An error that `?` converts into an exception: the framework's own, and those with `#[derive(Exception)]`.
#[diagnostic::on_unimplemented(
    message = "`?` cannot make an exception of `{Self}`: nobody said what a client is told of it",
    label = "no exception: `.map_err(|error| Exception::hidden(\"code\", &error))?` makes one, or an error type with `#[derive(Exception)]`",
    note = "say it in place: `.map_err(|error| Exception::hidden(\"code\", &error))?`, with `&*error` for a boxed one",
    note = "or return an error type of your own, with `#[derive(Debug, thiserror::Error, Exception)]` and a variant `Io(#[from] std::io::Error)`"
)]
pub trait FrameworkError: IntoException {}

impl<E: FrameworkError> From<E> for Exception {
    fn from(error: E) -> Self {
        error.into_exception()
    }
}

impl FrameworkError for RequestError {}
impl FrameworkError for AuthError {}
impl FrameworkError for JoinError {}
impl FrameworkError for SendError {}
impl FrameworkError for Rejection {}
impl FrameworkError for Malformed {}

macro_rules! refuse_with {
    ($($error:ty)*) => {$(
        impl From<$error> for ConnectRejection {
            fn from(error: $error) -> Self {
                error.into_exception().into()
            }
        }
    )*};
}

refuse_with!(Rejection crate::hub::JoinError crate::session::SendError crate::transport::AuthError);
