//! The head of a request. What is upgraded keeps to RFC 6455 §4.2.1 to the letter; whatever else is said of it, nothing
//! panics on the way.

#![no_main]

use gateway_core::fuzzing::{admits_origin, handshake, upgrade};
use http::header::{
    CONNECTION, HOST, HeaderName, HeaderValue, ORIGIN, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{Request, StatusCode, Version, request::Parts};
use libfuzzer_sys::fuzz_target;
use tungstenite::handshake::derive_accept_key;

fuzz_target!(|head: &[u8]| {
    let Some(request) = parse(head) else { return };
    let known = ["mqtt".to_owned(), "graphql-ws".to_owned()];
    if let Ok(response) = upgrade(&request, &known) {
        check_upgrade(&request);
        check_answer(&request, &response, &known);
    }
    if admits_origin(&request.headers) {
        check_origin(&request);
    }
    check_handshake(&request);
});

/// As the HTTP server reads a head.
fn parse(head: &[u8]) -> Option<Parts> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut parsed = httparse::Request::new(&mut headers);
    if !parsed.parse(head).ok()?.is_complete() {
        return None;
    }
    let version = if parsed.version == Some(1) { Version::HTTP_11 } else { Version::HTTP_10 };
    let mut request = Request::builder().method(parsed.method?).uri(parsed.path?).version(version).body(()).ok()?;
    for header in parsed.headers {
        let name = HeaderName::from_bytes(header.name.as_bytes()).ok()?;
        request.headers_mut().append(name, HeaderValue::from_bytes(header.value).ok()?);
    }
    Some(request.into_parts().0)
}

fn values<'a>(request: &'a Parts, name: &HeaderName) -> Vec<&'a str> {
    request.headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect()
}

fn has_token(request: &Parts, name: &HeaderName, token: &str) -> bool {
    values(request, name).join(",").split(',').any(|found| found.trim().eq_ignore_ascii_case(token))
}

fn check_upgrade(request: &Parts) {
    assert_eq!((request.method.as_str(), request.version), ("GET", Version::HTTP_11));
    assert!(has_token(request, &UPGRADE, "websocket"));
    assert!(has_token(request, &CONNECTION, "upgrade"));
    assert_eq!(values(request, &SEC_WEBSOCKET_VERSION).iter().map(|value| value.trim()).collect::<Vec<_>>(), ["13"]);
    let keys = values(request, &SEC_WEBSOCKET_KEY);
    assert_eq!(keys.len(), 1);
    // 16 bytes are 22 digits of base64, whose last stands for two bits, and two signs of padding.
    let digits = keys[0].trim().strip_suffix("==").expect("padded");
    assert_eq!(digits.len(), 22);
    assert!(digits.bytes().all(|digit| digit.is_ascii_alphanumeric() || b"+/".contains(&digit)));
    assert!(digits.ends_with(['A', 'Q', 'g', 'w']));
}

fn check_answer(request: &Parts, response: &http::Response<()>, known: &[String]) {
    assert_eq!(response.status(), StatusCode::SWITCHING_PROTOCOLS);
    let key = values(request, &SEC_WEBSOCKET_KEY)[0].trim();
    assert_eq!(response.headers()[SEC_WEBSOCKET_ACCEPT], derive_accept_key(key.as_bytes()));
    if let Some(chosen) = response.headers().get(SEC_WEBSOCKET_PROTOCOL) {
        let chosen = chosen.to_str().expect("one of ours");
        assert!(chosen == "gateway.v1" || known.iter().any(|name| name == chosen));
        let offered = values(request, &SEC_WEBSOCKET_PROTOCOL).join(",");
        assert!(offered.split(',').any(|name| name.trim() == chosen), "{chosen} was not offered: {offered}");
    }
}

/// A page that is let in names the host it connects to.
fn check_origin(request: &Parts) {
    let Some(origin) = request.headers.get(ORIGIN) else { return };
    let origin = origin.to_str().expect("readable").to_ascii_lowercase();
    let host = request.headers[HOST].to_str().expect("readable").trim().to_ascii_lowercase();
    let name = host.split(':').next().unwrap_or_default();
    let authority = origin.split("://").nth(1).expect("a scheme");
    assert!(authority.starts_with(name), "{origin} at {host}");
}

fn check_handshake(request: &Parts) {
    let handshake = handshake(request);
    assert_eq!(handshake.headers(), &request.headers);
    for name in ["", "a", "auth"] {
        let _ = (handshake.query(name), handshake.cookie(name), handshake.header(name));
    }
    let _ = handshake.auth::<serde_json::Value>();
    let _ = format!("{handshake:?}");
}
