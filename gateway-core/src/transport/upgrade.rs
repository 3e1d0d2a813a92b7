//! The check of an upgrade request (RFC 6455 §4.2.1; over HTTP/2 RFC 8441 §5) and the headers of its response (§4.2.2). Pure.

use http::header::{
    CONNECTION, HeaderMap, HeaderName, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{Extensions, Method, StatusCode, Version, request};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::transport::deflate::{Agreed, Deflate};

/// Subprotocol of the plain protocol, the first choice if offered.
pub(crate) const SUBPROTOCOL: &str = "gateway.v1";

/// Subprotocol of the plain protocol in MessagePack.
pub(crate) const MSGPACK: &str = "gateway.v1.msgpack";

/// A valid upgrade request.
#[derive(Debug)]
pub(crate) struct Upgrade {
    /// RFC 8441 §5 has no key, but where a proxy sends one, its clients wait for the answer to it.
    accept: Option<HeaderValue>,
    asked: UpgradeIntent,
    protocol: Option<HeaderValue>,
    agreed: Option<Agreed>,
}

/// Intent of a request regarding WebSockets. Other upgrades are offers that a server may ignore (RFC 9110 §7.8).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum UpgradeIntent {
    ForWebSocket,
    /// RFC 8441 §4: an extended `CONNECT` of HTTP/2 for a WebSocket in the stream of the request.
    ByConnect,
    /// The request has a WebSocket key but no `Upgrade` header, which is hop-by-hop and removed by some proxies.
    WithoutUpgrade,
    ForNone,
}

/// The mark of an extended `CONNECT` for a WebSocket, among the extensions of its request, whose method is then `GET`.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(not(feature = "http2"), allow(dead_code, reason = "without the feature no request has the mark"))]
pub(crate) struct ExtendedConnect;

impl UpgradeIntent {
    pub(crate) fn from_head(version: Version, headers: &HeaderMap, extensions: &Extensions) -> Self {
        if version == Version::HTTP_2 && extensions.get::<ExtendedConnect>().is_some() {
            return Self::ByConnect;
        }
        Self::from_headers(headers)
    }

    /// Returns `true` if the request is meant for a WebSocket and can become one.
    pub(crate) fn is_for_websocket(self) -> bool {
        matches!(self, Self::ForWebSocket | Self::ByConnect)
    }

    pub(crate) fn from_headers(headers: &HeaderMap) -> Self {
        if has_token(headers, &UPGRADE, "websocket") {
            Self::ForWebSocket
        } else if headers.contains_key(SEC_WEBSOCKET_KEY) && !headers.contains_key(UPGRADE) {
            Self::WithoutUpgrade
        } else {
            Self::ForNone
        }
    }
}

/// Returns `true` if the request also has `Connection: close`, which contradicts an upgrade.
pub(crate) fn asks_to_close(headers: &HeaderMap) -> bool {
    has_token(headers, &CONNECTION, "close") && UpgradeIntent::from_headers(headers) == UpgradeIntent::ForWebSocket
}

/// A fault of an upgrade request.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum UpgradeError {
    #[error("this is a WebSocket endpoint: send an upgrade request")]
    NotAnUpgrade,
    #[error("`Sec-WebSocket-Key` came without `Upgrade`: a proxy in front has to pass it on")]
    Stripped,
    #[error("an upgrade to WebSocket is a GET request")]
    Method,
    #[error("an upgrade to WebSocket needs HTTP/1.1")]
    HttpVersion,
    #[error("`Connection` does not name `upgrade`")]
    Connection,
    #[error("`Sec-WebSocket-Version` must be 13")]
    Version,
    #[error("`Sec-WebSocket-Key` is not 16 bytes in base64")]
    Key,
}

