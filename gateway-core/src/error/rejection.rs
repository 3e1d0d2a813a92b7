//! Arguments that could not be read.

use std::borrow::Cow;
use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;

use crate::error::exception::{Exception, INTERNAL, new_id};
use crate::protocol::Fault;

/// An argument that could not be read from what the client sent.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct Rejection {
    code: Cow<'static, str>,
    message: Cow<'static, str>,
    details: Option<Arc<Value>>,
    /// Under which the log has what the client is not told.
    id: Option<Box<str>>,
}

impl Rejection {
    /// A rejection with a code for programs and a message for people.
    pub fn new(code: impl Into<Cow<'static, str>>, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code: code.into(), message: message.into(), details: None, id: None }
    }

    /// Adds facts for programs, as the exception's `details`.
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

    /// The facts for programs: of data that cannot be read or breaks a rule, the list of its faults.
    #[must_use]
    pub fn details(&self) -> Option<&Value> {
        self.details.as_deref()
    }

    /// Something with faults: the first of them in words, all of them in the details.
    pub(crate) fn of_faults(code: &'static str, lead: &str, faults: &[Fault]) -> Self {
        let message = match faults {
            [] => lead.to_owned(),
            [only] => format!("{lead}: {only}"),
            [first, others @ ..] => format!("{lead}: {first} (and {} more)", others.len()),
        };
        Self::new(code, message).with_details(faults)
    }

    /// Data that cannot be read.
    pub(crate) fn unreadable(lead: &str, fault: &Fault) -> Self {
        Self::of_faults("unreadable", lead, std::slice::from_ref(fault))
    }

    /// The application is wrong, and the client reads no more than that and an id. `log` writes the rest, with this id.
    pub(crate) fn internal(log: impl FnOnce(&str)) -> Self {
        let id = new_id();
        log(&id);
        Self { id: Some(id), ..Self::new("internal", INTERNAL) }
    }

    /// The exception that the client gets.
    pub(crate) fn into_exception(self) -> Exception {
        let Self { code, message, details, id } = self.clone();
        let exception = Exception::new(code, message).of_framework().with_id(id).with_source(self);
        match details {
            Some(details) => exception.with_shared_details(details),
            None => exception,
        }
    }
}
