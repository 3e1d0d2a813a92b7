//! Failures that are sent to the client. The connection stays open.

use std::any::{Any, TypeId};
use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

use data_encoding::BASE64URL_NOPAD;
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::metrics::{ExceptionNotice, cut};
use crate::random::random;

/// Message to the client when the cause is hidden, as in NestJS.
pub(crate) const INTERNAL: &str = "Internal server error";

/// A failure sent to the client as the `exception` event or in the ack.
///
/// ```
/// use gateway_core::Exception;
///
/// let muted = Exception::new("muted", "you are muted").with_details(&serde_json::json!({"until": "noon"}));
/// assert_eq!(muted.code(), Some("muted"));
/// ```
#[derive(Clone, Debug)]
pub struct Exception(Box<Parts>);

// Boxed to keep the `Result` of every handler small.
#[derive(Clone, Debug)]
struct Parts {
    code: Option<Cow<'static, str>>,
    message: Cow<'static, str>,
    details: Option<Arc<Value>>,
    cause: Cause,
    /// Replaces everything else on the wire.
    payload: Option<Value>,
    /// Text hidden from the client, for the log.
    hidden: Option<String>,
    /// Id under which the log has the hidden text.
    id: Option<Box<str>>,
    /// The original error, for filters.
    source: Option<Arc<dyn Error + Send + Sync>>,
    /// Finds errors behind `source` that are not in its chain of sources.
    behind: Option<ErrorChain>,
    /// Set for the framework's own failures, for which NestJS has no code.
    framework: bool,
}