impl Upgrade {
    /// Checks the head of a request; `known` are the application's subprotocols, the preferred one first.
    pub(crate) fn check(request: &request::Parts, asks: UpgradeIntent, known: &[String]) -> Result<Self, UpgradeError> {
        match asks {
            UpgradeIntent::ForWebSocket => Self::check_upgrade(request)?,
            UpgradeIntent::ByConnect => {}
            UpgradeIntent::WithoutUpgrade => return Err(UpgradeError::Stripped),
            UpgradeIntent::ForNone => return Err(UpgradeError::NotAnUpgrade),
        }
        // RFC 6455 §4.4: the response to another version names the supported one.
        if single(&request.headers, &SEC_WEBSOCKET_VERSION) != Some("13") {
            return Err(UpgradeError::Version);
        }
        let key = single(&request.headers, &SEC_WEBSOCKET_KEY).filter(|key| is_key(key));
        let accept = key.and_then(|key| HeaderValue::try_from(derive_accept_key(key.as_bytes())).ok());
        if accept.is_none() && asks == UpgradeIntent::ForWebSocket {
            return Err(UpgradeError::Key);
        }
        let protocol = choose(offered_protocols(&request.headers), known);
        let protocol = protocol.and_then(|name| HeaderValue::from_str(name).ok());
        Ok(Self { accept, asked: asks, protocol, agreed: None })
    }

    /// The parts of the check that HTTP/2 has no counterpart for.
    fn check_upgrade(request: &request::Parts) -> Result<(), UpgradeError> {
        if request.method != Method::GET {
            return Err(UpgradeError::Method);
        }
        if request.version != Version::HTTP_11 {
            return Err(UpgradeError::HttpVersion);
        }
        if !has_token(&request.headers, &CONNECTION, "upgrade") {
            return Err(UpgradeError::Connection);
        }
        Ok(())
    }

    /// Chooses the first offered subprotocol, whatever it is: some clients give up if none is chosen.
    pub(crate) fn with_first_offer(mut self, headers: &HeaderMap) -> Self {
        self.protocol = offered_protocols(headers).next().and_then(|name| HeaderValue::from_str(name).ok());
        self
    }

    /// Chooses the client's first subprotocol if none is known, as NestJS does. A name with a secret is never echoed.
    pub(crate) fn or_first_offer(mut self, headers: &HeaderMap) -> Self {
        let is_open = |name: &&str| !name.starts_with("auth.") && !name.starts_with("resume");
        if self.protocol.is_none() {
            self.protocol = offered_protocols(headers).find(is_open).and_then(|name| HeaderValue::from_str(name).ok());
        }
        self
    }

    /// Negotiates compression, if the server has it enabled and the client offers it.
    pub(crate) fn with_deflate(self, headers: &HeaderMap, own: Option<&Deflate>) -> Self {
        Self { agreed: own.and_then(|own| Agreed::on(headers, own)), ..self }
    }

    /// Returns the response: `101`, or `200` to an extended `CONNECT`.
    pub(crate) fn response<B: Default>(&self) -> http::Response<B> {
        let mut response = http::Response::new(B::default());
        let is_upgrade = self.asked != UpgradeIntent::ByConnect;
        if is_upgrade {
            *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        }
        let headers = response.headers_mut();
        if is_upgrade {
            headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
            headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        }
        if let Some(accept) = &self.accept {
            headers.insert(SEC_WEBSOCKET_ACCEPT, accept.clone());
        }
        if let Some(protocol) = &self.protocol {
            headers.insert(SEC_WEBSOCKET_PROTOCOL, protocol.clone());
        }
        if let Some(agreed) = &self.agreed {
            headers.insert(SEC_WEBSOCKET_EXTENSIONS, agreed.answer());
        }
        response
    }

    /// The negotiated compression.
    pub(crate) fn agreed(&self) -> Option<Agreed> {
        self.agreed
    }

    pub(crate) fn protocol(&self) -> Option<&str> {
        self.protocol.as_ref().and_then(|protocol| protocol.to_str().ok())
    }
}

/// The entries of `Sec-WebSocket-Protocol` over all its lines, in order.
pub(crate) fn offered_protocols(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    tokens(headers, &SEC_WEBSOCKET_PROTOCOL)
}

/// Chooses the first offered subprotocol of the framework, or else the application's most preferred one.
pub(crate) fn choose<'a>(offered: impl Iterator<Item = &'a str>, known: &'a [String]) -> Option<&'a str> {
    let mut chosen = known.len();
    for name in offered {
        if matches!(name, SUBPROTOCOL | MSGPACK) {
            return Some(name);
        }
        // Only subprotocols preferred to the current choice matter.
        chosen = known[..chosen].iter().position(|known| known == name).unwrap_or(chosen);
    }
    known.get(chosen).map(String::as_str)
}

/// RFC 9110 §5.6.1: a list may span several lines and have empty elements. Linear in the length of the headers.
fn tokens<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let lines = headers.get_all(name).into_iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim).filter(|token| !token.is_empty())
}

