//! Options that come from a configuration file: their forms, their defaults, and what a wrong one is told.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod addresses;
mod keys;
mod reader;

use std::num::NonZeroU32;
use std::time::Duration;

use gateway_core::config::ServerConfig;
use gateway_core::limits::{Limits, Overflow};
use gateway_core::prelude::*;
use gateway_core::serve::{Drain, Recovery};
use gateway_core::socket_io::{Cors, EngineIo, SessionCookie, SocketIo};
use gateway_core::{CloseCode, Problem};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

#[gateway(namespace = "/config")]
struct Echo;

#[gateway]
impl Echo {
    #[subscribe("echo")]
    fn echo(&self, Data(text): Data<String>) -> String {
        text
    }
}

fn server(config: Value) -> Server {
    Server::empty().gateway::<Echo>().config(serde_json::from_value(config).unwrap())
}

fn refused<T: DeserializeOwned>(config: Value) -> String {
    serde_json::from_value::<T>(config).err().expect("it was accepted").to_string()
}

#[test]
fn options_of_a_file_are_those_of_the_setters() {
    let read: Limits = serde_json::from_value(json!({
        "message_bytes": 1000, "handler_timeout": "1m 30s", "overflow": "drop_oldest", "connections": 7,
        "pings_per_second": "none", "events_per_second": 5, "connection_lifetime": "12h",
    }))
    .unwrap();
    let set = Limits::new()
        .message_bytes(1000)
        .handler_timeout(Duration::from_secs(90))
        .overflow(Overflow::DropOldest)
        .connections(7)
        .pings_per_second(None)
        .events_per_second(NonZeroU32::new(5))
        .connection_lifetime(Duration::from_hours(12));
    assert_eq!(read, set);

    let read: Drain = serde_json::from_value(json!({"close_code": 1012, "delay": "250ms"})).unwrap();
    assert_eq!(read, Drain::new().close_code(CloseCode::SERVICE_RESTART).delay(Duration::from_millis(250)));
    let read: Recovery = serde_json::from_value(json!({"events": 3})).unwrap();
    assert_eq!(read, Recovery::new().events(3));
}

#[test]
fn options_are_written_as_they_are_read() {
    let limits = Limits::new().pings_per_second(None).handler_timeout(Duration::from_millis(1500)).connections(3);
    let written = serde_json::to_value(&limits).unwrap();
    assert_eq!(written["pings_per_second"], "none");
    assert_eq!(written["handler_timeout"], "1s 500ms");
    assert_eq!(serde_json::from_value::<Limits>(written).unwrap(), limits);
}

#[test]
fn a_wrong_option_is_refused_by_its_name() {
    let check = |error: String, expected: &[&str]| {
        assert!(expected.iter().all(|part| error.contains(part)), "{error}");
    };
    check(refused::<Limits>(json!({"mesage_bytes": 1})), &["unknown field `mesage_bytes`", "`message_bytes`"]);
    check(refused::<Limits>(json!({"ping_interval": 30})), &["integer `30`", "a time with its unit, such as \"30s\""]);
    check(refused::<Limits>(json!({"ping_interval": "soon"})), &["\"soon\"", "a time with its unit"]);
    check(refused::<Limits>(json!({"events_per_second": 0})), &["nonzero"]);
    check(refused::<Limits>(json!({"overflow": "wait"})), &["unknown variant `wait`", "`drop_newest`"]);
    check(refused::<Drain>(json!({"close_code": 1006})), &["1006 may not stand in a close frame"]);
    check(refused::<ServerConfig>(json!({"limit": {}})), &["unknown field `limit`", "`limits`"]);
    check(refused::<ServerConfig>(json!({"limits": {"x": 1}})), &["unknown field `x`"]);
    check(refused::<SocketIo>(json!({"transports": ["carrier"]})), &["unknown variant `carrier`", "`polling`"]);
    check(refused::<SocketIo>(json!({"allow_request": 1})), &["unknown field `allow_request`"]);
    check(refused::<Cors>(json!({"origins": ["*"], "methods": ["GET\n"]})), &["may not stand in the headers"]);
    check(refused::<SessionCookie>(json!({"name": "a=b"})), &["`a=b` may not be the name of a cookie"]);
    check(refused::<EngineIo>(json!({"parser": "messagepack"})), &["belong to Socket.IO"]);
}

#[tokio::test(start_paused = true)]
async fn a_server_has_the_options_of_its_file() {
    let config = json!({
        "limits": {"event_name_bytes": 4},
        "drain": {"window": "1s"},
        "recovery": {"within": "30s"},
        "allow_origins": ["https://app.example"],
        "trust_proxies": ["10.0.0.0/8"],
        "measure": ["posted"],
        "socket_io": {"path": "/realtime/", "cors": {"origins": ["https://app.example"]}, "cookie": {"same_site": "strict"}},
    });
    let server = server(config).test().await.unwrap();
    let mut client = server.connect("/config").await.unwrap();
    let reply: String = client.emit_with_ack("echo", "hello").await.unwrap();
    assert_eq!(reply, "hello");
    let failure = client.emit_with_ack::<String>("echoes", "hello").await.unwrap_err();
    assert_eq!(failure.code(), Some("name_too_long"));
}

#[test]
fn socket_io_is_turned_off_by_none() {
    let problems = |config: Value| {
        let second = server(config).engine_io("/socket.io/", "/config", EngineIo::new());
        second.check().unwrap_err().to_string()
    };
    let twice = "`/socket.io/` is served by Engine.IO twice";
    assert!(problems(json!({})).contains(twice));
    assert!(!problems(json!({"socket_io": "none"})).contains(twice));
}

#[test]
fn a_text_that_may_not_stand_in_a_header_stops_the_start_at_its_line() {
    let cors = Cors::any().methods(["GET\r\nX: y"]).exposed_headers(["x-c"]);
    let cookie = SessionCookie::new("a=b").path("/; Secure");
    let options = SocketIo::new().cors(cors).cookie(cookie);
    let StartError::Problems(problems) = Server::empty().gateway::<Echo>().socket_io(options).check().unwrap_err()
    else {
        panic!("another error")
    };
    let told: Vec<&str> = problems.iter().map(Problem::what).collect();
    let expected = [
        "`GET\r\nX: y` may not stand in the headers of `Cors`",
        "`a=b` may not be the name of a cookie (RFC 6265 §4.1.1)",
        "`/; Secure` may not stand in a cookie (RFC 6265 §4.1.1)",
    ];
    assert_eq!(told, expected);
    for problem in problems {
        let (file, line) = problem.place().unwrap();
        assert!(file.ends_with("config/mod.rs") && line > 100, "{file}:{line}");
    }
}
