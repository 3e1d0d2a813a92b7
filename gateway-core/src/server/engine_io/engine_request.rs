//! One request to an endpoint, with its head and its query.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, ORIGIN};
use http::{Response, StatusCode, request};

use crate::metrics::RejectedHandshake;
use crate::server::admit::note_rejected;
use crate::server::engine_io::engine::EngineIoEndpoint;
use crate::server::engine_io::rejection::EngineRejection;
use crate::server::engine_io::request_check::EngineQuery;
use crate::server::http::body::Body;
use crate::server::state::StartedServer;
use crate::transport::CertificateSlot;

/// The server that received a request, and the request's peer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Host<'a> {
    pub(crate) server: &'a Arc<StartedServer>,
    pub(crate) peer: Option<SocketAddr>,
    pub(crate) certificate: &'a CertificateSlot,
    pub(crate) is_encrypted: bool,
}

/// A request to an endpoint.
#[derive(Debug)]
pub(super) struct EngineRequest<'a> {
    pub(super) host: Host<'a>,
    pub(super) engine: &'a EngineIoEndpoint,
    pub(super) head: &'a request::Parts,
    pub(super) query: EngineQuery<'a>,
}

impl EngineRequest<'_> {
    /// Returns the response to a poll or a handshake, with these packets.
    #[cfg_attr(
        not(feature = "http-compression"),
        allow(clippy::unused_self, reason = "compression looks at the request")
    )]
    pub(super) fn packets(&self, packets: Bytes) -> Response<Body> {
        let mut response = Response::new(Body::empty());
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=UTF-8"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        #[cfg(feature = "http-compression")]
        if let Some(threshold) = self.engine.options.http_compression
            && packets.len() >= threshold
        {
            return crate::server::engine_io::compression::compress(&self.head.headers, response, packets);
        }
        *response.body_mut() = Body::from(packets);
        response
    }

    pub(super) fn note<'r>(&self, refused: &'r EngineRejection) -> &'r EngineRejection {
        let rejected = RejectedHandshake {
            why: refused.why(),
            status: refused.status().as_u16(),
            text: refused.text(),
            path: self.head.uri.path(),
            origin: self.head.headers.get(ORIGIN).and_then(|origin| origin.to_str().ok()),
        };
        note_rejected(self.host.server, rejected);
        refused
    }
}

pub(super) fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}