/// Searches bytes, and first compares the whole value, because every handshake calls this several times.
fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    let token = token.as_bytes();
    let is_it = |candidate: &[u8]| candidate.trim_ascii().eq_ignore_ascii_case(token);
    let mut lines = headers.get_all(name).iter().map(HeaderValue::as_bytes);
    lines.any(|line| line.eq_ignore_ascii_case(token) || line.split(|byte| *byte == b',').any(is_it))
}

/// The value of a header that must be unique.
fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut lines = headers.get_all(name).iter();
    let line = lines.next()?.to_str().ok()?;
    lines.next().is_none().then_some(line.trim())
}

/// RFC 6455 §4.1: 16 random bytes in base64.
fn is_key(key: &str) -> bool {
    data_encoding::BASE64.decode(key.as_bytes()).is_ok_and(|bytes| bytes.len() == 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(headers: &[(&str, &str)]) -> Result<Option<String>, UpgradeError> {
        let mut request = http::Request::builder().uri("/chat");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        Upgrade::check(
            &parts,
            UpgradeIntent::from_headers(&parts.headers),
            &["graphql-ws".to_owned(), "mqtt".to_owned()],
        )
        .map(|upgrade| upgrade.protocol().map(str::to_owned))
    }

    const GOOD: [(&str, &str); 4] = [
        ("upgrade", "websocket"),
        ("connection", "Upgrade"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];

    fn with(name: &'static str, value: &'static str) -> Vec<(&'static str, &'static str)> {
        GOOD.into_iter().filter(|(other, _)| *other != name).chain([(name, value)]).collect()
    }

    #[test]
    fn token_lists_are_read_without_case() {
        assert_eq!(check(&GOOD), Ok(None));
        assert_eq!(check(&with("connection", "keep-alive, Upgrade")), Ok(None));
        assert_eq!(check(&with("upgrade", "h2c, WebSocket")), Ok(None));
    }

    #[test]
    fn each_violation_has_its_answer() {
        assert_eq!(check(&with("upgrade", "h2c")), Err(UpgradeError::NotAnUpgrade));
        assert_eq!(check(&with("connection", "close")), Err(UpgradeError::Connection));
        assert_eq!(check(&with("sec-websocket-version", "12")), Err(UpgradeError::Version));
        assert_eq!(check(&with("sec-websocket-key", "c2hvcnQ=")), Err(UpgradeError::Key));
        assert_eq!(check(&GOOD[..3]), Err(UpgradeError::Key));
        let twice: Vec<_> = GOOD.into_iter().chain([GOOD[3]]).collect();
        assert_eq!(check(&twice), Err(UpgradeError::Key));
    }

    #[test]
    fn the_first_known_subprotocol_is_chosen() {
        let chosen = |offer| check(&with("sec-websocket-protocol", offer)).unwrap();
        assert_eq!(chosen("x, mqtt, graphql-ws"), Some("graphql-ws".to_owned()));
        assert_eq!(chosen("auth.e30, mqtt, gateway.v1"), Some("gateway.v1".to_owned()));
        assert_eq!(chosen("auth.e30"), None);
        assert_eq!(chosen("mqtt, gateway.v1.msgpack, gateway.v1"), Some("gateway.v1.msgpack".to_owned()));
    }

    #[test]
    fn where_none_is_known_the_first_may_be_chosen_but_no_secret() {
        let chosen = |offer: &'static str| {
            let headers = HeaderMap::from_iter([(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(offer))]);
            let asked = UpgradeIntent::ForWebSocket;
            let upgrade = Upgrade { accept: None, asked, protocol: None, agreed: None };
            upgrade.or_first_offer(&headers).protocol().map(str::to_owned)
        };
        assert_eq!(chosen("a, b").as_deref(), Some("a"));
        assert_eq!(chosen("auth.e30, resume.x.1, resume, b").as_deref(), Some("b"));
        assert_eq!(chosen("auth.e30"), None);
    }

    #[test]
    fn the_answer_carries_the_key_of_the_rfc() {
        let (parts, ()) = GOOD
            .iter()
            .fold(http::Request::builder(), |request, (name, value)| request.header(*name, *value))
            .body(())
            .unwrap()
            .into_parts();
        let response = Upgrade::check(&parts, UpgradeIntent::ForWebSocket, &[]).unwrap().response::<()>();
        assert_eq!(response.headers()[SEC_WEBSOCKET_ACCEPT], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }
}
