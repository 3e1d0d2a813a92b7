//! The [`Handshake`]: the request that opened a connection.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{SystemTime, UNIX_EPOCH};

use http::HeaderMap;
use http::header::{COOKIE, SEC_WEBSOCKET_PROTOCOL};
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::protocol::TraceParent;
use crate::sync::lock;
use crate::transport::headers::Headers;
use crate::transport::{PeerCertificate, Query, ResumeRequest, credentials, resume_request};

/// The request that opened a connection. Cheap to clone. Its `Debug` output has no headers, query or credentials.
#[derive(Clone)]
pub struct Handshake(Arc<HandshakeData>);

struct HandshakeData {
    path: String,
    parameters: Vec<(String, String)>,
    query: Query,
    headers: Headers,
    peer: Option<SocketAddr>,
    /// The client's address, if known.
    address: Option<IpAddr>,
    protocol: Option<String>,
    /// When it came, in milliseconds since 1970.
    issued: u64,
    is_encrypted: bool,
    /// Credentials as sent, or as renewed later; if `None`, headers or query may have them.
    auth: Mutex<Option<Box<RawValue>>>,
    /// The request that opened the connection, if this is the handshake of one of its namespaces.
    connection: Option<Handshake>,
    /// Present if the client polls.
    latest: Option<LatestHeaders>,
    /// The client's certificate, if it presented one.
    certificate: Option<PeerCertificate>,
}

/// The headers of the latest request of a polling client.
#[derive(Clone, Debug, Default)]
pub(crate) struct LatestHeaders(Arc<LatestState>);

#[derive(Debug, Default)]
struct LatestState {
    headers: Mutex<Option<Headers>>,
    /// Set once the client has upgraded to a WebSocket.
    has_moved: AtomicBool,
}

impl LatestHeaders {
    pub(crate) fn keep(&self, headers: &HeaderMap) {
        *self.lock() = Some(Headers::copy(headers));
    }

