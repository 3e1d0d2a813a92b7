//! Failures that are told to the sender. The connection lives on.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;

use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::hub::JoinError;
use crate::session::SendError;
use crate::socket::RequestError;
use crate::transport::AuthError;
use crate::wire::{Content, Fault, Malformed, RawArgs, to_json};

/// What a client reads where the cause is none of its business; the words NestJS clients know.
pub(crate) const INTERNAL: &str = "Internal server error";

/// A failure told to the sender, by the `exception` event or the ack.
///
/// ```
/// use gateway_core::Exception;
///
/// let muted = Exception::new("muted", "you are muted").with_details(&serde_json::json!({"until": "noon"}));
/// assert_eq!(muted.code(), Some("muted"));
/// ```
#[derive(Debug)]
pub struct Exception(Box<Parts>);

// Boxed: every `Result` of a handler carries it.
#[derive(Debug)]
struct Parts {
    code: Option<Cow<'static, str>>,
    message: Cow<'static, str>,
    details: Option<Value>,
    cause: Cause,
    /// Replaces everything else on the wire.
    payload: Option<Value>,
    /// What was hidden from the client, for the log.
    hidden: Option<String>,
    /// Made by the framework: NestJS knows no code for it.
    framework: bool,
}

#[derive(Debug)]
enum Cause {
    Pattern,
    None,
    Own(Value),
}

impl Exception {
    /// A failure with a code for programs and a message for people.
    pub fn new(code: impl Into<Cow<'static, str>>, message: impl Into<Cow<'static, str>>) -> Self {
        let mut exception = Self::message(message);
        exception.0.code = Some(code.into());
        exception
    }

    /// A failure with a message only.
    pub fn message(message: impl Into<Cow<'static, str>>) -> Self {
        let message = message.into();
        Self(Box::new(Parts {
            code: None,
            message,
            details: None,
            cause: Cause::Pattern,
            payload: None,
            hidden: None,
            framework: false,
        }))
    }

    /// A failure whose whole payload is `payload`, sent verbatim.
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

    /// A failure whose text is for the log alone; the client reads `Internal server error` and the code.
    pub fn hidden(code: impl Into<Cow<'static, str>>, error: &dyn Error) -> Self {
        let mut exception = Self::new(code, INTERNAL);
        exception.0.hidden = Some(chain(error));
        exception
    }

    /// A failure of the framework's own, listed in `docs/errors.md`.
    pub(crate) fn framework(code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(code, message).of_framework()
    }

    fn of_framework(mut self) -> Self {
        self.0.framework = true;
        self
    }

    /// Adds facts for programs, as `details`.
    #[must_use]
    pub fn with_details<T: Serialize + ?Sized>(mut self, details: &T) -> Self {
        self.0.details = serde_json::to_value(details).ok();
        self
    }

    /// Replaces `cause`, which names the event by default.
    #[must_use]
    pub fn with_cause<T: Serialize + ?Sized>(mut self, cause: &T) -> Self {
        self.0.cause = serde_json::to_value(cause).map_or(Cause::None, Cause::Own);
        self
    }

    /// Leaves `cause` out.
    #[must_use]
    pub fn without_cause(mut self) -> Self {
        self.0.cause = Cause::None;
        self
    }

    /// The code, where it has one.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.0.code.as_deref()
    }

    /// The message the client reads.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0.message
    }

    pub(crate) fn hidden_text(&self) -> Option<&str> {
        self.0.hidden.as_deref()
    }

    /// The JSON of `data` in the exception frame. `echo` is the request's data where compatibility wants it back.
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
        let members =
            Members { status: "error", message: &self.0.message, code, details: self.0.details.as_ref(), cause };
        to_json(&members).expect("names and values that are JSON already")
    }

    /// The JSON a client that asked for a namespace reads where it is refused: `message`, and `data` for programs. That is
    /// the details alone, or the code with them.
    pub(crate) fn render_refusal(&self) -> String {
        let data = match (self.code(), &self.0.details) {
            (None, details) => details.clone(),
            (Some(code), None) => Some(serde_json::json!({ "code": code })),
            (Some(code), Some(details)) => Some(serde_json::json!({ "code": code, "details": details })),
        };
        let refusal = RefusalMembers { message: &self.0.message, data };
        to_json(&refusal).expect("a text and a value that is JSON already")
    }
}

