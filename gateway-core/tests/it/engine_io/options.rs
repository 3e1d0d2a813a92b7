//! Options of an application, and their effect on clients.

use std::time::Duration;

use gateway_core::http::StatusCode;
use gateway_core::limits::Limits;
use gateway_core::prelude::*;
use gateway_core::serve::{Body, HandshakeRejection};
use gateway_core::socket_io::{Cors, EngineIo, SessionCookie, SocketIo};
use serde_json::json;

use super::support::{Answer, Echo, Engine, engine, engine_of, engine_with, get, post, settle};

const HANDSHAKE: &str = "/engine.io/?EIO=4&transport=polling";

async fn from(engine: &Engine, origin: &str, uri: &str) -> Answer {
    engine.send(get(uri).header("origin", origin).body(Body::empty()).unwrap()).await
}

async fn preflight(engine: &Engine, origin: &str) -> Answer {
    let request = get(HANDSHAKE).method("OPTIONS").header("origin", origin);
    let request = request.header("access-control-request-headers", "x-a, x-b");
    engine.send(request.body(Body::empty()).unwrap()).await
}

#[tokio::test(start_paused = true)]
async fn pages_of_other_hosts_are_refused_unless_they_were_allowed() {
    let closed = engine().await;
    assert_eq!(from(&closed, "http://localhost", HANDSHAKE).await.status, 200);
    let refused = from(&closed, "https://evil.example", HANDSHAKE).await;
    assert_eq!(
        refused.refusal(),
        (403, json!(4), "this origin is not allowed: `allow_origin` on the server allows it".to_owned())
    );
    assert_eq!(refused.header("access-control-allow-origin"), None);

    let open = engine_with(EngineIo::new().cors(Cors::any())).await;
    let answer = from(&open, "https://evil.example", HANDSHAKE).await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, Some("*")));
    assert_eq!(answer.header("access-control-allow-credentials"), None);

    let named = EngineIo::new().cors(Cors::origins(["https://app.example"]).credentials(true).exposed_headers(["x-c"]));
    let named = engine_with(named).await;
    let answer = from(&named, "https://app.example", HANDSHAKE).await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, Some("https://app.example")));
    assert_eq!(answer.header("access-control-allow-credentials"), Some("true"));
    assert_eq!(answer.header("access-control-expose-headers"), Some("x-c"));
    assert_eq!(answer.header("vary"), Some("origin"));
    let refused = from(&named, "https://evil.example", HANDSHAKE).await;
    assert_eq!((refused.status, refused.header("access-control-allow-origin")), (403, None));
}

#[tokio::test(start_paused = true)]
async fn origins_the_server_allows_may_poll_too() {
    let server = Server::empty().engine_io("/engine.io/", "/echo", EngineIo::new());
    let engine = engine_of(server.allow_origin("https://app.example")).await;
    let answer = from(&engine, "https://app.example", HANDSHAKE).await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, Some("https://app.example")));
    assert_eq!(from(&engine, "https://evil.example", HANDSHAKE).await.status, 403);
}

#[tokio::test(start_paused = true)]
async fn a_failure_can_be_read_by_pages_that_may() {
    let engine = engine_with(EngineIo::new().cors(Cors::any())).await;
    let answer = from(&engine, "https://any.example", "/engine.io/?EIO=4&transport=polling&sid=abc").await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (400, Some("*")));
}

#[tokio::test(start_paused = true)]
async fn a_preflight_is_answered() {
    let open = engine_with(EngineIo::new().cors(Cors::any())).await;
    let answer = preflight(&open, "https://any.example").await;
    assert_eq!((answer.status, answer.header("content-length")), (204, Some("0")));
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    assert_eq!(answer.header("access-control-allow-methods"), Some("GET,HEAD,PUT,PATCH,POST,DELETE"));
    assert_eq!(answer.header("access-control-allow-headers"), Some("x-a, x-b"));

    let cors = Cors::origins(["https://app.example"]).methods(["GET", "POST"]).allowed_headers(["x-a"]);
    let named = engine_with(EngineIo::new().cors(cors.max_age(Duration::from_mins(1)))).await;
    let answer = preflight(&named, "https://app.example").await;
    assert_eq!(answer.header("access-control-allow-origin"), Some("https://app.example"));
    assert_eq!(answer.header("access-control-allow-methods"), Some("GET,POST"));
    assert_eq!(answer.header("access-control-allow-headers"), Some("x-a"));
    assert_eq!(answer.header("access-control-max-age"), Some("60"));
    assert_eq!(preflight(&named, "https://evil.example").await.header("access-control-allow-origin"), None);
}

#[tokio::test(start_paused = true)]
async fn a_cookie_names_the_session_in_the_handshake_alone() {
    let engine = engine_with(EngineIo::new().cookie(SessionCookie::default())).await;
    let answer = engine.get(HANDSHAKE).await;
    let id = answer.body.split('"').nth(3).unwrap();
    assert_eq!(answer.header("set-cookie"), Some(format!("io={id}; Path=/; HttpOnly; SameSite=Lax").as_str()));
    engine.post(id, "4a").await;
    assert_eq!(engine.poll(id).await.header("set-cookie"), None);
}

