//! Where a client of the plain protocol puts its credentials (`docs/protocol.md`, "Credentials").

use data_encoding::BASE64URL_NOPAD;
use http::header::HeaderMap;
use serde_json::value::{RawValue, to_raw_value};

use crate::transport::upgrade::offered_protocols;

/// The `auth.` entry of the subprotocols, else the query's `auth`.
pub(crate) fn read(headers: &HeaderMap, query: &[(String, String)]) -> Option<Box<RawValue>> {
    let in_query = || query.iter().find(|(name, _)| name == "auth");
    from_subprotocol(headers).or_else(|| in_query().and_then(|(_, text)| from_text(text)))
}

fn from_subprotocol(headers: &HeaderMap) -> Option<Box<RawValue>> {
    let encoded = offered_protocols(headers).find_map(|entry| entry.strip_prefix("auth."))?;
    let json = BASE64URL_NOPAD.decode(encoded.as_bytes()).ok()?;
    serde_json::from_slice(&json).ok()
}

/// What is no JSON is a text.
fn from_text(text: &str) -> Option<Box<RawValue>> {
    serde_json::from_str(text).or_else(|_| to_raw_value(text)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::header::SEC_WEBSOCKET_PROTOCOL;

    fn check(headers: &HeaderMap, query: &[(String, String)], expected: Option<&str>) {
        assert_eq!(read(headers, query).as_deref().map(RawValue::get), expected);
    }

    #[test]
    fn the_subprotocol_comes_before_the_query() {
        let query = vec![("auth".to_owned(), "plain token".to_owned())];
        let mut headers = HeaderMap::new();
        check(&headers, &query, Some("\"plain token\""));
        headers.insert(SEC_WEBSOCKET_PROTOCOL, "gateway.v1, auth.eyJ0b2tlbiI6MX0".parse().unwrap());
        check(&headers, &query, Some("{\"token\":1}"));
        headers.insert(SEC_WEBSOCKET_PROTOCOL, "auth.!!".parse().unwrap());
        check(&headers, &[], None);
    }
}