/// Finds the error inside a transparent error, at this depth. A transparent error forwards `source()` to its inner error,
/// so that the inner error itself is not in the chain of sources.
pub(crate) type ErrorChain = for<'a> fn(&'a (dyn Error + 'static), usize) -> Option<&'a (dyn Error + 'static)>;

#[derive(Clone, Debug)]
enum Cause {
    Pattern,
    None,
    Own(Value),
}

impl Exception {
    /// Creates an exception with a code for programs and a message for humans.
    pub fn new(code: impl Into<Cow<'static, str>>, message: impl Into<Cow<'static, str>>) -> Self {
        let mut exception = Self::message(message);
        exception.0.code = Some(code.into());
        exception
    }

    /// Creates an exception with a message only.
    pub fn message(message: impl Into<Cow<'static, str>>) -> Self {
        let message = message.into();
        Self(Box::new(Parts {
            code: None,
            message,
            details: None,
            cause: Cause::Pattern,
            payload: None,
            hidden: None,
            id: None,
            source: None,
            behind: None,
            framework: false,
        }))
    }

    /// Creates an exception whose payload is exactly `payload`.
    pub fn payload<T: Serialize + ?Sized>(payload: &T) -> Self {
        match serde_json::to_value(payload) {
            Ok(payload) => {
                let mut exception = Self::message("");
                exception.0.payload = Some(payload);
                exception
            }
            Err(error) => Self::hidden("unserializable", &error),
        }
    }

    /// Creates an exception whose text goes to the log only. The client receives `Internal server error`, the code, and an id
    /// under which the log has the text.
    pub fn hidden(code: impl Into<Cow<'static, str>>, error: &dyn Error) -> Self {
        let mut exception = Self::new(code, INTERNAL).with_id(Some(new_id()));
        exception.0.hidden = Some(chain(error));
        exception
    }

    /// Creates the exception of a refusing guard: the code `forbidden`, with NestJS's message.
    #[must_use]
    pub fn forbidden() -> Self {
        Self::framework("forbidden", "Forbidden resource")
    }

    /// Creates the exception for a client that is not authenticated: the code `unauthorized`.
    #[must_use]
    pub fn unauthorized() -> Self {
        Self::framework("unauthorized", "you are not signed in")
    }

    /// Creates the exception for a check that cannot be made now, because a service that it needs is away: the code `unavailable`. A
    /// guard that returns it refuses a new client with status 503, and leaves a connected one as it is.
    #[must_use]
    pub fn unavailable() -> Self {
        Self::framework("unavailable", "a service that is needed is away")
    }

    /// Creates the exception for an internal failure of user code. `log` writes the cause with the id that the client gets.
    pub(crate) fn internal(log: impl FnOnce(&str)) -> Self {
        let id = new_id();
        log(&id);
        Self::framework("internal", INTERNAL).with_id(Some(id))
    }

    /// Creates one of the framework's own exceptions, listed in `docs/errors.md`.
    pub(crate) fn framework(code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(code, message).of_framework()
    }

    pub(super) fn of_framework(mut self) -> Self {
        self.0.framework = true;
        self
    }

    pub(super) fn with_id(mut self, id: Option<Box<str>>) -> Self {
        self.0.id = id;
        self
    }

    /// Adds data for programs, as `details`.
    #[must_use]
    pub fn with_details<T: Serialize + ?Sized>(mut self, details: &T) -> Self {
        self.0.details = serde_json::to_value(details).ok().map(Arc::new);
        self
    }

    /// Sets shared details.
    pub(super) fn with_shared_details(mut self, details: Arc<Value>) -> Self {
        self.0.details = Some(details);
        self
    }

    /// Sets `cause`, which by default is the event.
    #[must_use]
    pub fn with_cause<T: Serialize + ?Sized>(mut self, cause: &T) -> Self {
        self.0.cause = serde_json::to_value(cause).map_or(Cause::None, Cause::Own);
        self
    }

    /// Removes `cause`.
    #[must_use]
    pub fn without_cause(mut self) -> Self {
        self.0.cause = Cause::None;
        self
    }

    /// Stores the original error for [`Exception::error`] and filters. It is not sent to the client.
    #[must_use]
    pub fn with_source(mut self, error: impl Error + Send + Sync + 'static) -> Self {
        self.0.source = Some(Arc::new(error));
        self.0.behind = None;
        self
    }

    /// Sets a function that finds further errors behind the source.
    pub(crate) fn with_behind(mut self, behind: ErrorChain) -> Self {
        self.0.behind = Some(behind);
        self
    }

    /// Returns the original error, or the first of its sources, that is an `E`. Also finds an error inside
    /// `#[error(transparent)]`. For `E = Exception`, the exception itself.
    #[must_use]
    pub fn error<E: Error + 'static>(&self) -> Option<&E> {
        if TypeId::of::<E>() == TypeId::of::<Self>() {
            return (self as &dyn Any).downcast_ref();
        }
        let first = self.0.source.as_deref().map(|error| error as &(dyn Error + 'static));
        find(first).or_else(|| {
            let (first, behind) = (first?, self.0.behind?);
            (0..).map_while(|depth| behind(first, depth)).find_map(|error| find(Some(error)))
        })
    }

    /// The id under which the log has the text hidden from the client.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.0.id.as_deref()
    }

    /// The code, if any.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.0.code.as_deref()
    }

    /// The message to the client.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0.message
    }

    /// The data for programs, if any.
    #[must_use]
    pub fn details(&self) -> Option<&Value> {
        self.0.details.as_deref()
    }

    pub(crate) fn notice(&self) -> ExceptionNotice<'_> {
        ExceptionNotice { code: self.code(), hidden: self.hidden_text(), id: self.id() }
    }

    /// The hidden text, for the log.
    pub(crate) fn hidden_text(&self) -> Option<&str> {
        self.0.hidden.as_deref().map(cut)
    }

    /// The hidden text or else the message, for the log.
    pub(crate) fn log_text(&self) -> &str {
        self.hidden_text().unwrap_or(cut(&self.0.message))
    }

    /// The JSON of `data` in the exception frame. `echo` is the request's data, if compatibility requires it.
    pub(crate) fn render(&self, pattern: Option<&str>, echo: Option<&str>, nestjs: bool) -> String {
        if let Some(payload) = &self.0.payload {
            return payload.to_string();
        }
        let cause = match (&self.0.cause, pattern) {
            (Cause::Own(cause), _) => Some(WireCause::Own(cause)),
            (Cause::Pattern, Some(pattern)) => {
                Some(WireCause::Pattern { pattern, data: echo.and_then(|echo| serde_json::from_str(echo).ok()) })
            }
            (Cause::Pattern, None) | (Cause::None, _) => None,
        };
        let is_ours = self.0.framework || self.0.hidden.is_some();
        let code = self.code().filter(|_| !(nestjs && is_ours));
        let id = self.id().filter(|_| !nestjs);
        let details = self.0.details.as_deref();
        let members = ExceptionMembers { status: "error", message: &self.0.message, code, id, details, cause };
        serde_json::to_string(&members).expect("names and values that are JSON already")
    }

    /// The JSON of a refused namespace request: `message`, and `data` for programs. `data` has the details alone, or the code
    /// and the id with them.
    pub(crate) fn render_refusal(&self) -> String {
        let details = self.0.details.as_deref();
        let data = match (self.code(), self.id()) {
            (None, None) => details.cloned(),
            (code, id) => serde_json::to_value(RejectionData { code, id, details }).ok(),
        };
        let refusal = RejectionMembers { message: &self.0.message, data };
        serde_json::to_string(&refusal).expect("a text and a value that is JSON already")
    }
}

