//! Sockets that are not let in.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;

use serde::Serialize;

use crate::error::Exception;
use crate::metrics::RefusedSocket;
use crate::protocol::CloseCode;

/// A connect hook's no: what the client reads before the connection closes, and the code it closes with.
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
