//! Handshakes that succeed, and the answers to the others: docs/protocol.md, "Reaching a namespace".

use std::time::Duration;

use gateway_core::http::StatusCode;
use gateway_core::limits::Limits;
use gateway_core::prelude::*;
use gateway_core::serve::{Body, HandshakeRejection};
use gateway_tests::{Frame, Raw, Response, upgrade_request};
use tokio::io::AsyncReadExt;
use tokio::time::timeout;

use crate::server::Probe;

async fn ask(server: &Probe, request: &str) -> Response {
    Raw::dial(server.address).await.ask(request).await
}

/// The answer to a right request but for one replacement.
async fn ask_with(server: &Probe, right: &str, wrong: &str) -> Response {
    let request = upgrade_request("/probe", "");
    assert!(request.contains(right), "{right}");
    ask(server, &request.replace(right, wrong)).await
}

async fn status_of_origin(server: &Probe, host: &str, origin: &str) -> u16 {
    let request = upgrade_request("/probe", &format!("Origin: {origin}\r\n"));
    ask(server, &request.replace("Host: localhost", &format!("Host: {host}"))).await.status
}

#[tokio::test]
async fn a_right_request_is_upgraded() {
    let server = Probe::start().await;
    let response = ask(&server, &upgrade_request("/probe", "")).await;
    assert_eq!(response.status, 101);
    assert_eq!(response.header("upgrade"), Some("websocket"));
    assert_eq!(response.header("connection").map(str::to_lowercase).as_deref(), Some("upgrade"));
    // RFC 6455 §1.3, the example.
    assert_eq!(response.header("sec-websocket-accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    assert_eq!(response.header("sec-websocket-protocol"), None);
    assert_eq!(response.header("sec-websocket-extensions"), None);
}

#[tokio::test]
async fn token_lists_are_read_without_case_and_over_several_lines() {
    let server = Probe::start().await;
    for connection in [
        "Connection: keep-alive, Upgrade\r\n",
        "Connection: UPGRADE\r\n",
        "connection:upgrade,keep-alive\r\n",
        "Connection: keep-alive\r\nConnection: Upgrade\r\n",
        "Connection: , ,Upgrade,\r\n",
    ] {
        assert_eq!(ask_with(&server, "Connection: Upgrade\r\n", connection).await.status, 101, "{connection}");
    }
    for upgrade in ["Upgrade: WebSocket\r\n", "Upgrade: h2c, websocket\r\n", "UPGRADE: WEBSOCKET\r\n"] {
        assert_eq!(ask_with(&server, "Upgrade: websocket\r\n", upgrade).await.status, 101, "{upgrade}");
    }
}

#[tokio::test]
async fn a_request_that_breaks_the_handshake_is_a_bad_request() {
    let server = Probe::start().await;
    let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    for (right, wrong) in [
        (key, ""),
        (key, "Sec-WebSocket-Key: \r\n"),
        (key, "Sec-WebSocket-Key: c2hvcnQ=\r\n"),
        (key, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ\r\n"),
        (key, "Sec-WebSocket-Key: not base64 at all!!!!!!==\r\n"),
        (key, &key.repeat(2)),
        ("Connection: Upgrade\r\n", ""),
        ("Connection: Upgrade\r\n", "Connection: keep-alive\r\n"),
        ("Connection: Upgrade\r\n", "Connection: Upgraded\r\n"),
        ("GET", "POST"),
        ("HTTP/1.1", "HTTP/1.0"),
    ] {
        let response = ask_with(&server, right, wrong).await;
        assert_eq!(response.status, 400, "{wrong:?}: {response:?}");
    }
}

#[tokio::test]
async fn another_version_is_told_the_right_one() {
    let server = Probe::start().await;
    let version = "Sec-WebSocket-Version: 13\r\n";
    for wrong in ["", "Sec-WebSocket-Version: 8\r\n", "Sec-WebSocket-Version: 14\r\n", "Sec-WebSocket-Version: x\r\n"] {
        let response = ask_with(&server, version, wrong).await;
        assert_eq!((response.status, response.header("sec-websocket-version")), (426, Some("13")), "{wrong:?}");
    }
}

#[tokio::test]
async fn who_only_looks_is_told_to_upgrade() {
    let server = Probe::start().await;
    for wrong in ["", "Upgrade: h2c\r\n"] {
        let response = ask_with(&server, "Upgrade: websocket\r\n", wrong).await;
        assert_eq!((response.status, response.header("upgrade")), (426, Some("websocket")), "{wrong:?}");
    }
}

/// The end of the connection, or `None` where it goes on.
async fn rest_of(client: Raw) -> Option<Vec<u8>> {
    let mut rest = Vec::new();
    let mut stream = client.into_inner();
    timeout(Duration::from_secs(2), stream.read_to_end(&mut rest)).await.ok()?.ok().map(|_| rest)
}

/// Some clients parse on until the connection ends, and tell nobody before.
#[tokio::test]
async fn a_refused_upgrade_ends_its_connection_at_once() {
    let check = |handshake: Handshake| async move {
        let is_known = handshake.header("authorization").is_some();
        if is_known { Ok(()) } else { Err(HandshakeRejection::new(StatusCode::UNAUTHORIZED, "who are you")) }
    };
    let server = Probe::with(|server| server.allow_request(check)).await;
    let known = "Authorization: x\r\n";
    for (status, request) in [
        (401, upgrade_request("/probe", "")),
        (403, upgrade_request("/probe", "Origin: http://evil.example\r\n")),
        (404, upgrade_request("/none", "")),
        (426, upgrade_request("/probe", known).replace("Version: 13", "Version: 8")),
        (426, upgrade_request("/probe", known).replace("Upgrade: websocket\r\n", "")),
        (400, upgrade_request("/probe", known).replace("Connection: Upgrade\r\n", "")),
        (400, upgrade_request("/socket.io/?EIO=4&transport=websocket&sid=gone", known)),
    ] {
        let mut client = Raw::dial(server.address).await;
        let response = client.ask(&request).await;
        assert_eq!((response.status, response.header("connection")), (status, Some("close")), "{request}");
        assert_eq!(rest_of(client).await.as_deref(), Some(&b""[..]), "{request}");
    }
    // Whoever asked for no upgrade may ask for something else.
    let mut client = Raw::dial(server.address).await;
    for _ in 0..2 {
        let response = client.ask("GET /none HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
        assert_eq!((response.status, response.header("connection")), (404, None));
    }
}

/// As Tcl's `websocket` asks, which takes an answer with `close` in it for none.
#[tokio::test]
async fn an_upgrade_says_upgrade_alone_also_where_the_request_says_close_too() {
    let server = Probe::start().await;
    for connection in [
        "Connection: close\r\nConnection: Upgrade\r\n",
        "Connection: Upgrade, close\r\n",
        "Connection: Close, Upgrade\r\n",
    ] {
        let request = upgrade_request("/probe", "Sec-WebSocket-Protocol: gateway.v1\r\n");
        let request = request.replace("Connection: Upgrade\r\n", connection);
        let mut client = Raw::dial(server.address).await;
        client.write(&[request.as_bytes(), &Frame::text(r#"{"event":"echo","data":0}"#).bytes()].concat()).await;
        let response = client.response().await;
        assert_eq!(response.status, 101);
        let lines: Vec<_> = response.headers.iter().filter(|(name, _)| name == "connection").collect();
        assert_eq!(lines, [&("connection".to_owned(), "Upgrade".to_owned())], "{response:?}");
        assert_eq!(response.header("sec-websocket-accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
        assert_eq!(response.header("sec-websocket-protocol"), Some("gateway.v1"));
        assert_eq!(client.next_text().await, r#"{"event":"echo","data":0}"#);
        client.text(r#"{"event":"echo","data":1,"id":1}"#).await;
        assert_eq!(client.next_text().await, r#"{"event":"echo","data":1,"id":1}"#);
        client.send(Frame::close(1000, "")).await;
        assert_eq!(client.close_code().await, Some(1000));

        let request = upgrade_request("/none", "").replace("Connection: Upgrade\r\n", connection);
        let mut client = Raw::dial(server.address).await;
        assert_eq!(client.ask(&request).await.status, 404);
        assert_eq!(rest_of(client).await.as_deref(), Some(&b""[..]));

        let request = upgrade_request("/socket.io/?EIO=4&transport=websocket", "");
        let mut client = Raw::dial(server.address).await;
        let response = client.ask(&request.replace("Connection: Upgrade\r\n", connection)).await;
        assert_eq!((response.status, response.header("connection")), (101, Some("Upgrade")));
        assert!(client.next_text().await.starts_with("0{"));
    }
}

#[tokio::test]
async fn credentials_that_are_too_large_are_refused() {
    let limits = Limits::new().auth_bytes(20);
    let server = Probe::with(|server| server.limits(limits)).await;
    // 20 and 21 letters of JSON.
    for (token, status) in [("x".repeat(18), 101), ("x".repeat(21), 431)] {
        let in_query = upgrade_request(&format!("/probe?auth={token}"), "");
        assert_eq!(ask(&server, &in_query).await.status, status);
    }
    for (encoded, status) in [("InR3ZW50eSBsZXR0ZXJzLi4iIA", 101), ("InR3ZW50eSBsZXR0ZXJzIGFuZCBtb3JlIg", 431)] {
        let in_header = upgrade_request("/probe", &format!("Sec-WebSocket-Protocol: gateway.v1, auth.{encoded}\r\n"));
        assert_eq!(ask(&server, &in_header).await.status, status);
    }
}

#[tokio::test]
async fn a_query_with_too_many_parameters_or_bytes_is_refused() {
    let limits = Limits::new().query_parameters(3);
    let server = Probe::with(|server| server.limits(limits)).await;
    for (query, status) in [("a=1&b&&c", 101), ("a=1&b&c&d", 414)] {
        assert_eq!(ask(&server, &upgrade_request(&format!("/probe?{query}"), "")).await.status, status, "{query}");
    }
    for (query, status) in [("a", 200), ("a&b", 414)] {
        let head = format!("GET /socket.io/?EIO=4&transport=polling&{query} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        assert_eq!(ask(&server, &head).await.status, status, "{query}");
    }
}

/// RFC 9110 §7.8: an upgrade to something else is an offer.
#[tokio::test]
async fn only_an_upgrade_to_websocket_is_one() {
    let page = |_| http::Response::new(Body::from("the page"));
    let server = Probe::with(|server| server.fallback_fn(page)).await;
    for upgrade in ["h2c", "TLS/1.0", "websockets", "h2c, TLS/1.0"] {
        let head = format!("HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: {upgrade}\r\n\r\n");
        let mut client = Raw::dial(server.address).await;
        // The connection goes on, whatever was offered on it.
        for _ in 0..2 {
            let response = client.ask(&format!("GET /probe {head}")).await;
            assert_eq!((response.status, response.body.as_str()), (200, "the page"), "{upgrade}");
        }
        let polling = client.ask(&format!("GET /socket.io/?EIO=4&transport=polling {head}")).await;
        assert_eq!(polling.status, 200, "{upgrade}: {polling:?}");
    }
    assert_eq!(ask_with(&server, "Upgrade: websocket", "Upgrade: h2c, websocket").await.status, 101);
    // What a proxy made of an upgrade is no page's business.
    let stripped = ask_with(&server, "Upgrade: websocket\r\n", "").await;
    assert_eq!(stripped.status, 426);
    assert!(stripped.body.contains("a proxy in front has to pass it on"), "{}", stripped.body);
}

#[tokio::test]
async fn programs_that_name_the_host_they_ask_or_none_are_no_foreign_page() {
    let server = Probe::start().await;
    for origin in ["ws://localhost:3000", "wss://localhost:3000", "http://localhost:3000", ""] {
        assert_eq!(status_of_origin(&server, "localhost:3000", origin).await, 101, "{origin}");
    }
    assert_eq!(status_of_origin(&server, "localhost", "wss://localhost:443").await, 101);
    assert_eq!(status_of_origin(&server, "localhost", "wss://localhost:80").await, 403);
    assert_eq!(status_of_origin(&server, "localhost:443", "wss://localhost").await, 101);
    assert_eq!(status_of_origin(&server, "localhost:3000", "ws://localhost:3001").await, 403);
}

#[tokio::test]
async fn a_path_that_is_no_namespace_is_not_found() {
    let server = Probe::start().await;
    for path in ["/", "/other", "/probe/", "//probe", "/Probe", "/probe/x", "/%2Fprobe"] {
        let response = ask(&server, &upgrade_request(path, "")).await;
        assert_eq!(response.status, 404, "{path}");
        assert_eq!(response.body.contains("/probe"), cfg!(debug_assertions), "{path}: {}", response.body);
    }
}

#[tokio::test]
async fn the_path_is_compared_after_decoding_and_without_the_query() {
    let server = Probe::start().await;
    for path in ["/probe?", "/probe?a=/b", "/%70robe", "/pro%62e?x"] {
        assert_eq!(ask(&server, &upgrade_request(path, "")).await.status, 101, "{path}");
    }
}

#[tokio::test]
async fn a_page_of_another_host_is_forbidden() {
    let server = Probe::start().await;
    for origin in [
        "https://evil.com",
        "null",
        "https://good.com.evil.com",
        "https://evilgood.com",
        "https://sub.good.com",
        "https://good.com:444",
        "http://good.com@evil.com",
        "file://",
        "good.com",
        "https://",
    ] {
        assert_eq!(status_of_origin(&server, "good.com", origin).await, 403, "{origin}");
    }
    assert_eq!(status_of_origin(&server, "good.com:3000", "http://good.com:3001").await, 403);
    assert_eq!(status_of_origin(&server, "good.com:3000", "http://good.com").await, 403);
}

#[tokio::test]
async fn a_page_of_the_same_host_is_served_however_it_is_written() {
    let server = Probe::start().await;
    for (host, origin) in [
        ("good.com", "https://good.com"),
        ("good.com", "http://good.com"),
        ("good.com", "HTTPS://GOOD.COM"),
        ("GOOD.com", "https://good.com"),
        ("good.com", "https://good.com:443"),
        ("good.com:3000", "http://good.com:3000"),
        ("127.0.0.1:3000", "http://127.0.0.1:3000"),
        ("[::1]:3000", "http://[::1]:3000"),
    ] {
        assert_eq!(status_of_origin(&server, host, origin).await, 101, "{host} {origin}");
    }
}

#[tokio::test]
async fn a_page_on_the_allow_list_is_served_and_no_other() {
    let server = Probe::with(|server| server.allow_origin("https://app.example.com")).await;
    for (origin, status) in [
        ("https://app.example.com", 101),
        ("https://APP.example.com:443", 101),
        ("https://good.com", 101),
        ("http://app.example.com", 403),
        ("https://app.example.com:8443", 403),
        ("https://app.example.com.evil.com", 403),
        ("null", 403),
    ] {
        assert_eq!(status_of_origin(&server, "good.com", origin).await, status, "{origin}");
    }
}

#[tokio::test]
async fn any_page_is_served_where_the_application_says_so() {
    let server = Probe::with(Server::allow_any_origin).await;
    for origin in ["https://evil.com", "null"] {
        assert_eq!(status_of_origin(&server, "good.com", origin).await, 101, "{origin}");
    }
}

#[tokio::test]
async fn the_first_known_subprotocol_is_selected_and_credentials_never() {
    let server = Probe::with(|server| server.subprotocols(["mqtt", "stomp"])).await;
    for (offered, selected) in [
        ("gateway.v1", Some("gateway.v1")),
        ("auth.e30, mqtt, gateway.v1", Some("gateway.v1")),
        ("stomp, mqtt", Some("mqtt")),
        ("other, stomp", Some("stomp")),
        ("mqtt, gateway.v1.msgpack", Some("gateway.v1.msgpack")),
        ("gateway.v1.msgpack, gateway.v1", Some("gateway.v1.msgpack")),
        ("auth.e30", None),
        ("other", None),
    ] {
        let request = upgrade_request("/probe", &format!("Sec-WebSocket-Protocol: {offered}\r\n"));
        let response = ask(&server, &request).await;
        assert_eq!(response.status, 101, "{offered}");
        assert_eq!(response.header("sec-websocket-protocol"), selected, "{offered}");
    }
}

#[tokio::test]
async fn credentials_come_by_subprotocol_or_by_query() {
    let server = Probe::start().await;
    let token = "Sec-WebSocket-Protocol: gateway.v1, auth.eyJ0b2tlbiI6MX0\r\n";
    for (path, more, expected) in [
        ("/probe", token, r#"{"token":1}"#),
        ("/probe?auth=%7B%22token%22%3A2%7D", "", r#"{"token":2}"#),
        ("/probe?auth=secret", "", r#""secret""#),
        ("/probe?auth=second", token, r#"{"token":1}"#),
        ("/probe", "", "null"),
    ] {
        let mut client = Raw::dial(server.address).await;
        assert_eq!(client.ask(&upgrade_request(path, more)).await.status, 101);
        client.text(r#"{"event":"credentials","id":1}"#).await;
        assert_eq!(client.next_text().await, format!(r#"{{"event":"credentials","data":{expected},"id":1}}"#));
    }
}

#[tokio::test]
async fn the_application_may_refuse_with_a_status_of_its_own() {
    let server = Probe::with(|server| {
        server.allow_request(async |handshake: Handshake| match handshake.query("ticket") {
            Some("valid") => Ok(()),
            _ => Err(HandshakeRejection::new(StatusCode::PAYMENT_REQUIRED, "a ticket, please")),
        })
    })
    .await;
    assert_eq!(ask(&server, &upgrade_request("/probe?ticket=valid", "")).await.status, 101);
    let refused = ask(&server, &upgrade_request("/probe", "")).await;
    assert_eq!((refused.status, refused.body.trim_end()), (402, "a ticket, please"));
}

/// Says what its `say` parameter asks for.
struct OutgoingKind;

impl Guard for OutgoingKind {
    type Grants = ();

    fn check(&self, context: &GuardContext<'_>) -> Result<Grant, Exception> {
        match context.handshake().query("say") {
            None => Ok(Grant::new()),
            Some("unauthorized") => Err(Exception::unauthorized()),
            Some("hidden") => Err(Exception::hidden("database", &std::fmt::Error)),
            Some("panic") => panic!("on request"),
            Some(code) => Err(Exception::new(code.to_owned(), "no")),
        }
    }
}

#[tokio::test]
async fn a_guard_refuses_with_the_status_that_says_it_best() {
    let server = Probe::with(|server| server.guard(OutgoingKind)).await;
    assert_eq!(ask(&server, &upgrade_request("/probe", "")).await.status, 101);
    for (say, status) in
        [("forbidden", 403), ("unauthorized", 401), ("rate_limited", 429), ("hidden", 500), ("panic", 500)]
    {
        let refused = ask(&server, &upgrade_request(&format!("/probe?say={say}"), "")).await;
        assert_eq!(refused.status, status, "{say}");
        assert!(!refused.body.contains("error occurred"), "{}", refused.body);
    }
}

#[tokio::test]
async fn a_request_that_is_no_http_is_a_bad_request() {
    let server = Probe::start().await;
    for request in ["x\r\n\r\n", "GET /probe\r\n\r\n", "GET /probe HTTP/1.1\r\nno header\r\n\r\n"] {
        assert_eq!(ask(&server, request).await.status, 400, "{request:?}");
    }
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let server = Probe::start().await;
    let many = "X-Many: x\r\n".repeat(200);
    let large = format!("X-Large: {}\r\n", "x".repeat(20 * 1024));
    for headers in [many, large] {
        assert_eq!(ask(&server, &upgrade_request("/probe", &headers)).await.status, 431);
    }
}

#[tokio::test]
async fn a_head_that_never_ends_is_not_waited_for() {
    let limits = Limits::new().handshake_timeout(Duration::from_millis(100));
    let server = Probe::with(|server| server.limits(limits)).await;
    for start in ["", "GET /probe HT", "GET /probe HTTP/1.1\r\nHost: localhost\r\n"] {
        let mut client = Raw::dial(server.address).await;
        client.write(start.as_bytes()).await;
        let mut answer = Vec::new();
        client.into_inner().read_to_end(&mut answer).await.expect("the server ends the connection");
        assert!(!answer.starts_with(b"HTTP/1.1 101"), "{start:?}");
    }
}