/// Returns the first of an error and its sources that is an `E`.
fn find<'a, E: Error + 'static>(first: Option<&'a (dyn Error + 'static)>) -> Option<&'a E> {
    std::iter::successors(first, |error| (*error).source()).find_map(|error| error.downcast_ref())
}

/// Members of a namespace's refusal, in Socket.IO's order.
#[derive(Serialize)]
struct RejectionMembers<'a> {
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Value>,
}

#[derive(Serialize)]
struct RejectionData<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<&'a Value>,
}

/// Members of an exception's payload, in NestJS's order.
#[derive(Serialize)]
struct ExceptionMembers<'a> {
    status: &'static str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<WireCause<'a>>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum WireCause<'a> {
    Own(&'a Value),
    Pattern {
        pattern: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        data: Option<&'a RawValue>,
    },
}

/// Creates the id of a failure in the log: 12 characters, unguessable.
///
/// # Panics
///
/// When the system's random source fails.
pub(super) fn new_id() -> Box<str> {
    BASE64URL_NOPAD.encode(&random::<9>()).into()
}

/// The error and its sources, for the log.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}

impl fmt::Display for Exception {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Parts { payload, code, message, .. } = &*self.0;
        match (payload, code) {
            (Some(payload), _) => payload.fmt(formatter),
            (None, Some(code)) => write!(formatter, "{message} ({code})"),
            (None, None) => formatter.write_str(message),
        }
    }
}

impl Error for Exception {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        let source = self.0.source.as_deref()?;
        // The source's text is skipped if it is the exception's own.
        if self.0.hidden.is_some() { Some(source) } else { source.source() }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn exceptions_have_the_shape_nestjs_clients_read() {
        let check = |exception: Exception, nestjs: bool, expected: Value| {
            let text = exception.render(Some("push"), nestjs.then_some("[1]"), nestjs);
            assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), expected);
        };
        let plain = json!({"status": "error", "message": "no", "code": "muted", "cause": {"pattern": "push"}});
        check(Exception::new("muted", "no"), false, plain);
        let echoed = json!({"status": "error", "message": "no", "cause": {"pattern": "push", "data": [1]}});
        check(Exception::framework("x", "no"), true, echoed);
        check(Exception::message("r").without_cause(), true, json!({"status": "error", "message": "r"}));
        check(
            Exception::message("r").with_cause(&json!({"ev": "cf"})),
            true,
            json!({"status": "error", "message": "r", "cause": {"ev": "cf"}}),
        );
        check(Exception::payload(&[1, 2]), true, json!([1, 2]));
        let details = json!({"status": "error", "message": "no", "details": {"a": {"b": 1}}, "cause": {"pattern": "push", "data": [1]}});
        check(Exception::message("no").with_details(&json!({"a": {"b": 1}})), true, details);
    }

    #[test]
    fn what_is_hidden_stays_in_the_log() {
        let exception = Exception::hidden("internal", &std::io::Error::other("secret"));
        assert!(!exception.render(None, None, false).contains("secret"));
        assert_eq!(exception.hidden_text(), Some("secret"));
        let payload: Value = serde_json::from_str(&exception.render(None, None, false)).unwrap();
        assert_eq!(payload["id"].as_str(), exception.id());
        assert_eq!(exception.id().map(str::len), Some(12));
        assert!(!exception.render(None, None, true).contains(exception.id().unwrap()));
        let refusal: Value = serde_json::from_str(&exception.render_refusal()).unwrap();
        assert_eq!(refusal["data"], json!({"code": "internal", "id": exception.id()}));
    }

    #[derive(Debug, thiserror::Error)]
    #[error("the store is closed")]
    struct StreamClosed(#[source] std::io::Error);

    #[test]
    fn the_error_it_was_made_from_is_found_by_its_type() {
        let closed = || StreamClosed(std::io::Error::other("no disk"));
        let exception = Exception::hidden("store", &closed()).with_source(closed());
        assert!(exception.error::<StreamClosed>().is_some());
        assert_eq!(exception.error::<std::io::Error>().unwrap().to_string(), "no disk");
        assert!(exception.error::<std::fmt::Error>().is_none());
        assert_eq!(exception.error::<Exception>().unwrap().code(), Some("store"));
        assert_eq!(exception.source().unwrap().to_string(), "the store is closed");
        let told = Exception::new("closed", "the store is closed").with_source(closed());
        assert_eq!(told.source().unwrap().to_string(), "no disk");
    }
}