    /// Marks the client as upgraded to a WebSocket.
    pub(crate) fn moved(&self) {
        self.0.has_moved.store(true, Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, Option<Headers>> {
        lock(&self.0.headers)
    }
}

/// Reason why [`Handshake::auth`] has no credentials.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthError {
    /// The client sent no credentials.
    #[error("no credentials were sent")]
    Missing,
    /// The credentials do not have the expected shape.
    #[error("the credentials cannot be read")]
    Unreadable(#[source] serde_json::Error),
}

impl Handshake {
    /// `path` is decoded, `query` is not.
    pub(crate) fn new(path: String, query: &str, headers: &HeaderMap, peer: Option<SocketAddr>) -> Self {
        let (query, headers) = (Query::parse(query), Headers::copy(headers));
        Self(Arc::new(HandshakeData {
            path,
            parameters: Vec::new(),
            query,
            headers,
            peer,
            address: peer.map(|peer| peer.ip().to_canonical()),
            protocol: None,
            issued: now(),
            is_encrypted: false,
            auth: Mutex::default(),
            connection: None,
            latest: None,
            certificate: None,
        }))
    }

    /// Sets credentials that came neither in a header nor in the query.
    pub(crate) fn with_auth(mut self, auth: Box<RawValue>) -> Self {
        self.edit().auth = Mutex::new(Some(auth));
        self
    }

    /// Creates the handshake of one of the connection's namespaces. Credentials of the namespace take precedence over those
    /// of the request.
    pub(crate) fn for_namespace(
        &self,
        path: String,
        parameters: Vec<(String, String)>,
        auth: Option<&RawValue>,
    ) -> Self {
        Self(Arc::new(HandshakeData {
            path,
            parameters,
            query: Query::default(),
            headers: Headers::default(),
            peer: self.peer(),
            address: self.address(),
            protocol: None,
            issued: now(),
            is_encrypted: self.is_encrypted(),
            auth: Mutex::new(auth.map(ToOwned::to_owned)),
            connection: Some(self.clone()),
            latest: None,
            certificate: None,
        }))
    }

    /// Creates the same handshake with other credentials, for the guards that check them.
    pub(crate) fn with_new_credentials(&self, auth: &RawValue) -> Self {
        let connection = self.0.connection.as_ref().unwrap_or(self);
        connection.for_namespace(self.0.path.clone(), self.0.parameters.clone(), Some(auth))
    }

    /// Replaces the credentials by new ones that the guards have checked.
    pub(crate) fn renew(&self, auth: Box<RawValue>) {
        *lock(&self.0.auth) = Some(auth);
    }

    /// Data of the connection as a whole.
    fn request(&self) -> &HandshakeData {
        self.0.connection.as_ref().map_or(&self.0, |connection| &connection.0)
    }

    pub(crate) fn with_protocol(mut self, protocol: Option<&str>) -> Self {
        self.edit().protocol = protocol.map(str::to_owned);
        self
    }

    pub(crate) fn with_certificate(mut self, certificate: Option<PeerCertificate>) -> Self {
        self.edit().certificate = certificate;
        self
    }

    /// The connection came over TLS.
    pub(crate) fn with_encryption(mut self, is_encrypted: bool) -> Self {
        self.edit().is_encrypted = is_encrypted;
        self
    }

    pub(crate) fn with_address(mut self, address: Option<IpAddr>) -> Self {
        self.edit().address = address;
        self
    }

    pub(crate) fn with_parameters(mut self, parameters: Vec<(String, String)>) -> Self {
        self.edit().parameters = parameters;
        self
    }

    pub(crate) fn with_latest_headers(mut self, latest: LatestHeaders) -> Self {
        self.edit().latest = Some(latest);
        self
    }

    /// Request to resume a session, if the client speaks the plain protocol.
    pub(crate) fn resume(&self) -> Option<ResumeRequest> {
        let request = self.request();
        resume_request::read(request.protocol_lines(), &request.query)
    }

    /// Request of an `EventSource` to resume a session. Its address stays as it was when it first connected, so the header
    /// goes first.
    pub(crate) fn resume_by_event_id(&self) -> Option<ResumeRequest> {
        self.header("last-event-id").and_then(resume_request::from_last_event_id).or_else(|| self.resume())
    }

    fn edit(&mut self) -> &mut HandshakeData {
        Arc::get_mut(&mut self.0).expect("a handshake is shared only once it is complete")
    }

    /// The request's path, percent-decoded.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.0.path
    }

    /// The path of the request that opened the connection, percent-decoded. On Socket.IO that is not the namespace's.
    pub(crate) fn request_path(&self) -> &str {
        &self.request().path
    }

    /// The time of the request, or of a later packet that asks for a namespace, in milliseconds since 1970.
    pub(crate) fn issued(&self) -> u64 {
        self.0.issued
    }

    /// Returns `true` if the connection came over TLS to a listener of this server.
    pub(crate) fn is_encrypted(&self) -> bool {
        self.request().is_encrypted
    }

    /// The names and values of the namespace's parameters, in the order of its pattern.
    #[must_use]
    pub fn parameters(&self) -> &[(String, String)] {
        &self.0.parameters
    }

    /// The first value of a query parameter, percent-decoded.
    #[must_use]
    pub fn query(&self, name: &str) -> Option<&str> {
        self.request().query.first(name)
    }

    /// All query parameters in order, percent-decoded.
    pub fn queries(&self) -> impl Iterator<Item = (&str, &str)> {
        self.request().query.iter()
    }

    /// All headers of the request.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        self.request().headers.map()
    }

    /// The headers of the client's latest request. With long polling each message arrives in a new request, with the current
    /// cookies; otherwise these are [`Handshake::headers`].
    #[must_use]
    pub fn latest_headers(&self) -> HeaderMap {
        let latest = self
            .request()
            .latest
            .as_ref()
            .and_then(|latest| latest.lock().as_ref().map(|headers| headers.map().clone()));
        latest.unwrap_or_else(|| self.headers().clone())
    }

    /// Place of the connection in memory, which all its namespaces have in common.
    #[cfg(feature = "admin")]
    pub(crate) fn connection_place(&self) -> usize {
        std::ptr::from_ref(self.request()).addr()
    }

    /// Returns `true` if the client polls.
    pub(crate) fn is_polling(&self) -> bool {
        self.request().latest.as_ref().is_some_and(|latest| !latest.0.has_moved.load(Ordering::Relaxed))
    }

