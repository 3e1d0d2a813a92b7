//! The tower service inside another HTTP server that speaks HTTP/2: axum's.

use std::net::SocketAddr;

use axum::Router;
use axum::extract::{ConnectInfo, Request};
use axum::middleware::map_request;
use gateway_core::prelude::*;
use gateway_core::serve::PeerAddr;
use gateway_tests::{Frame, Raw, Received};
use http::Method;
use tokio::net::TcpListener;

use crate::client::Client;

#[gateway(namespace = "/inside")]
struct Inside;

#[gateway]
impl Inside {
    #[subscribe]
    fn echo(&self, Data(text): Data<String>) -> String {
        text
    }

    #[subscribe]
    fn whence(&self, handshake: Handshake) -> Data<(Option<String>, bool)> {
        Data((handshake.cookie("b").map(str::to_owned), handshake.peer().is_some()))
    }
}

async fn tell_peer(ConnectInfo(peer): ConnectInfo<SocketAddr>, mut request: Request) -> Request {
    request.extensions_mut().insert(PeerAddr(peer));
    request
}

#[tokio::test]
async fn sockets_and_polls_work_inside_axum_over_http_2() {
    let (gateways, handle) = Server::empty().gateway::<Inside>().into_service().await.expect("a service");
    let routes = Router::new().fallback_service(gateways).layer(map_request(tell_peer));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let serving = axum::serve(listener, routes.into_make_service_with_connect_info::<SocketAddr>());
    let serving = tokio::spawn(serving.into_future());

    let mut client = Client::dial(address).await;
    let request = client.connect_request("/inside").header("origin", format!("https://{address}"));
    let request = request.header("cookie", "a=1").header("cookie", "b=2");
    let mut socket = Raw::over(client.ask(request).await.expect("a WebSocket").1);
    let text = r#"{"event":"echo","data":"hi","id":1}"#;
    socket.text(text).await;
    assert_eq!(socket.next_text().await, text);
    socket.text(r#"{"event":"whence","id":2}"#).await;
    assert_eq!(socket.next_text().await, r#"{"event":"whence","data":["2",true],"id":2}"#);

    let foreign = client.connect_request("/inside").header("origin", "https://other.example");
    assert_eq!(client.ask(foreign).await.map(drop).expect_err("another's page").status, 403);
    // A page of the same host, whose POSTs name their origin.
    let request =
        client.to(Method::GET, "/socket.io/?EIO=4&transport=polling").header("origin", format!("http://{address}"));
    assert_eq!(client.request(request, "").await.status, 200);

    handle.shutdown();
    assert_eq!(socket.next().await, Received::Close(Some(1001), "going away".to_owned()));
    socket.send(Frame::close(1001, "")).await;
    handle.stopped().await;
    serving.abort();
}
