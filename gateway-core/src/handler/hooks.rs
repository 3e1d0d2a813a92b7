//! What hooks return: a verdict on a new socket, the end of one that left, the start of a gateway.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;

use serde::Serialize;

use crate::handler::{Context, Exception, Guards, HandlerFuture, IntoException, RawReply, Rejection};
use crate::metrics::RefusedSocket;
use crate::protocol::CloseCode;

/// A connect hook's no: what the client reads before the connection closes, and the code it closes with.
///
/// ```
/// use gateway_core::ConnectRejection;
///
/// let refusal = ConnectRejection::new("banned", "come back tomorrow").with_details(&serde_json::json!({"days": 1}));
/// assert_eq!(refusal.close_code().as_u16(), 4500);
/// ```
#[derive(Debug)]
pub struct ConnectRejection {
    exception: Exception,
    close: CloseCode,
    by: RejectedBy,
}

/// Who refuses.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum RejectedBy {
    Guard,
    Hook,
}

impl ConnectRejection {
    /// A refusal with a code for programs and a message for people.
    pub fn new(code: impl Into<Cow<'static, str>>, message: impl Into<Cow<'static, str>>) -> Self {
        Exception::new(code, message).into()
    }

    /// A refusal with a message only.
    pub fn message(message: impl Into<Cow<'static, str>>) -> Self {
        Exception::message(message).into()
    }

    /// Adds facts for programs.
    #[must_use]
    pub fn with_details<T: Serialize + ?Sized>(mut self, details: &T) -> Self {
        self.exception = self.exception.with_details(details);
        self
    }

    /// Closes with another code than [`CloseCode::REFUSED`].
    #[must_use]
    pub fn with_close_code(mut self, code: CloseCode) -> Self {
        self.close = code;
        self
    }

    /// The code the connection closes with.
    #[must_use]
    pub fn close_code(&self) -> CloseCode {
        self.close
    }

    /// The same, by a guard.
    pub(crate) fn by_guard(self) -> Self {
        Self { by: RejectedBy::Guard, ..self }
    }

    pub(crate) fn by(&self) -> RejectedBy {
        self.by
    }

    /// For the log.
    pub(crate) fn told<'a>(&'a self, namespace: &'a str) -> RefusedSocket<'a> {
        let by = match self.by {
            RejectedBy::Guard => "a guard",
            RejectedBy::Hook => "a connect hook",
        };
        RefusedSocket { namespace, by, text: self.exception.text() }
    }

    /// What the client reads.
    #[must_use]
    pub fn exception(&self) -> &Exception {
        &self.exception
    }
}

impl fmt::Display for ConnectRejection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.exception.fmt(formatter)
    }
}

impl Error for ConnectRejection {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.exception.source()
    }
}

impl From<Exception> for ConnectRejection {
    fn from(exception: Exception) -> Self {
        let close = if exception.id().is_some() { CloseCode::INTERNAL } else { CloseCode::REFUSED };
        Self { exception, close, by: RejectedBy::Hook }
    }
}

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

/// An error type that refuses a connection: [`ConnectRejection`] itself and every exception.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot refuse a connection",
    label = "this error is no refusal",
    note = "return `Result<(), ConnectRejection>`, or put `#[derive(Exception)]` on `{Self}`"
)]
pub trait IntoConnectRejection {
    /// What the client reads.
    fn into_connect_rejection(self) -> ConnectRejection;
}

impl IntoConnectRejection for ConnectRejection {
    fn into_connect_rejection(self) -> ConnectRejection {
        self
    }
}

#[diagnostic::do_not_recommend]
impl<E: IntoException> IntoConnectRejection for E {
    fn into_connect_rejection(self) -> ConnectRejection {
        self.into_exception().into()
    }
}

/// What a connect hook decided.
#[derive(Debug)]
pub struct Verdict(pub(crate) Result<(), ConnectRejection>);

/// What `#[on_connect]` may return: `()`, or a `Result<(), _>` with a refusal or an exception.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no verdict on a connection",
    label = "a connect hook cannot return this",
    note = "return `()` to accept always, or `Result<(), ConnectRejection>`"
)]
pub trait IntoVerdict {
    /// The decision.
    fn into_verdict(self) -> Verdict;
}

impl IntoVerdict for () {
    fn into_verdict(self) -> Verdict {
        Verdict(Ok(()))
    }
}

impl<E: IntoConnectRejection> IntoVerdict for Result<(), E> {
    fn into_verdict(self) -> Verdict {
        Verdict(self.map_err(E::into_connect_rejection))
    }
}

impl From<Rejection> for Verdict {
    fn from(rejection: Rejection) -> Self {
        Self(Err(rejection.into()))
    }
}

/// What a disconnect hook left: nothing, or a failure for the log.
#[derive(Debug)]
pub struct Ended(pub(crate) Result<(), Exception>);

/// What `#[on_disconnect]` may return: `()`, or a `Result<(), _>` with an exception, which is logged.
#[diagnostic::on_unimplemented(
    message = "a disconnect hook cannot return `{Self}`",
    label = "a disconnect hook cannot return this",
    note = "return `()`, or `Result<(), E>` where `E` derives `Exception`; the failure is logged"
)]
pub trait IntoEnded {
    /// The failure, if any.
    fn into_ended(self) -> Ended;
}

impl IntoEnded for () {
    fn into_ended(self) -> Ended {
        Ended(Ok(()))
    }
}

impl<E: IntoException> IntoEnded for Result<(), E> {
    fn into_ended(self) -> Ended {
        Ended(self.map_err(E::into_exception))
    }
}

impl From<Rejection> for Ended {
    fn from(rejection: Rejection) -> Self {
        Self(Err(rejection.into_exception()))
    }
}

/// What an init hook left: nothing, or why the server must not start.
#[derive(Debug)]
pub struct Started(pub(crate) Result<(), String>);

/// What `#[on_init]` may return: `()`, or a `Result<(), _>` with any error, which stops the start.
#[diagnostic::on_unimplemented(
    message = "an init hook cannot return `{Self}`",
    label = "an init hook cannot return this",
    note = "return `()`, or `Result<(), E>` where `E` implements `Display`; the failure stops the start"
)]
pub trait IntoStarted {
    /// The failure, if any.
    fn into_started(self) -> Started;
}

impl IntoStarted for () {
    fn into_started(self) -> Started {
        Started(Ok(()))
    }
}

impl<E: fmt::Display> IntoStarted for Result<(), E> {
    fn into_started(self) -> Started {
        Started(self.map_err(|error| error.to_string()))
    }
}

impl From<Rejection> for Started {
    fn from(rejection: Rejection) -> Self {
        Self(Err(rejection.to_string()))
    }
}

/// A hook bound to its gateway.
pub(crate) type RunHook<T> = Box<dyn Fn(&Context<'_>) -> HandlerFuture<T> + Send + Sync>;

/// A hook, and the guards before it.
pub(crate) struct GuardedHook<T> {
    pub(crate) guards: Guards,
    pub(crate) run: RunHook<T>,
}

/// All hooks of one gateway that are of use to a socket.
#[derive(Default)]
pub(crate) struct Hooks {
    /// The guards of the gateway itself were asked before.
    pub(crate) connect: Vec<GuardedHook<Verdict>>,
    pub(crate) disconnect: Vec<RunHook<Ended>>,
    pub(crate) message: Option<GuardedHook<RawReply>>,
}

impl fmt::Debug for Hooks {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Hooks({} connect, {} disconnect)", self.connect.len(), self.disconnect.len())
    }
}