    /// The first value of a header, if it is visible ASCII.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.request().headers.all(name).next().and_then(visible)
    }

    /// The trace that the connection belongs to, from the header `traceparent` or the query parameter of this name, since a
    /// browser cannot set headers.
    #[must_use]
    pub fn traceparent(&self) -> Option<TraceParent> {
        let header = self.header("traceparent").and_then(TraceParent::parse);
        header.or_else(|| self.query("traceparent").and_then(TraceParent::parse))
    }

    /// The value of a cookie, as sent.
    #[must_use]
    pub fn cookie(&self, name: &str) -> Option<&str> {
        let lines = self.request().headers.all(COOKIE.as_str()).filter_map(visible);
        let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
        pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
    }

    /// The peer's address; `None` on a Unix socket, in memory, or if a foreign HTTP server does not provide it.
    #[must_use]
    pub fn peer(&self) -> Option<SocketAddr> {
        self.0.peer
    }

    /// The client's address: the peer's, or the one reported by a proxy given to [`Server::trust_proxies`]; `None` if neither
    /// is known.
    ///
    /// [`Server::trust_proxies`]: crate::Server::trust_proxies
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        self.0.address
    }

    /// The certificate that the client presented in its TLS handshake, if the server
    /// [asks for one](crate::tls::Tls::require_client_certificates). It is signed by one of the trusted authorities.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn peer_certificate(&self) -> Option<&PeerCertificate> {
        self.request().certificate.as_ref()
    }

    /// The negotiated subprotocol.
    #[must_use]
    pub fn protocol(&self) -> Option<&str> {
        self.request().protocol.as_deref()
    }

    /// The client's credentials, deserialised as `T`: those of the request, or newer ones that guards have accepted since.
    ///
    /// # Errors
    ///
    /// [`AuthError::Missing`] when there are none, [`AuthError::Unreadable`] when they are not a `T`.
    pub fn auth<T: DeserializeOwned>(&self) -> Result<T, AuthError> {
        let request = self.request();
        for data in [&*self.0, request] {
            // Copied: deserialising runs user code.
            let auth = lock(&data.auth).clone();
            if let Some(auth) = auth {
                return serde_json::from_str(auth.get()).map_err(AuthError::Unreadable);
            }
        }
        let auth = credentials::read(request.protocol_lines(), &request.query).ok_or(AuthError::Missing)?;
        serde_json::from_str(auth.get()).map_err(AuthError::Unreadable)
    }

    /// Returns `true` if the credentials of the request itself are longer than `bytes`.
    pub(crate) fn has_more_auth_than(&self, bytes: usize) -> bool {
        let request = self.request();
        if let Some(auth) = &*lock(&request.auth) {
            return auth.get().len() > bytes;
        }
        // Most requests are shorter than that as a whole.
        request.headers.bytes() + request.query.bytes() > bytes
            && credentials::len(request.protocol_lines(), &request.query) > bytes
    }
}

impl HandshakeData {
    /// The header lines of the offered subprotocols.
    fn protocol_lines(&self) -> impl Iterator<Item = &str> {
        self.headers.all(SEC_WEBSOCKET_PROTOCOL.as_str()).filter_map(visible)
    }
}

impl fmt::Debug for Handshake {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Handshake")
            .field("path", &self.0.path)
            .field("peer", &self.0.peer)
            .finish_non_exhaustive()
    }
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Returns the value as text if it is visible ASCII, as `http` defines it.
fn visible(value: &[u8]) -> Option<&str> {
    let is_visible = |byte: &u8| matches!(byte, b'\t' | 0x20..0x7f);
    std::str::from_utf8(value).ok().filter(|_| value.iter().all(is_visible))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_and_cookies_are_read() {
        let mut headers = HeaderMap::new();
        headers.insert(COOKIE, "a=1; session=x=y".parse().unwrap());
        let handshake = Handshake::new("/".into(), "q=a%20b+c&flag&q=2", &headers, None);
        assert_eq!(handshake.query("q"), Some("a b c"));
        assert_eq!(handshake.query("flag"), Some(""));
        assert_eq!(handshake.cookie("session"), Some("x=y"));
        assert_eq!(handshake.cookie("b"), None);
    }

    #[test]
    fn debug_shows_no_secret() {
        let handshake = Handshake::new("/".into(), "auth=SECRET", &HeaderMap::new(), None);
        assert!(!format!("{handshake:?}").contains("SECRET"));
    }
}
