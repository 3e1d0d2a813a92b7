//! Refusals of sockets by connect hooks.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;

use serde::Serialize;

use crate::error::Exception;
use crate::metrics::RefusedSocket;
use crate::protocol::CloseCode;

/// A connect hook's refusal: the exception sent to the client before the connection closes, and the close code.
///
/// ```
/// use gateway_core::ConnectRejection;
///
/// let refusal = ConnectRejection::new("banned", "try again tomorrow").with_details(&serde_json::json!({"days": 1}));
/// assert_eq!(refusal.close_code().as_u16(), 4500);
/// ```
#[derive(Debug)]
pub struct ConnectRejection {
    exception: Exception,
    close: CloseCode,
    by: RejectedBy,
}

/// Source of a refusal.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum RejectedBy {
    Guard,
    Hook,
}

impl ConnectRejection {
    /// Creates a refusal with a code for programs and a message for humans.
    pub fn new(code: impl Into<Cow<'static, str>>, message: impl Into<Cow<'static, str>>) -> Self {
        Exception::new(code, message).into()
    }

    /// Creates a refusal with a message only.
    pub fn message(message: impl Into<Cow<'static, str>>) -> Self {
        Exception::message(message).into()
    }

    /// Adds data for programs.
    #[must_use]
    pub fn with_details<T: Serialize + ?Sized>(mut self, details: &T) -> Self {
        self.exception = self.exception.with_details(details);
        self
    }

    /// Sets the close code. Default [`CloseCode::REFUSED`].
    #[must_use]
    pub fn with_close_code(mut self, code: CloseCode) -> Self {
        self.close = code;
        self
    }

    /// The close code of the connection.
    #[must_use]
    pub fn close_code(&self) -> CloseCode {
        self.close
    }

    /// Marks the refusal as a guard's.
    pub(crate) fn by_guard(self) -> Self {
        Self { by: RejectedBy::Guard, ..self }
    }

    pub(crate) fn by(&self) -> RejectedBy {
        self.by
    }

    /// Data for the log.
    pub(crate) fn notice<'a>(&'a self, namespace: &'a str) -> RefusedSocket<'a> {
        let by = match self.by {
            RejectedBy::Guard => "a guard",
            RejectedBy::Hook => "a connect hook",
        };
        RefusedSocket { namespace, by, text: self.exception.text() }
    }

    /// The exception sent to the client.
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
