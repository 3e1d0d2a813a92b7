//! Where a client of the plain protocol puts its credentials (`docs/protocol.md`, "Credentials").

use data_encoding::BASE64URL_NOPAD;
use http::header::HeaderMap;
use serde_json::Value;

use crate::transport::upgrade::offered_protocols;

/// The `auth.` entry of the subprotocols, else the query's `auth`.
pub(crate) fn read(headers: &HeaderMap, query: &[(String, String)]) -> Option<Value> {
    from_subprotocol(headers).or_else(|| query.iter().find(|(name, _)| name == "auth").map(|(_, text)| from_text(text)))
}

fn from_subprotocol(headers: &HeaderMap) -> Option<Value> {
    let encoded = offered_protocols(headers).find_map(|entry| entry.strip_prefix("auth."))?;
    let json = BASE64URL_NOPAD.decode(encoded.as_bytes()).ok()?;
    serde_json::from_slice(&json).ok()
}

fn from_text(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use http::header::SEC_WEBSOCKET_PROTOCOL;
    use serde_json::json;

    use super::*;

    #[test]
    fn the_subprotocol_comes_before_the_query() {
        let query = vec![("auth".to_owned(), "plain token".to_owned())];
        let mut headers = HeaderMap::new();
        assert_eq!(read(&headers, &query), Some(json!("plain token")));
        headers.insert(SEC_WEBSOCKET_PROTOCOL, "gateway.v1, auth.eyJ0b2tlbiI6MX0".parse().unwrap());
        assert_eq!(read(&headers, &query), Some(json!({"token": 1})));
        headers.insert(SEC_WEBSOCKET_PROTOCOL, "auth.!!".parse().unwrap());
        assert_eq!(read(&headers, &[]), None);
    }
}
