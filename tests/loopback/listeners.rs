//! Everything a server can listen on.

use gateway_core::extract::Path;
use gateway_core::prelude::*;
use gateway_core::serve::Endpoint;
use gateway_tests::Raw;
use tokio::net::{TcpListener, UnixListener, UnixStream};

use crate::lines::Lines;
use crate::server::tcp;

#[gateway(namespace = "/listeners/{name}")]
struct Greeter;

#[gateway]
impl Greeter {
    #[subscribe]
    fn hello(&self, Path(name): Path<String>) -> String {
        format!("hello {name}")
    }
}

fn server() -> Server {
    Server::empty().gateway::<Greeter>()
}

#[tokio::test]
async fn a_unix_socket_serves_as_a_port_does() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("gateway.sock");
    let running = server().start(UnixListener::bind(&path).expect("a listener")).await.expect("it starts");

    let mut client = Raw::over(UnixStream::connect(&path).await.expect("a connection"));
    client.upgrade("/listeners/ann").await;
    client.text(r#"{"event":"hello"}"#).await;
    assert_eq!(client.next_text().await, r#"{"event":"hello","data":"hello ann"}"#);

    let stopped = tokio::spawn(running.stop());
    assert_eq!(client.close_code().await, Some(1001));
    stopped.await.expect("it stops");
}

#[tokio::test]
async fn a_listener_of_the_application_is_taken_as_it_is() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
    let address = listener.local_addr().expect("an address");
    let running = server().start(listener).await.expect("it starts");
    assert_eq!(tcp(&running), address);

    let mut client = Raw::connect(address, "/listeners/b%C3%B6b").await;
    client.text(r#"{"event":"hello"}"#).await;
    assert_eq!(client.next_text().await, r#"{"event":"hello","data":"hello böb"}"#);
}

/// As systemd hands them over.
#[tokio::test]
async fn a_listener_that_blocks_is_made_one_that_does_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("gateway.sock");
    let tcp_listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a listener");
    let address = tcp_listener.local_addr().expect("an address");
    let unix = std::os::unix::net::UnixListener::bind(&path).expect("a listener");
    let [lines, monitoring] = [(); 2].map(|()| std::net::TcpListener::bind("127.0.0.1:0").expect("a listener"));
    let [lines_at, monitoring_at] = [&lines, &monitoring].map(|listener| listener.local_addr().expect("an address"));
    let running = server().also_listen(unix).lines(lines).monitoring(monitoring);
    let running = running.start(tcp_listener).await.expect("it starts");
    // The second is where one that blocks would hang.
    for _ in 0..3 {
        let mut client = Raw::connect(address, "/listeners/ann").await;
        client.text(r#"{"event":"hello"}"#).await;
        assert_eq!(client.next_text().await, r#"{"event":"hello","data":"hello ann"}"#);
        let mut client = Raw::over(UnixStream::connect(&path).await.expect("a connection"));
        client.upgrade("/listeners/bob").await;
        client.text(r#"{"event":"hello"}"#).await;
        assert_eq!(client.next_text().await, r#"{"event":"hello","data":"hello bob"}"#);
        let _device = Lines::greeted(lines_at, "{\"connect\":\"/listeners/cem\"}\n").await;
        let health = Raw::dial(monitoring_at).await.ask("GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
        assert_eq!(health.status, 200, "{health:?}");
    }
    running.stop().await;
}

#[tokio::test]
async fn a_port_that_is_taken_stops_the_start() {
    let taken = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
    let address = taken.local_addr().expect("an address");
    let error = server().start(address).await.expect_err("the port is taken");
    assert!(format!("{error:?}").contains(&address.to_string()), "{error:?}");
}

#[tokio::test]
async fn host_and_port_are_an_address() {
    let running = server().start(("127.0.0.1", 0)).await.expect("it starts");
    assert!(tcp(&running).ip().is_loopback());
    assert_eq!(format!("{:?}", Endpoint::from(("::1", 80))), r#"Endpoint { source: Address("[::1]:80"), tls: None }"#);
    let error = server().start("localhost").await.expect_err("it has no port");
    let text = error.to_string();
    assert!(text.starts_with("cannot listen on localhost: it has no port, as in `localhost:3000`\n"), "{text}");
    assert!(text.ends_with("help: an address has a port: write `localhost:3000`"), "{text}");
}

#[tokio::test]
async fn a_server_listens_wherever_it_is_told_to() {
    let second = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
    let address = second.local_addr().expect("an address");
    let running = server().also_listen(second).start("127.0.0.1:0").await.expect("it starts");
    let mut clients = Vec::new();
    for address in [tcp(&running), address] {
        let mut client = Raw::connect(address, "/listeners/ann").await;
        client.text(r#"{"event":"hello"}"#).await;
        assert_eq!(client.next_text().await, r#"{"event":"hello","data":"hello ann"}"#);
        clients.push(client);
    }
    let stopped = tokio::spawn(running.stop());
    for client in &mut clients {
        assert_eq!(client.close_code().await, Some(1001));
    }
    stopped.await.expect("it stops");
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn an_address_that_is_taken_stops_the_start_also_where_it_is_the_second() {
    let taken = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
    let address = taken.local_addr().expect("an address").to_string();
    let failure = server().also_listen(address.as_str()).start("127.0.0.1:0").await.expect_err("it is taken");
    assert!(failure.to_string().contains(&address), "{failure}");
}
