//! Return types of hooks.

use std::fmt;

use crate::error::{ConnectRejection, Exception, Rejection};
use crate::handler::{Context, Guards, HandlerFuture, IntoException, RawReply, Reply};

/// An error type that refuses a connection: [`ConnectRejection`] itself and every exception.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot refuse a connection",
    label = "this error is not a rejection",
    note = "return `Result<(), ConnectRejection>`, or put `#[derive(Exception)]` on `{Self}`"
)]
pub trait IntoConnectRejection {
    /// Converts into the refusal sent to the client.
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

/// A return type of `#[on_connect]`: `()`, or a `Result<(), _>` with a refusal or an exception.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an output of a connect hook",
    label = "a connect hook cannot return this",
    note = "return `()` to accept always, or `Result<(), ConnectRejection>`"
)]
pub trait ConnectOutput {
    /// The decision.
    fn into_output(self) -> Result<(), ConnectRejection>;
}

impl ConnectOutput for () {
    fn into_output(self) -> Result<(), ConnectRejection> {
        Ok(())
    }
}

impl<E: IntoConnectRejection> ConnectOutput for Result<(), E> {
    fn into_output(self) -> Result<(), ConnectRejection> {
        self.map_err(E::into_connect_rejection)
    }
}

impl From<Rejection> for Result<(), ConnectRejection> {
    fn from(rejection: Rejection) -> Self {
        Err(rejection.into())
    }
}

/// A return type of `#[on_disconnect]`: `()`, or a `Result<(), _>` with an exception, which is logged.
#[diagnostic::on_unimplemented(
    message = "a disconnect hook cannot return `{Self}`",
    label = "a disconnect hook cannot return this",
    note = "return `()`, or `Result<(), E>` where `E` derives `Exception`; the failure is logged"
)]
pub trait DisconnectOutput {
    /// The failure, if any.
    fn into_output(self) -> Result<(), Exception>;
}

impl DisconnectOutput for () {
    fn into_output(self) -> Result<(), Exception> {
        Ok(())
    }
}

impl<E: IntoException> DisconnectOutput for Result<(), E> {
    fn into_output(self) -> Result<(), Exception> {
        self.map_err(E::into_exception)
    }
}

impl From<Rejection> for Result<(), Exception> {
    fn from(rejection: Rejection) -> Self {
        Err(rejection.into_exception())
    }
}

/// A return type of `#[on_init]`: `()`, or a `Result<(), _>` with any error, which fails the start.
#[diagnostic::on_unimplemented(
    message = "an init hook cannot return `{Self}`",
    label = "an init hook cannot return this",
    note = "return `()`, or `Result<(), E>` where `E` implements `Display`; the failure stops the start"
)]
pub trait InitOutput {
    /// The failure, if any.
    fn into_output(self) -> Result<(), String>;
}

impl InitOutput for () {
    fn into_output(self) -> Result<(), String> {
        Ok(())
    }
}

impl<E: fmt::Display> InitOutput for Result<(), E> {
    fn into_output(self) -> Result<(), String> {
        self.map_err(|error| error.to_string())
    }
}

impl From<Rejection> for Result<(), String> {
    fn from(rejection: Rejection) -> Self {
        Err(rejection.to_string())
    }
}

/// A hook bound to its gateway.
pub(crate) type RunHook<T> = Box<dyn Fn(&Context<'_>) -> HandlerFuture<T> + Send + Sync>;

/// A handler bound to its gateway.
pub(crate) type RunHandler = RunHook<Reply>;

/// A hook with its guards.
pub(crate) struct GuardedHook<T> {
    pub(crate) guards: Guards,
    pub(crate) run: RunHook<T>,
}

/// All hooks of a gateway for sockets.
#[derive(Default)]
pub(crate) struct Hooks {
    /// Connect hooks; the guards of the gateway itself run before.
    pub(crate) connect: Vec<GuardedHook<Result<(), ConnectRejection>>>,
    pub(crate) disconnect: Vec<RunHook<Result<(), Exception>>>,
    pub(crate) message: Option<GuardedHook<RawReply>>,
}

impl fmt::Debug for Hooks {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Hooks({} connect, {} disconnect)", self.connect.len(), self.disconnect.len())
    }
}