/// What is told where a namespace is refused, in the order Socket.IO writes it.
#[derive(Serialize)]
struct RefusalMembers<'a> {
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Value>,
}

/// The payload of an exception frame, in the order NestJS writes it.
#[derive(Serialize)]
struct Members<'a> {
    status: &'static str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'a str>,
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

impl Error for Exception {}

/// An error type of the application that can be told to a client. Derive it: `#[derive(Exception)]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no exception: it cannot be told to a client",
    label = "this error has no exception",
    note = "put `#[derive(Exception)]` on `{Self}`, or map it: `.map_err(|error| Exception::hidden(\"code\", &error))`"
)]
pub trait IntoException {
    /// The exception the client gets.
    fn into_exception(self) -> Exception;
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
}

/// An argument that could not be read from what the client sent.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Rejection {
    code: Cow<'static, str>,
    message: Cow<'static, str>,
    details: Option<Box<Value>>,
}

impl Rejection {
    /// A rejection with a code for programs and a message for people.
    pub fn new(code: impl Into<Cow<'static, str>>, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code: code.into(), message: message.into(), details: None }
    }

    /// Adds facts for programs, as the exception's `details`.
    #[must_use]
    pub fn with_details<T: Serialize + ?Sized>(mut self, details: &T) -> Self {
        self.details = serde_json::to_value(details).ok().map(Box::new);
        self
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
}

impl IntoException for Rejection {
    fn into_exception(self) -> Exception {
        let Self { code, message, details } = self;
        let mut exception = Exception::new(code, message).of_framework();
        exception.0.details = details.map(|details| *details);
        exception
    }
}

impl From<Malformed> for Exception {
    fn from(malformed: Malformed) -> Self {
        Self::framework("malformed", malformed.why)
    }
}

impl IntoException for JoinError {
    fn into_exception(self) -> Exception {
        match self {
            Self::TooMany => Exception::framework("too_many_rooms", self.to_string()),
            Self::Private => Exception::framework("private_room", self.to_string()),
            Self::Gone => Exception::hidden("gone", &self),
        }
    }
}

impl IntoException for SendError {
    fn into_exception(self) -> Exception {
        Exception::hidden("unsent", &self)
    }
}

impl IntoException for RequestError {
    fn into_exception(self) -> Exception {
        match self {
            Self::Timeout => Exception::framework("no_answer", "you did not answer in time"),
            Self::Refused(_) | Self::Unreadable(_) => Exception::framework("bad_answer", self.to_string()),
            Self::Gone | Self::Unsent(_) | Self::NotConnected | Self::TooMany | Self::Unserializable => {
                Exception::hidden("unasked", &self)
            }
        }
    }
}

impl IntoException for AuthError {
    fn into_exception(self) -> Exception {
        Exception::framework("unauthorized", self.to_string())
    }
}

impl From<RequestError> for Exception {
    fn from(error: RequestError) -> Self {
        error.into_exception()
    }
}

impl From<AuthError> for Exception {
    fn from(error: AuthError) -> Self {
        error.into_exception()
    }
}

impl From<JoinError> for Exception {
    fn from(error: JoinError) -> Self {
        error.into_exception()
    }
}

impl From<SendError> for Exception {
    fn from(error: SendError) -> Self {
        error.into_exception()
    }
}

impl From<Rejection> for Exception {
    fn from(rejection: Rejection) -> Self {
        rejection.into_exception()
    }
}

/// What a reply carries, or the exception that says it has none.
pub(crate) fn reply_content(args: Result<RawArgs, serde_json::Error>) -> Result<Content, Exception> {
    args.map(RawArgs::into_content).map_err(|error| Exception::hidden("unserializable", &error))
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
    }
}
