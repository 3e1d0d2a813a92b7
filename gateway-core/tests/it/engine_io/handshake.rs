//! Start of a session, and each refusal.

use gateway_core::socket_io::{EngineIo, TransportName};
use serde_json::json;
use std::time::Duration;

use super::support::{Received, engine, engine_with, get, session};
use gateway_core::serve::Body;

#[tokio::test(start_paused = true)]
async fn a_poll_opens_a_session() {
    let options = EngineIo::new().ping_interval(Duration::from_millis(300)).ping_timeout(Duration::from_millis(200));
    let engine = engine_with(options).await;
    let answer = engine.get("/engine.io/?EIO=4&transport=polling").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("text/plain; charset=UTF-8"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let id = answer.body.split('"').nth(3).unwrap();
    assert_eq!(id.len(), 24);
    let expected = format!(
        r#"0{{"sid":"{id}","upgrades":["websocket"],"pingInterval":300,"pingTimeout":200,"maxPayload":1000000}}"#
    );
    assert_eq!(answer.body, expected);
}

#[tokio::test(start_paused = true)]
async fn a_websocket_opens_a_session() {
    let mut websocket = engine().await.websocket("EIO=4&transport=websocket").await;
    let open = websocket.text().await;
    assert!(open.starts_with(r#"0{"sid":""#), "{open}");
    assert!(
        open.ends_with(r#","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#),
        "{open}"
    );
    websocket.send("4hello").await;
    assert_eq!(websocket.text().await, "4hello");
    websocket.send_binary(&[1, 2, 3]).await;
    assert_eq!(websocket.next().await, Received::Binary(vec![1, 2, 3]));
    websocket.send("bAQIDBA==").await;
    assert_eq!(websocket.next().await, Received::Binary(vec![1, 2, 3, 4]));
}

#[tokio::test(start_paused = true)]
async fn each_wrong_request_has_its_number() {
    let engine = engine().await;
    let id = engine.open().await;
    let live = session(&id);
    let cases = [
        ("GET", "/engine.io/", 400, 0, "Transport unknown"),
        ("GET", "/engine.io/?EIO=4", 400, 0, "Transport unknown"),
        ("GET", "/engine.io/?EIO=4&transport=abc", 400, 0, "Transport unknown"),
        ("GET", "/engine.io/?EIO=4&transport=webtransport", 400, 0, "Transport unknown"),
        ("GET", "/engine.io/?EIO=4&transport=__proto__", 400, 0, "Transport unknown"),
        ("GET", "/engine.io/?EIO=4&transport=polling&sid=abc", 400, 1, "Session ID unknown"),
        ("GET", "/engine.io/?EIO=4&transport=polling&sid=__proto__", 400, 1, "Session ID unknown"),
        ("POST", "/engine.io/?EIO=4&transport=polling&sid=abc", 400, 1, "Session ID unknown"),
        ("POST", "/engine.io/?EIO=4&transport=polling", 400, 2, "Bad handshake method"),
        ("PUT", "/engine.io/?EIO=4&transport=polling", 400, 2, "Bad handshake method"),
        ("OPTIONS", "/engine.io/?EIO=4&transport=polling", 400, 2, "Bad handshake method"),
        ("GET", "/engine.io/?EIO=4&transport=websocket", 400, 3, "Bad request"),
        ("GET", &live.replace("polling", "websocket"), 400, 3, "Bad request"),
        ("GET", &live.replace("EIO=4", "EIO=3"), 400, 3, "Bad request"),
        ("GET", &live.replace("EIO=4&", ""), 400, 3, "Bad request"),
        ("GET", "/engine.io/?transport=polling", 400, 5, "Unsupported protocol version"),
        ("GET", "/engine.io/?EIO=3&transport=polling", 400, 5, "Unsupported protocol version"),
        ("GET", "/engine.io/?EIO=5&transport=polling", 400, 5, "Unsupported protocol version"),
        ("GET", "/engine.io/?EIO=4&transport=polling&j=0", 400, 3, "JSONP polling is not supported"),
    ];
    for (method, uri, status, code, message) in cases {
        let answer = engine.request(method, uri).await;
        assert_eq!(answer.refusal(), (status, json!(code), message.to_owned()), "{method} {uri}");
    }
    // None of it did anything to the session.
    assert_eq!(engine.post(&id, "4still here").await.body, "ok");
    assert_eq!(engine.poll(&id).await.body, "4still here");
}

#[tokio::test(start_paused = true)]
async fn a_request_for_a_websocket_is_refused_with_the_bare_text() {
    let engine = engine().await;
    let cases = [
        ("EIO=4", "Transport unknown"),
        ("EIO=4&transport=abc", "Transport unknown"),
        ("EIO=4&transport=constructor", "Transport unknown"),
        ("EIO=4&transport=websocket&sid=abc", "Session ID unknown"),
        ("EIO=4&transport=polling", "Bad request"),
        ("EIO=3&transport=websocket", "Unsupported protocol version"),
        ("transport=websocket", "Unsupported protocol version"),
    ];
    for (query, text) in cases {
        assert_eq!(engine.try_websocket(query).await.err().unwrap(), (400, text.to_owned()), "{query}");
    }
    let request = get("/engine.io/?EIO=4&transport=websocket").header("connection", "upgrade");
    let request = request.header("upgrade", "websocket").header("sec-websocket-version", "13");
    let answer = engine.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!((answer.status, answer.header("content-type")), (400, Some("text/html")));
    assert_eq!(answer.header("connection"), Some("close"));
    assert_eq!(answer.body, "`Sec-WebSocket-Key` is not 16 bytes in base64");
    assert_eq!(answer.header("sec-websocket-version"), None);
}

/// RFC 6455 §4.2.2 and §4.4.
#[tokio::test(start_paused = true)]
async fn another_version_of_the_websocket_protocol_is_told_the_right_one() {
    let engine = engine().await;
    let session = engine.open().await;
    for query in ["EIO=4&transport=websocket".to_owned(), format!("EIO=4&transport=websocket&sid={session}")] {
        for version in [Some("12"), Some("8"), Some("x"), None] {
            let mut request =
                get(&format!("/engine.io/?{query}")).header("connection", "upgrade").header("upgrade", "websocket");
            request = request.header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
            if let Some(version) = version {
                request = request.header("sec-websocket-version", version);
            }
            let answer = engine.send(request.body(Body::empty()).unwrap()).await;
            assert_eq!(
                (answer.status, answer.header("sec-websocket-version")),
                (400, Some("13")),
                "{query} {version:?}"
            );
            assert_eq!(answer.body, "`Sec-WebSocket-Version` must be 13");
        }
    }
    assert_eq!(engine.post(&session, "4a").await.body, "ok");
}

#[tokio::test(start_paused = true)]
async fn the_query_is_decoded_and_its_last_parameter_counts() {
    let engine = engine().await;
    for query in
        ["EIO=%34&transport=%70olling", "EIO=3&EIO=4&transport=abc&transport=polling", "EIO=4&transport=polling&sid="]
    {
        let answer = engine.get(&format!("/engine.io/?{query}")).await;
        assert!(answer.status == 200 && answer.body.starts_with("0{"), "{query}: {}", answer.body);
    }
}

#[tokio::test(start_paused = true)]
async fn the_path_captures_what_is_under_it_and_nothing_beside() {
    let engine = engine().await;
    let query = "?EIO=4&transport=polling";
    for (path, status) in [("/engine.io/", 200), ("/engine.io/anything/at/all", 200)] {
        assert_eq!(engine.get(&format!("{path}{query}")).await.status, status, "{path}");
    }
    for path in ["/engine.io", "/engine.io-admin", "/engine.iox/", "/x/engine.io/"] {
        assert_eq!(engine.get(&format!("{path}{query}")).await.status, 404, "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn other_methods_leave_a_session_alone() {
    let engine = engine().await;
    let id = engine.open().await;
    for method in ["PUT", "DELETE", "HEAD", "PATCH", "OPTIONS"] {
        assert_eq!(engine.request(method, &session(&id)).await.status, 500, "{method}");
    }
    assert_eq!(engine.post(&id, "4a").await.body, "ok");
    assert_eq!(engine.poll(&id).await.body, "4a");
}

#[tokio::test(start_paused = true)]
async fn a_transport_that_is_not_served_is_unknown() {
    let polling = engine_with(EngineIo::new().transports([TransportName::Polling])).await;
    let answer = polling.get("/engine.io/?EIO=4&transport=polling").await;
    assert!(answer.body.contains(r#""upgrades":[]"#), "{}", answer.body);
    let refused = polling.try_websocket("EIO=4&transport=websocket").await.err();
    assert_eq!(refused, Some((400, "Transport unknown".to_owned())));
    let websocket = engine_with(EngineIo::new().transports([TransportName::WebSocket])).await;
    let answer = websocket.get("/engine.io/?EIO=4&transport=polling").await;
    assert_eq!(answer.refusal().1, json!(0));
    websocket.open_websocket().await;
}

#[tokio::test(start_paused = true)]
async fn other_upgrades_are_left_aside() {
    let engine = engine().await;
    let request = get("/engine.io/?EIO=4&transport=polling").header("upgrade", "h2c").header("connection", "upgrade");
    assert_eq!(engine.send(request.body(Body::empty()).unwrap()).await.status, 200);
}
