//! Guards, hooks, credentials and origins of clients that listen. A status ends a browser's attempts for good, so a client
//! that should come back gets a stream that ends.

use std::time::Duration;

use gateway_core::http::{HeaderMap, Method, Request, StatusCode};
use gateway_core::limits::Limits;
use gateway_core::metrics::Counter;
use gateway_core::pipeline::{Grant, Guard, GuardContext};
use gateway_core::prelude::*;
use gateway_core::serve::{Body, ServerSentEvents};
use gateway_core::socket_io::Cors;
use gateway_core::testing::{ConnectError, TestServer};
use http_body_util::BodyExt;
use serde_json::Value;
use tower_service::Service;

use super::serve;

#[derive(Default)]
struct SignedIn;

impl Guard for SignedIn {
    type Grants = ();

    fn check(&self, context: &GuardContext<'_>) -> Result<Grant, Exception> {
        let handshake = context.handshake();
        let by_cookie = handshake.cookie("session") == Some("secret");
        let by_header = handshake.header("authorization") == Some("Bearer secret");
        let by_query = handshake.auth::<String>().is_ok_and(|secret| secret == "secret");
        if by_cookie || by_header || by_query { Grant::when(true) } else { Err(Exception::unauthorized()) }
    }
}

#[gateway(namespace = "/guarded")]
#[guard(SignedIn)]
struct Guarded;

#[gateway]
impl Guarded {
    #[subscribe("ping")]
    fn ping(&self) -> &'static str {
        "pong"
    }
}

#[gateway(namespace = "/hooked")]
struct Hooked;

#[gateway]
impl Hooked {
    #[on_connect]
    async fn joined(&self, handshake: Handshake) -> Result<(), ConnectRejection> {
        match handshake.query("then") {
            Some("refuse") => Err(ConnectRejection::new("banned", "you are banned")),
            Some("unauthorized") => Err(Exception::unauthorized().into()),
            Some("hang") => std::future::pending().await,
            Some("panic") => panic!("a hook of a test panics"),
            Some(_) | None => Ok(()),
        }
    }

    #[subscribe("ping")]
    fn ping(&self) -> &'static str {
        "pong"
    }
}

async fn ask(server: &TestServer, request: Request<Body>) -> (StatusCode, HeaderMap, String) {
    let response = server.service().call(request).await.unwrap();
    let (head, body) = response.into_parts();
    let text = body.collect().await.unwrap().to_bytes();
    (head.status, head.headers, String::from_utf8(text.to_vec()).unwrap())
}

