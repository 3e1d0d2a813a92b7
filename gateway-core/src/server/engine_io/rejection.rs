//! Rejections of requests, with the codes and texts of the reference server.

use std::borrow::Cow;

use http::header::{CONNECTION, CONTENT_TYPE, HeaderValue, RETRY_AFTER, SEC_WEBSOCKET_VERSION};
use http::{Response, StatusCode};
use serde::Serialize;

use crate::metrics::Rejected;
use crate::server::handshake_check::HandshakeRejection;
use crate::server::http::body::Body;
use crate::transport::SessionError;

/// A rejection of a request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct EngineRejection {
    status: StatusCode,
    code: RejectionCode,
    message: Cow<'static, str>,
    why: Rejected,
    /// The supported version of the WebSocket protocol, if the client requested another.
    speaks: Option<&'static str>,
}

/// Codes of the reference server.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum RejectionCode {
    UnknownTransport = 0,
    UnknownSession = 1,
    Method = 2,
    BadRequest = 3,
    Forbidden = 4,
    Version = 5,
}

impl RejectionCode {
    fn text(self) -> &'static str {
        match self {
            Self::UnknownTransport => "Transport unknown",
            Self::UnknownSession => "Session ID unknown",
            Self::Method => "Bad handshake method",
            Self::BadRequest => "Bad request",
            Self::Forbidden => "Forbidden",
            Self::Version => "Unsupported protocol version",
        }
    }
}

impl From<RejectionCode> for EngineRejection {
    fn from(code: RejectionCode) -> Self {
        Self::new(code, code.text())
    }
}

impl EngineRejection {
    pub(super) fn new(code: RejectionCode, message: impl Into<Cow<'static, str>>) -> Self {
        let status = if code == RejectionCode::Forbidden { StatusCode::FORBIDDEN } else { StatusCode::BAD_REQUEST };
        let why = match code {
            RejectionCode::Forbidden => Rejected::Origin,
            RejectionCode::UnknownSession => Rejected::UnknownSession,
            RejectionCode::UnknownTransport
            | RejectionCode::Method
            | RejectionCode::BadRequest
            | RejectionCode::Version => Rejected::Malformed,
        };
        Self { status, code, message: message.into(), why, speaks: None }
    }

    /// Rejects another version of the WebSocket protocol. RFC 6455 §4.2.2: the response names the supported version.
    pub(super) fn version(message: String) -> Self {
        Self { speaks: Some("13"), ..Self::new(RejectionCode::BadRequest, message) }
    }

    /// Rejects a client because the server accepts none at the moment.
    pub(super) fn unavailable(why: Rejected, message: &'static str) -> Self {
        Self { status: StatusCode::SERVICE_UNAVAILABLE, why, ..Self::new(RejectionCode::BadRequest, message) }
    }

    pub(super) fn why(&self) -> Rejected {
        self.why
    }

    pub(super) fn stopping() -> Self {
        Self::unavailable(Rejected::Stopping, "the server stops")
    }

    pub(super) fn text(&self) -> &str {
        &self.message
    }

    pub(super) fn status(&self) -> StatusCode {
        self.status
    }

    /// Returns the response: JSON with a numeric `code`.
    pub(super) fn response(&self) -> Response<Body> {
        #[derive(Serialize)]
        struct RejectionBody<'a> {
            code: u8,
            message: &'a str,
        }
        let written = RejectionBody { code: self.code as u8, message: &self.message };
        let mut response = Response::new(Body::from(serde_json::to_vec(&written).expect("a number and a text")));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if self.why.is_passing() {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("5"));
        }
        response
    }

    /// Returns the response to an upgrade: the text alone with status 400, as the reference server sends it.
    pub(super) fn response_to_upgrade(&self) -> Response<Body> {
        let mut response = Response::new(Body::from(self.message.clone().into_owned()));
        let is_passing = self.why.is_passing();
        *response.status_mut() = if is_passing { self.status } else { StatusCode::BAD_REQUEST };
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html"));
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
        if let Some(version) = self.speaks {
            headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static(version));
        }
        if is_passing {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("5"));
        }
        response
    }
}

impl From<SessionError> for EngineRejection {
    fn from(turned: SessionError) -> Self {
        match turned {
            SessionError::Over => RejectionCode::UnknownSession.into(),
            SessionError::Stopping => Self::stopping(),
            SessionError::Moved | SessionError::Overlap => RejectionCode::BadRequest.into(),
        }
    }
}

/// Keeps the status and text of the application's rejection.
impl From<HandshakeRejection> for EngineRejection {
    fn from(refusal: HandshakeRejection) -> Self {
        let (status, why) = (refusal.status(), refusal.why());
        let is_bad = why == Rejected::Stopping || status == StatusCode::URI_TOO_LONG;
        let code = if is_bad { RejectionCode::BadRequest } else { RejectionCode::Forbidden };
        Self { status, why, ..Self::new(code, refusal.text().to_owned()) }
    }
}
