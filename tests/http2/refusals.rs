//! Requests that become no WebSocket: each is answered in its stream, and the connection goes on.

use gateway_core::limits::Limits;
use gateway_core::metrics::Counter;
use gateway_core::prelude::*;
use h2::ext::Protocol;
use http::{Method, Request};

use crate::client::{Answer, Client};
use crate::server::Probe;
use crate::sockets::ECHO;

#[gateway(namespace = "/secret")]
#[guard(Closed)]
struct Secret;

#[gateway]
impl Secret {
    #[subscribe]
    fn read(&self) {}
}

#[derive(Clone, Copy, Debug, Default)]
struct Closed;

impl Guard for Closed {
    type Grants = ();

    fn check(&self, _: &GuardContext<'_>) -> Result<Grant, Exception> {
        Err(Exception::unauthorized())
    }
}

async fn refused(client: &mut Client, request: http::request::Builder) -> Answer {
    client.ask(request).await.map(drop).expect_err("no WebSocket")
}

#[tokio::test]
async fn each_refusal_has_its_status_and_the_connection_lives() {
    let limits = Limits::new().connections(1);
    let probe = Probe::with(|server| server.gateway::<Secret>().limits(limits)).await;
    let mut client = probe.dial().await;
    let check = async |client: &mut Client, request, status: u16, text: &str| {
        let answer = refused(client, request).await;
        assert_eq!(answer.status, status, "{answer:?}");
        assert!(answer.body.contains(text), "{answer:?}");
        for name in ["connection", "upgrade"] {
            assert_eq!(answer.headers.get(name), None, "{answer:?}");
        }
    };
    let request = client.connect_request("/nobody");
    check(&mut client, request, 404, "there is no gateway at this path").await;
    let request = client.connect_request("/secret");
    check(&mut client, request, 401, "").await;
    let request = client.connect_request("/probe").header("origin", "https://other.example");
    check(&mut client, request, 403, "this origin is not allowed").await;
    let mut request = client.connect_request("/probe");
    request.headers_mut().expect("right so far").insert("sec-websocket-version", "12".parse().expect("a value"));
    check(&mut client, request, 426, "`Sec-WebSocket-Version` must be 13").await;
    let request = client.connect_request(&format!("/probe?{}", "a=1&".repeat(101)));
    check(&mut client, request, 414, "").await;
    let request = client.to(Method::GET, "/probe");
    check(&mut client, request, 426, "this is a WebSocket endpoint").await;
    let uri = format!("https://{}/probe", client.authority);
    let request = Request::builder().method(Method::CONNECT).uri(uri).extension(Protocol::from_static("connect-udp"));
    check(&mut client, request, 501, "an extended CONNECT is for `websocket` alone").await;
    let request = Request::builder().method(Method::CONNECT).uri(client.authority.clone());
    check(&mut client, request, 405, "this server is no proxy").await;
    let mut socket = client.websocket("/probe").await;
    let request = client.connect_request("/probe");
    check(&mut client, request, 503, "there are too many connections").await;
    assert_eq!(probe.count(Counter::RejectedHandshakes), 9);
    socket.text(ECHO).await;
    assert_eq!(socket.next_text().await, ECHO);
}

#[tokio::test]
async fn a_head_beyond_its_limits_is_answered_431() {
    let probe = Probe::start().await;
    let mut client = probe.dial().await;
    let large = client.connect_request("/probe").header("cookie", "c".repeat(17_000));
    assert_eq!(refused(&mut client, large).await.status, 431);
    let many =
        (0..101).fold(client.connect_request("/probe"), |request, number| request.header(format!("x-{number}"), "1"));
    let answer = refused(&mut client, many).await;
    assert_eq!((answer.status, &*answer.body), (431, "there are too many headers\n"));
    let fits = client.connect_request("/probe").header("cookie", "c".repeat(14_000));
    client.ask(fits).await.expect("a WebSocket");
}