fn listening(path: &str) -> Request<Body> {
    Request::get(path).header("accept", "text/event-stream").body(Body::empty()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn credentials_come_by_cookie_header_or_query() {
    let server = serve::<Guarded>(|server| server).await;
    let refused = server.connect_sse("/guarded").await.unwrap_err();
    assert!(matches!(refused, ConnectError::Rejected { status: StatusCode::UNAUTHORIZED, .. }), "{refused}");
    assert_eq!(server.count(Counter::RejectedHandshakes), 1);
    for connect in [
        server.connect_sse("/guarded").header("cookie", "session=secret"),
        server.connect_sse("/guarded").header("authorization", "Bearer secret"),
        server.connect_sse("/guarded?auth=%22secret%22"),
    ] {
        let mut ann = connect.await.unwrap();
        // The POST needs nothing but the stream's id.
        assert_eq!(ann.emit_with_ack::<String>("ping", 1).await.unwrap(), "pong");
    }
}

#[tokio::test(start_paused = true)]
async fn a_hook_that_refuses_is_a_status_and_one_that_may_be_tried_again_a_stream() {
    let server = serve::<Hooked>(|server| server).await;
    for (then, expected) in [("refuse", StatusCode::FORBIDDEN), ("unauthorized", StatusCode::UNAUTHORIZED)] {
        let (status, _, text) = ask(&server, listening(&format!("/hooked?then={then}"))).await;
        assert_eq!(status, expected, "{text}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap()["status"], "error");
    }
    for (then, code, close) in [("hang", "timeout", 4002), ("panic", "internal", 1011)] {
        let (status, headers, text) = ask(&server, listening(&format!("/hooked?then={then}"))).await;
        assert_eq!(
            (status, headers["content-type"].to_str().unwrap()),
            (StatusCode::OK, "text/event-stream"),
            "{then}"
        );
        assert!(text.starts_with(":\nretry: 3000\n\nevent: exception\ndata: {\"status\":\"error\""), "{text}");
        assert!(text.contains(&format!("\"code\":\"{code}\"")), "{text}");
        assert!(text.contains(&format!("event: gateway:close\ndata: {{\"code\":{close},")), "{text}");
        assert!(text.ends_with(",\"reconnect\":true}\n\n"), "{text}");
    }
    assert_eq!(server.count(Counter::RefusedConnections), 4);
    assert_eq!(server.of("/hooked").count(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_full_or_stopping_server_asks_to_come_back() {
    let server = serve::<Hooked>(|server| server.limits(Limits::new().connections(1))).await;
    let ann = server.connect_sse("/hooked").await.unwrap();
    let (status, _, text) = ask(&server, listening("/hooked")).await;
    assert_eq!(status, StatusCode::OK);
    assert!(text.contains("\"code\":1013,\"reason\":\"there are too many connections\",\"reconnect\":true"), "{text}");
    ann.close().await;
    assert!(server.connect_sse("/hooked").await.is_ok());
    let service = server.service();
    server.stop().await;
    let response = service.clone().call(listening("/hooked")).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let text = response.into_body().collect().await.unwrap().to_bytes();
    assert!(text.starts_with(b":\nretry: 3000\n\nevent: gateway:close\ndata: {\"code\":1001,"), "{text:?}");
}

#[tokio::test(start_paused = true)]
async fn a_page_of_another_origin_is_let_in_where_it_is_named() {
    let closed = serve::<Hooked>(|server| server).await;
    let from = |request: Request<Body>| {
        let (mut head, body) = request.into_parts();
        head.headers.insert("origin", "https://app.example.com".parse().unwrap());
        head.headers.insert("host", "gateway.example.com".parse().unwrap());
        Request::from_parts(head, body)
    };
    assert_eq!(ask(&closed, from(listening("/hooked"))).await.0, StatusCode::FORBIDDEN);
    let post = || Request::post("/hooked").body(Body::empty()).unwrap();
    assert_eq!(ask(&closed, from(post())).await.0, StatusCode::FORBIDDEN);

    let cors = Cors::origins(["https://app.example.com"]).credentials(true);
    let open = serve::<Hooked>(|server| server.server_sent_events(ServerSentEvents::new().cors(cors))).await;
    let preflight = Request::builder()
        .method(Method::OPTIONS)
        .uri("/hooked")
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "gateway-stream")
        .body(Body::empty())
        .unwrap();
    let (status, headers, _) = ask(&open, from(preflight)).await;
    assert_eq!(
        (status, headers["access-control-allow-headers"].to_str().unwrap()),
        (StatusCode::NO_CONTENT, "gateway-stream")
    );
    let response = open.service().call(from(listening("/hooked"))).await.unwrap();
    assert_eq!(response.headers()["access-control-allow-origin"], "https://app.example.com");
    assert_eq!(response.headers()["access-control-allow-credentials"], "true");
    assert_eq!(response.headers()["x-accel-buffering"], "no");
    assert_eq!(response.headers()["cache-control"], "no-cache");
    // Refused for what it says, not for where it comes from.
    assert_eq!(ask(&open, from(post())).await.0, StatusCode::BAD_REQUEST);
}

#[tokio::test(start_paused = true)]
async fn without_the_option_a_namespace_knows_websockets_alone() {
    let server = Server::empty().gateway::<Hooked>().test().await.unwrap();
    assert_eq!(ask(&server, listening("/hooked")).await.0, StatusCode::UPGRADE_REQUIRED);
    let post = Request::post("/hooked").body(Body::empty()).unwrap();
    assert_eq!(ask(&server, post).await.0, StatusCode::UPGRADE_REQUIRED);
    let unknown = serve::<Hooked>(|server| server).await;
    assert!(matches!(unknown.connect_sse("/nowhere").await, Err(ConnectError::NotFound)));
    // A page that is opened in a browser is none that listens.
    let page = Request::get("/hooked").header("accept", "text/html,*/*").body(Body::empty()).unwrap();
    assert_eq!(ask(&unknown, page).await.0, StatusCode::UPGRADE_REQUIRED);
}

#[tokio::test(start_paused = true)]
async fn a_single_request_is_a_client_of_its_own_where_that_is_allowed() {
    let options = ServerSentEvents::new().single_requests(true);
    let server = serve::<Guarded>(|server| server.server_sent_events(options)).await;
    let request = |kind: &str, cookie: &str, body: &str| {
        Request::post("/guarded")
            .header("content-type", kind)
            .header("cookie", cookie)
            .body(Body::from(body.to_owned()))
            .unwrap()
    };
    let ping = r#"{"event":"ping","id":1}"#;
    let (status, _, text) = ask(&server, request("application/json; charset=utf-8", "session=secret", ping)).await;
    assert_eq!((status, text.as_str()), (StatusCode::OK, r#"{"event":"ping","data":"pong","id":1}"#));
    assert_eq!(ask(&server, request("application/json", "", ping)).await.0, StatusCode::UNAUTHORIZED);
    // What a form of any page could send.
    assert_eq!(ask(&server, request("text/plain", "session=secret", ping)).await.0, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let event = request("application/json", "session=secret", r#"{"event":"ping"}"#);
    assert_eq!(ask(&server, event).await.0, StatusCode::BAD_REQUEST);
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!((server.count(Counter::Connections), server.count(Counter::Disconnections)), (1, 1));
}