#[tokio::test(start_paused = true)]
async fn the_application_may_refuse_a_handshake() {
    let options = EngineIo::new().allow_request(async |handshake: Handshake| {
        tokio::time::sleep(Duration::from_millis(10)).await;
        match handshake.query("deny") {
            Some("1") => Err(HandshakeRejection::new(StatusCode::FORBIDDEN, "Denied by policy")),
            Some(_) => Err(HandshakeRejection::new(StatusCode::UNAUTHORIZED, "who are you?")),
            None => Ok(()),
        }
    });
    let engine = engine_with(options).await;
    let refused = engine.get(&format!("{HANDSHAKE}&deny=1")).await;
    assert_eq!(refused.refusal(), (403, json!(4), "Denied by policy".to_owned()));
    assert_eq!(engine.get(&format!("{HANDSHAKE}&deny=2")).await.refusal().0, 401);
    let refused = engine.try_websocket("EIO=4&transport=websocket&deny=1").await.err();
    assert_eq!(refused, Some((400, "Denied by policy".to_owned())));
    // It is asked before the version is looked at, as the reference does.
    let refused = engine.get("/engine.io/?EIO=3&transport=polling&deny=1").await;
    assert_eq!(refused.refusal().1, json!(4));
    let id = engine.open().await;
    engine.open_websocket().await;
    // And of handshakes alone.
    let answer = engine.get(&format!("/engine.io/?EIO=4&transport=polling&deny=1&sid={id}&x")).await;
    assert_ne!(answer.status, 403);
}

#[tokio::test(start_paused = true)]
async fn what_the_server_asks_before_an_upgrade_it_asks_here_too() {
    let server = Server::empty().engine_io("/engine.io/", "/echo", EngineIo::new());
    let server = server.allow_request(async |handshake: Handshake| match handshake.header("authorization") {
        Some(_) => Ok(()),
        None => Err(HandshakeRejection::new(StatusCode::UNAUTHORIZED, "who are you?")),
    });
    let engine = engine_of(server).await;
    assert_eq!(engine.get(HANDSHAKE).await.refusal(), (401, json!(4), "who are you?".to_owned()));
    let known = get(HANDSHAKE).header("authorization", "Bearer x").body(Body::empty()).unwrap();
    assert_eq!(engine.send(known).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn headers_are_added_to_the_handshake_alone() {
    let options = EngineIo::new().initial_headers(|headers, handshake| {
        headers.append("set-cookie", "1=1; Max-Age=86400".parse().unwrap());
        headers.append("set-cookie", "2=2; Path=/".parse().unwrap());
        headers.insert("x-path", handshake.path().parse().unwrap());
    });
    let engine = engine_with(options).await;
    let answer = engine.get(HANDSHAKE).await;
    let cookies: Vec<_> = answer.headers.get_all("set-cookie").iter().collect();
    assert_eq!(cookies, ["1=1; Max-Age=86400", "2=2; Path=/"]);
    assert_eq!(answer.header("x-path"), Some("/echo"));
    let id = answer.body.split('"').nth(3).unwrap();
    engine.post(id, "4a").await;
    assert_eq!(engine.poll(id).await.header("set-cookie"), None);
}

#[tokio::test(start_paused = true)]
async fn socket_io_is_on_and_can_be_moved_or_turned_off() {
    let query = "?EIO=4&transport=polling";
    let on = engine_of(Server::empty()).await;
    assert_eq!(on.get(&format!("/socket.io/{query}")).await.status, 200);
    assert_eq!(on.get(&format!("/socket.io{query}")).await.status, 404);
    assert_eq!(on.get(&format!("/socket.io-admin/{query}")).await.status, 404);
    let moved = engine_of(Server::empty().socket_io(SocketIo::new().path("/realtime"))).await;
    assert_eq!(moved.get(&format!("/realtime/{query}")).await.status, 200);
    assert_eq!(moved.get(&format!("/socket.io/{query}")).await.status, 404);
    let off = engine_of(Server::empty().without_socket_io()).await;
    assert_eq!(off.get(&format!("/socket.io/{query}")).await.status, 404);
}

#[tokio::test(start_paused = true)]
async fn the_clients_files_are_served_where_the_application_gives_them() {
    let options = SocketIo::new().client_bundle("socket.io.min.js", "bundle");
    let engine = engine_of(Server::empty().socket_io(options)).await;
    let answer = engine.get("/socket.io/socket.io.min.js?v=1").await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "bundle"));
    assert_eq!(answer.header("cache-control"), Some("public, max-age=0"));
    let known = get("/socket.io/socket.io.min.js").header("if-none-match", answer.header("etag").unwrap());
    let known = engine.send(known.body(Body::empty()).unwrap()).await;
    assert_eq!((known.status, known.body.as_str()), (304, ""));
    assert_eq!(engine.get("/socket.io/socket.io.js").await.refusal().1, json!(0));
}

