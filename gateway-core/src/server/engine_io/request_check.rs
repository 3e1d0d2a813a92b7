//! Checks of a request, in the order of the reference server.

use std::borrow::Cow;

use http::{Method, request};

use crate::server::engine_io::cors::Sharing;
use crate::server::engine_io::engine::EngineIoEndpoint;
use crate::server::engine_io::options::TransportName;
use crate::server::engine_io::rejection::{EngineRejection, RejectionCode};
use crate::server::engine_io::sessions::{EngineSession, SessionId};
use crate::server::handshake_check::FOREIGN_ORIGIN;
use crate::transport::{SessionError, parse_query};

/// The kind of a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum RequestKind {
    Request,
    /// An upgrade to a WebSocket.
    Upgrade,
}

/// The query parameters of Engine.IO. Of several with one name the last counts.
#[derive(Debug, Default)]
pub(super) struct EngineQuery<'a> {
    transport: Option<Cow<'a, str>>,
    session: Option<Cow<'a, str>>,
    /// Protocol version: the parameter `EIO`.
    version: Option<Cow<'a, str>>,
    is_jsonp: bool,
}

impl<'a> EngineQuery<'a> {
    pub(super) fn parse(query: &'a str) -> Self {
        let mut parsed = Self::default();
        for (name, value) in parse_query(query) {
            match &*name {
                "transport" => parsed.transport = Some(value),
                // An empty id requests a new session.
                "sid" => parsed.session = Some(value).filter(|id| !id.is_empty()),
                "EIO" => parsed.version = Some(value),
                "j" => parsed.is_jsonp = true,
                _ => {}
            }
        }
        parsed
    }

    fn transport(&self) -> Option<TransportName> {
        match self.transport.as_deref()? {
            "polling" => Some(TransportName::Polling),
            "websocket" => Some(TransportName::WebSocket),
            _ => None,
        }
    }

    /// Checks the protocol version. Clients of other versions send another number, or none.
    pub(super) fn check_version(&self) -> Result<(), RejectionCode> {
        if self.version.as_deref() == Some("4") { Ok(()) } else { Err(RejectionCode::Version) }
    }
}

/// Checks a request and finds its session; `None` if it requests a new one.
pub(super) fn check(
    engine: &EngineIoEndpoint,
    sharing: Sharing<'_>,
    head: &request::Parts,
    query: &EngineQuery<'_>,
    way: RequestKind,
) -> Result<Option<EngineSession>, EngineRejection> {
    let transport =
        query.transport().filter(|name| engine.options.serves(*name)).ok_or(RejectionCode::UnknownTransport)?;
    // A request for a new session passes the checks of every connection instead.
    if query.session.is_some() && !sharing.admits(&head.headers) {
        return Err(EngineRejection::new(RejectionCode::Forbidden, FOREIGN_ORIGIN));
    }
    if query.is_jsonp && transport == TransportName::Polling {
        return Err(EngineRejection::new(RejectionCode::BadRequest, "JSONP polling is not supported"));
    }
    // The transport in the query must match the kind of the request.
    let fits = match way {
        RequestKind::Request => transport == TransportName::Polling,
        RequestKind::Upgrade => transport == TransportName::WebSocket,
    };
    let Some(text) = &query.session else {
        if head.method != Method::GET {
            return Err(RejectionCode::Method.into());
        }
        return if fits { Ok(None) } else { Err(RejectionCode::BadRequest.into()) };
    };
    let session =
        SessionId::parse(text).and_then(|id| engine.sessions.find(id)).ok_or(RejectionCode::UnknownSession)?;
    let standing = match &session {
        EngineSession::WebSocket => Err(SessionError::Moved),
        EngineSession::Polling { peer, .. } => peer.standing(),
    };
    match (standing, way) {
        // As the reference server does.
        (Ok(()), _) | (Err(SessionError::Moved), RequestKind::Upgrade) => {}
        (Err(turned), _) => return Err(turned.into()),
    }
    if !fits || query.check_version().is_err() {
        return Err(RejectionCode::BadRequest.into());
    }
    Ok(Some(session))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_of_two_parameters_counts_and_both_are_decoded() {
        let query = EngineQuery::parse("EIO=3&transport=%70olling&sid=&EIO=%34&sid=a%2Db&j=0");
        assert_eq!(query.transport(), Some(TransportName::Polling));
        assert_eq!(query.session.as_deref(), Some("a-b"));
        assert_eq!(query.check_version(), Ok(()));
        assert!(query.is_jsonp);
        let query = EngineQuery::parse("transport=__proto__&sid=");
        assert_eq!(query.transport(), None);
        assert_eq!(query.session, None);
        assert_eq!(query.check_version(), Err(RejectionCode::Version));
        assert_eq!(EngineQuery::parse("EIO=04").check_version(), Err(RejectionCode::Version));
    }
}
