//! What a request asks for, judged in the reference's order.

use std::borrow::Cow;

use http::{Method, request};

use crate::server::before::FOREIGN_ORIGIN;
use crate::server::engine_io::cors::Sharing;
use crate::server::engine_io::engine::Engine;
use crate::server::engine_io::options::TransportName;
use crate::server::engine_io::refused::{Code, Refused};
use crate::server::engine_io::sessions::{Session, SessionId};
use crate::transport::{Turned, parse_query};

/// How a request came.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Way {
    Request,
    /// It asks for a WebSocket.
    Upgrade,
}

/// The parameters that count. Of two of one name the later does.
#[derive(Debug, Default)]
pub(super) struct Query<'a> {
    transport: Option<Cow<'a, str>>,
    session: Option<Cow<'a, str>>,
    /// `EIO`
    version: Option<Cow<'a, str>>,
    is_jsonp: bool,
}

impl<'a> Query<'a> {
    pub(super) fn parse(query: &'a str) -> Self {
        let mut parsed = Self::default();
        for (name, value) in parse_query(query) {
            match &*name {
                "transport" => parsed.transport = Some(value),
                // An empty one asks for a new session.
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

    /// Clients of other versions write another number, or none.
    pub(super) fn check_version(&self) -> Result<(), Code> {
        if self.version.as_deref() == Some("4") { Ok(()) } else { Err(Code::Version) }
    }
}

/// The session a request is for; `None` where it asks for a new one.
pub(super) fn check(
    engine: &Engine,
    sharing: Sharing<'_>,
    head: &request::Parts,
    query: &Query<'_>,
    way: Way,
) -> Result<Option<Session>, Refused> {
    let transport = query.transport().filter(|name| engine.options.serves(*name)).ok_or(Code::UnknownTransport)?;
    if !sharing.admits(&head.headers) {
        return Err(Refused::new(Code::Forbidden, FOREIGN_ORIGIN));
    }
    if query.is_jsonp && transport == TransportName::Polling {
        return Err(Refused::new(Code::BadRequest, "JSONP polling is not supported"));
    }
    // A poll cannot ask for a WebSocket, nor a WebSocket come without.
    let fits = match way {
        Way::Request => transport == TransportName::Polling,
        Way::Upgrade => transport == TransportName::WebSocket,
    };
    let Some(text) = &query.session else {
        if head.method != Method::GET {
            return Err(Code::Method.into());
        }
        return if fits { Ok(None) } else { Err(Code::BadRequest.into()) };
    };
    let session = SessionId::parse(text).and_then(|id| engine.sessions.find(id)).ok_or(Code::UnknownSession)?;
    let standing = match &session {
        Session::WebSocket => Err(Turned::Moved),
        Session::Polling { peer, .. } => peer.standing(),
    };
    match (standing, way) {
        // Answered, and closed: the reference does no more either.
        (Ok(()), _) | (Err(Turned::Moved), Way::Upgrade) => {}
        (Err(turned), _) => return Err(turned.into()),
    }
    if !fits || query.check_version().is_err() {
        return Err(Code::BadRequest.into());
    }
    Ok(Some(session))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_of_two_parameters_counts_and_both_are_decoded() {
        let query = Query::parse("EIO=3&transport=%70olling&sid=&EIO=%34&sid=a%2Db&j=0");
        assert_eq!(query.transport(), Some(TransportName::Polling));
        assert_eq!(query.session.as_deref(), Some("a-b"));
        assert_eq!(query.check_version(), Ok(()));
        assert!(query.is_jsonp);
        let query = Query::parse("transport=__proto__&sid=");
        assert_eq!(query.transport(), None);
        assert_eq!(query.session, None);
        assert_eq!(query.check_version(), Err(Code::Version));
        assert_eq!(Query::parse("EIO=04").check_version(), Err(Code::Version));
    }
}