#[tokio::test(start_paused = true)]
async fn sessions_are_bounded_and_their_places_free_again() {
    let limits = Limits::new().polling_sessions(3).unclaimed_sessions(100);
    let server = Server::empty().engine_io("/engine.io/", "/echo", EngineIo::new()).limits(limits);
    let engine = engine_of(server).await;
    let (first, second) = (engine.open().await, engine.open().await);
    engine.open().await;
    let refused = engine.get(HANDSHAKE).await;
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("5")));
    // A WebSocket holds an open file, which is bounded elsewhere.
    engine.open_websocket().await;
    engine.post(&first, "1").await;
    settle().await;
    engine.open().await;
    // One that moves to a WebSocket makes room as well.
    assert_eq!(engine.get(HANDSHAKE).await.status, 503);
    let mut websocket = engine.websocket(&format!("EIO=4&transport=websocket&sid={second}")).await;
    websocket.send("5").await;
    settle().await;
    engine.open().await;
}

#[tokio::test(start_paused = true)]
async fn sessions_that_nobody_claims_are_bounded() {
    let limits = Limits::new().unclaimed_sessions(2);
    let engine = engine_of(Server::empty().limits(limits)).await;
    let handshake = "/socket.io/?EIO=4&transport=polling";
    for status in [200, 200, 503] {
        assert_eq!(engine.get(handshake).await.status, status);
    }
    // They are let go of in bounded time.
    tokio::time::sleep(Duration::from_mins(1)).await;
    assert_eq!(engine.get(handshake).await.status, 200);
}

#[tokio::test]
async fn what_is_wrong_with_the_options_stops_the_start() {
    let server = Server::empty().gateway::<Echo>().engine_io("/engine.io/", "/eccho", EngineIo::new());
    let error = server.engine_io("/socket.io", "/echo", EngineIo::new()).check().unwrap_err().to_string();
    assert!(error.contains("2 problems"), "{error}");
    assert!(
        error.contains("`/engine.io/` is to serve the raw gateway of `/eccho` by Engine.IO, and there is none"),
        "{error}"
    );
    assert!(error.contains("`/socket.io/` is served by Engine.IO twice"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn the_headers_of_the_newest_request_are_kept() {
    use std::sync::{Arc, Mutex};
    let kept = Arc::new(Mutex::new(None));
    let options = {
        let kept = Arc::clone(&kept);
        EngineIo::new().initial_headers(move |_, handshake| *kept.lock().unwrap() = Some(handshake.clone()))
    };
    let engine = engine_with(options).await;
    let id = engine.open().await;
    let handshake: Handshake = kept.lock().unwrap().take().unwrap();
    assert_eq!(handshake.latest_headers().get("cookie"), None);
    let request = post(&id).header("cookie", "1=1").body(Body::from("4a")).unwrap();
    engine.send(request).await;
    assert_eq!(handshake.latest_headers()["cookie"], "1=1");
    assert_eq!(handshake.header("cookie"), None);
}

#[cfg(feature = "http-compression")]
#[tokio::test(start_paused = true)]
async fn large_answers_are_compressed_for_those_who_can_read_it() {
    use std::io::Read;

    let engine = engine_with(EngineIo::new().http_compression(1024)).await;
    let text = format!("4{}", "abc".repeat(50_000));
    let poll = async |accept: &str, body: &str| {
        let id = engine.open().await;
        assert_eq!(engine.post(&id, body.to_owned()).await.body, "ok");
        let request = get(&super::support::session(&id)).header("accept-encoding", accept);
        engine.fetch(request.body(Body::empty()).unwrap()).await
    };
    let read = |encoding: &str, bytes: &[u8]| {
        let mut text = String::new();
        match encoding {
            "gzip" => flate2::read::GzDecoder::new(bytes).read_to_string(&mut text).unwrap(),
            _ => flate2::read::ZlibDecoder::new(bytes).read_to_string(&mut text).unwrap(),
        };
        text
    };
    for (accept, encoding) in [
        ("gzip, deflate, br", "gzip"),
        ("deflate", "deflate"),
        ("gzip;q=0.5, deflate;q=0.8", "deflate"),
        ("*", "gzip"),
        ("GZIP", "gzip"),
    ] {
        let (head, bytes) = poll(accept, &text).await;
        assert_eq!(head.headers["content-encoding"], encoding, "{accept}");
        assert!(bytes.len() < 10_000);
        assert_eq!(read(encoding, &bytes), text, "{accept}");
    }
    for (accept, body) in [("br", text.as_str()), ("gzip;q=0", &text), ("", &text), ("gzip", "4short")] {
        let (head, bytes) = poll(accept, body).await;
        assert!(!head.headers.contains_key("content-encoding"), "{accept}");
        assert_eq!(bytes, body.as_bytes());
    }
}
