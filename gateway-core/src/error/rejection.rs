//! Failures to read a handler's argument.

use std::borrow::Cow;
use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;

use crate::error::exception::{Exception, INTERNAL, new_id};
use crate::protocol::Fault;

/// A failure to read a handler's argument from a client's message.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct Rejection {
    code: Cow<'static, str>,
    message: Cow<'static, str>,
    details: Option<Arc<Value>>,
    /// Id under which the log has the text hidden from the client.
    id: Option<Box<str>>,
}

impl Rejection {
    /// Creates a rejection with a code for programs and a message for humans.
    pub fn new(code: impl Into<Cow<'static, str>>, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code: code.into(), message: message.into(), details: None, id: None }
    }

    /// Adds data for programs, as the exception's `details`.
    #[must_use]
    pub fn with_details<T: Serialize + ?Sized>(mut self, details: &T) -> Self {
        self.details = serde_json::to_value(details).ok().map(Arc::new);
        self
    }

    /// The code for programs.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.code
    }

    /// The data for programs. For unreadable or invalid data this is the list of faults.
    #[must_use]
    pub fn details(&self) -> Option<&Value> {
        self.details.as_deref()
    }

    /// Creates a rejection with the first fault as message and all faults as details.
    pub(crate) fn from_faults(code: &'static str, lead: &str, faults: &[Fault]) -> Self {
        let message = match faults {
            [] => lead.to_owned(),
            [only] => format!("{lead}: {only}"),
            [first, others @ ..] => format!("{lead}: {first} (and {} more)", others.len()),
        };
        Self::new(code, message).with_details(faults)
    }

    /// Creates a rejection of unreadable data.
    pub(crate) fn unreadable(lead: &str, fault: &Fault) -> Self {
        Self::from_faults("unreadable", lead, std::slice::from_ref(fault))
    }

    /// Creates a rejection for a mistake of the application. The client gets only an id, with which `log` writes the cause.
    pub(crate) fn internal(log: impl FnOnce(&str)) -> Self {
        let id = new_id();
        log(&id);
        Self { id: Some(id), ..Self::new("internal", INTERNAL) }
    }

    /// Converts into the exception that the client gets.
    pub(crate) fn into_exception(self) -> Exception {
        let Self { code, message, details, id } = self.clone();
        let exception = Exception::new(code, message).of_framework().with_id(id).with_source(self);
        match details {
            Some(details) => exception.with_shared_details(details),
            None => exception,
        }
    }
}
