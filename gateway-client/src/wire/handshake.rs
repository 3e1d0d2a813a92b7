//! The upgrade request of an attempt.

use data_encoding::BASE64URL_NOPAD;
use http::header::{
    CONNECTION, HOST, HeaderMap, HeaderName, HeaderValue, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{Request, Uri};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tokio_tungstenite::tungstenite::handshake::client::generate_key;

use crate::wire::Address;

/// Subprotocol of the plain protocol in JSON.
pub(crate) const SUBPROTOCOL: &str = "gateway.v1";

/// What the client asks for with its upgrade request.
#[derive(Debug)]
pub(crate) struct Offer<'a> {
    pub(crate) headers: &'a HeaderMap,
    pub(crate) protocols: &'a [String],
    /// JSON of the credentials.
    pub(crate) auth: Option<String>,
    pub(crate) is_auth_in_query: bool,
    /// Entry that asks for a session, or to resume one.
    pub(crate) resume: Option<String>,
}

/// Returns `true` for headers that the handshake itself sets.
pub(crate) fn is_own_header(name: &HeaderName) -> bool {
    [
        CONNECTION,
        HOST,
        UPGRADE,
        SEC_WEBSOCKET_EXTENSIONS,
        SEC_WEBSOCKET_KEY,
        SEC_WEBSOCKET_PROTOCOL,
        SEC_WEBSOCKET_VERSION,
    ]
    .contains(name)
}

/// Builds the upgrade request (RFC 6455 §4.1).
pub(crate) fn upgrade_request(address: &Address, offer: Offer<'_>) -> Result<Request<()>, http::Error> {
    let Offer { headers, protocols, auth, is_auth_in_query, resume } = offer;
    let mut offered = vec![SUBPROTOCOL.to_owned()];
    offered.extend(resume);
    let mut query = address.query.clone();
    match auth {
        Some(auth) if is_auth_in_query => {
            let before = query.filter(|query| !query.is_empty()).map_or_else(String::new, |query| query + "&");
            query = Some(format!("{before}auth={}", utf8_percent_encode(&auth, NON_ALPHANUMERIC)));
        }
        Some(auth) => offered.push(format!("auth.{}", BASE64URL_NOPAD.encode(auth.as_bytes()))),
        None => {}
    }
    offered.extend_from_slice(protocols);
    let target = query.map_or_else(|| address.path.clone(), |query| format!("{}?{query}", address.path));
    // The scheme is for the library alone: an upgrade request has the path only, and the stream is open.
    let uri = Uri::builder().scheme("ws").authority(&*address.authority).path_and_query(target).build()?;
    let mut request = Request::builder()
        .uri(uri)
        .header(HOST, &address.authority)
        .header(CONNECTION, "Upgrade")
        .header(UPGRADE, "websocket")
        .header(SEC_WEBSOCKET_VERSION, "13")
        .header(SEC_WEBSOCKET_KEY, generate_key())
        .header(SEC_WEBSOCKET_PROTOCOL, secret(&offered.join(", "))?)
        .body(())?;
    request.headers_mut().extend(headers.clone());
    Ok(request)
}

/// A header value that `Debug` does not show.
fn secret(value: &str) -> Result<HeaderValue, http::Error> {
    let mut value = HeaderValue::from_str(value)?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(url: &str, offer: Offer<'_>) -> (String, String) {
        let request = upgrade_request(&Address::parse(url).unwrap(), offer).unwrap();
        let protocols = request.headers()[SEC_WEBSOCKET_PROTOCOL].to_str().unwrap().to_owned();
        (request.uri().path_and_query().unwrap().to_string(), protocols)
    }

    #[test]
    fn credentials_are_an_entry_or_part_of_the_query() {
        let headers = HeaderMap::new();
        let offer = |is_auth_in_query, resume: Option<&str>| Offer {
            headers: &headers,
            protocols: &[],
            auth: Some(r#"{"name":"ann"}"#.to_owned()),
            is_auth_in_query,
            resume: resume.map(str::to_owned),
        };
        let check = |url, offer, target: &str, protocols: &str| {
            assert_eq!(sent(url, offer), (target.to_owned(), protocols.to_owned()));
        };
        check("ws://h/chat", offer(false, Some("resume")), "/chat", "gateway.v1, resume, auth.eyJuYW1lIjoiYW5uIn0");
        let query = "auth=%7B%22name%22%3A%22ann%22%7D";
        check("ws://h/chat", offer(true, None), &format!("/chat?{query}"), "gateway.v1");
        check("ws://h/?a=1", offer(true, Some("resume.t.3")), &format!("/?a=1&{query}"), "gateway.v1, resume.t.3");
    }

    #[test]
    fn secrets_are_not_in_its_debug_text() {
        let headers = HeaderMap::new();
        let auth = Some("\"secret\"".to_owned());
        let offer = Offer { headers: &headers, protocols: &[], auth, is_auth_in_query: false, resume: None };
        let request = upgrade_request(&Address::parse("ws://h/").unwrap(), offer).unwrap();
        assert!(!format!("{request:?}").contains("auth."), "{request:?}");
    }
}
