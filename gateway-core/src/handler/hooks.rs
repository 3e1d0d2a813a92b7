//! What hooks return: a verdict on a new socket, the end of one that left, the start of a gateway.

use std::fmt;

use crate::error::{ConnectRejection, Exception, Rejection};
use crate::handler::{Context, Guards, HandlerFuture, IntoException, RawReply};

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
