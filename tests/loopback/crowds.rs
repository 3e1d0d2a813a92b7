//! As many connections as may be, and where they come from.

use gateway_core::limits::Limits;
use gateway_core::prelude::*;
use gateway_tests::{Frame, Raw, Response, upgrade_request};

use crate::server::Probe;

async fn knock(server: &Probe, more: &str) -> (Raw, Response) {
    let mut client = Raw::dial(server.address).await;
    let response = client.ask(&upgrade_request("/probe", more)).await;
    (client, response)
}

async fn open_polling(server: &Probe) -> Response {
    let request = "GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: localhost\r\n\r\n";
    Raw::dial(server.address).await.ask(request).await
}

#[tokio::test]
async fn one_connection_too_many_is_told_when_to_come_back() {
    let limits = Limits::new().connections(2);
    let mut server = Probe::with(|server| server.limits(limits)).await;
    let mut first = server.connect().await;
    assert_eq!(open_polling(&server).await.status, 200);

    for response in [knock(&server, "").await.1, open_polling(&server).await] {
        assert_eq!((response.status, response.header("retry-after")), (503, Some("5")), "{response:?}");
    }

    first.send(Frame::close(1000, "")).await;
    first.close_code().await;
    server.ends.recv().await;
    // Its place is free once its transport is gone, which may be a moment later.
    while knock(&server, "").await.1.status != 101 {}
}

#[tokio::test]
async fn an_address_has_its_own_bound_and_only_a_named_proxy_may_name_another() {
    let limits = Limits::new().connections_per_address(1);
    let server = Probe::with(|server| server.limits(limits).trust_proxies(["10.0.0.0/8"])).await;
    let _first = server.connect().await;
    let (_, spoofed) = knock(&server, "X-Forwarded-For: 1.2.3.4\r\n").await;
    assert_eq!((spoofed.status, spoofed.header("retry-after")), (429, Some("5")));
}

#[tokio::test]
async fn behind_a_named_proxy_each_client_counts_by_itself() {
    let limits = Limits::new().connections_per_address(1);
    let server = Probe::with(|server| server.limits(limits).trust_proxies(["127.0.0.0/8"])).await;
    let (_ann, response) = knock(&server, "X-Forwarded-For: 6.6.6.6, 1.2.3.4\r\n").await;
    assert_eq!(response.status, 101);
    let (_bob, response) = knock(&server, "X-Forwarded-For: 1.2.3.5\r\n").await;
    assert_eq!(response.status, 101);
    // What a client itself puts before it is passed over.
    let (_, response) = knock(&server, "X-Forwarded-For: 9.9.9.9, 1.2.3.4\r\n").await;
    assert_eq!(response.status, 429);
}

#[tokio::test]
async fn what_is_no_proxy_stops_the_start() {
    let wrong =
        Server::empty().trust_proxies(["10.0.0.0/8", "my-proxy"]).require_namespaces(["/probe"]).check().unwrap_err();
    let text = wrong.to_string();
    assert!(text.contains("`my-proxy` is no address that a proxy could have"), "{text}");
}
