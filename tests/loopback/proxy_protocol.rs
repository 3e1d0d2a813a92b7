//! The header of the PROXY protocol, by which a trusted proxy names its client, before all that a listener takes.

use std::net::SocketAddr;
use std::time::Duration;

use gateway_core::limits::Limits;
use gateway_core::metrics::Counter;
use gateway_core::prelude::*;
use gateway_core::serve::{Endpoint, Http2, RunningServer};
use gateway_core::tls::Tls;
use gateway_tests::{Raw, upgrade_request};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixListener, UnixStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::server::tcp;

const V1: &[u8] = b"PROXY TCP4 192.0.2.7 10.0.0.1 56324 443\r\n";
const V1_SIX: &[u8] = b"PROXY TCP6 2001:db8::7 ::1 56324 443\r\n";

/// Version 2 with the same client, and these values behind the addresses.
fn v2(tlvs: &[u8]) -> Vec<u8> {
    let len = u16::try_from(12 + tlvs.len()).expect("a length");
    let addresses = [192, 0, 2, 7, 10, 0, 0, 1, 0xdc, 0x04, 0x01, 0xbb];
    [b"\r\n\r\n\0\r\nQUIT\n\x21\x11".as_slice(), &len.to_be_bytes(), &addresses, tlvs].concat()
}

/// Version 2 of a proxy that speaks for itself.
const LOCAL: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x20\x00\0\0";

#[gateway(namespace = "/peer")]
struct Peer;

#[gateway]
impl Peer {
    #[subscribe]
    fn peer(&self, handshake: Handshake) -> String {
        let text = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
        let peer = text(handshake.peer().map(|peer| peer.to_string()));
        format!("{peer} {}", text(handshake.address().map(|address| address.to_string())))
    }
}

fn server(trusted: &str) -> Server {
    Server::empty().gateway::<Peer>().proxy_protocol([trusted])
}

async fn start(server: Server) -> (RunningServer, SocketAddr) {
    let running = server.start("127.0.0.1:0").await.expect("it starts");
    let address = tcp(&running);
    (running, address)
}

/// What the gateway says of the peer of a WebSocket that begins with these bytes.
async fn peer_behind(address: SocketAddr, header: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    stream.write_all(header).await.expect("a header");
    peer_of(Raw::over(stream)).await
}

async fn peer_of<S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + std::fmt::Debug>(
    mut client: Raw<S>,
) -> String {
    client.upgrade("/peer").await;
    client.text(r#"{"event":"peer"}"#).await;
    let frame: serde_json::Value = serde_json::from_str(&client.next_text().await).expect("a frame");
    frame["data"].as_str().expect("a text").to_owned()
}

/// What a connection reads that begins with these bytes, up to its end.
async fn answer_to(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    stream.write_all(bytes).await.expect("bytes");
    let mut answer = Vec::new();
    // A connection that ends with bytes unread ends by a reset.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8(answer).expect("a text")
}

#[tokio::test]
async fn a_trusted_proxy_names_its_client_in_either_version() {
    for http2 in [false, true] {
        let server = server("127.0.0.0/8");
        let (_running, address) = start(if http2 { server.http2(Http2::new()) } else { server }).await;
        assert_eq!(peer_behind(address, V1).await, "192.0.2.7:56324 192.0.2.7");
        assert_eq!(peer_behind(address, V1_SIX).await, "[2001:db8::7]:56324 2001:db8::7");
        for tlvs in [vec![], vec![0x04; 90], vec![0; 60_000]] {
            assert_eq!(peer_behind(address, &v2(&tlvs)).await, "192.0.2.7:56324 192.0.2.7", "{} bytes", tlvs.len());
        }
    }
}

#[tokio::test]
async fn a_proxy_that_speaks_for_itself_has_its_own_address() {
    let (_running, address) = start(server("127.0.0.1")).await;
    for header in [LOCAL, b"PROXY UNKNOWN\r\n", b"PROXY UNKNOWN whatever follows\r\n"] {
        let said = peer_behind(address, header).await;
        assert!(said.starts_with("127.0.0.1:") && said.ends_with(" 127.0.0.1"), "{said}");
    }
}

#[tokio::test]
async fn a_header_may_come_in_pieces_and_with_what_is_behind_it() {
    let (_running, address) = start(server("127.0.0.1")).await;
    for header in [V1, &v2(&[0x04; 40])] {
        let mut stream = TcpStream::connect(address).await.expect("a connection");
        stream.set_nodelay(true).expect("no delay");
        for byte in header {
            stream.write_all(&[*byte]).await.expect("a byte");
            tokio::task::yield_now().await;
        }
        assert_eq!(peer_of(Raw::over(stream)).await, "192.0.2.7:56324 192.0.2.7");
        // In one piece with the request, of which the server takes nothing away.
        let mut client = Raw::over(TcpStream::connect(address).await.expect("a connection"));
        client.write(&[header, upgrade_request("/peer", "").as_bytes()].concat()).await;
        assert_eq!(client.response().await.status, 101);
    }
}

#[tokio::test]
async fn a_trusted_proxy_without_a_header_is_not_served() {
    let (running, address) = start(server("127.0.0.1")).await;
    let request = upgrade_request("/peer", "");
    let long = [b"PROXY UNKNOWN ".as_slice(), &[b'x'; 200]].concat();
    let wrong: [&[u8]; 6] = [
        request.as_bytes(),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"PROXY TCP4 evil.example 10.0.0.1 1 2\r\n",
        b"\r\n\r\n\0\r\nQUIT\n\x31\x11\0\x0c............",
        &long,
        b"\x16\x03\x01\x02\x00\x01",
    ];
    for bytes in wrong {
        assert_eq!(answer_to(address, bytes).await, "", "{}", bytes.escape_ascii());
    }
    assert_eq!(running.handle().count(Counter::RejectedHandshakes), 6);
    // A second header is of the client, who is no proxy.
    let twice = answer_to(address, &[V1, V1].concat()).await;
    assert!(twice.starts_with("HTTP/1.1 400 "), "{twice}");
}

#[tokio::test]
async fn a_header_that_does_not_come_ends_its_connection_in_time() {
    let limits = Limits::new().handshake_timeout(Duration::from_millis(100));
    let (running, address) = start(server("127.0.0.1").limits(limits)).await;
    for part in [&b""[..], b"PROXY TCP4", b"\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff............"] {
        assert_eq!(answer_to(address, part).await, "");
    }
    assert_eq!(running.handle().count(Counter::RejectedHandshakes), 3);
}

#[tokio::test]
async fn a_health_check_is_no_failure() {
    let (running, address) = start(server("127.0.0.1")).await;
    for check in [&b""[..], LOCAL, V1] {
        let mut stream = TcpStream::connect(address).await.expect("a connection");
        stream.write_all(check).await.expect("bytes");
        stream.shutdown().await.expect("its end");
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        assert!(answer.is_empty(), "{}", answer.escape_ascii());
    }
    assert_eq!(running.handle().count(Counter::RejectedHandshakes), 0);
}

#[tokio::test]
async fn nobody_else_may_name_another_client() {
    let (_running, address) = start(server("10.0.0.0/8")).await;
    for header in [V1, &v2(&[])] {
        let answer = answer_to(address, &[header, upgrade_request("/peer", "").as_bytes()].concat()).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    }
    let said = peer_behind(address, b"").await;
    assert!(said.ends_with(" 127.0.0.1"), "{said}");
}

#[tokio::test]
async fn lines_and_unix_sockets_have_it_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("gateway.sock");
    let server = server("127.0.0.1").proxy_protocol(["unix"]).lines("127.0.0.1:0");
    let running = server.start(UnixListener::bind(&path).expect("a listener")).await.expect("it starts");

    let mut stream = UnixStream::connect(&path).await.expect("a connection");
    stream.write_all(V1).await.expect("a header");
    assert_eq!(peer_of(Raw::over(stream)).await, "192.0.2.7:56324 192.0.2.7");

    let lines = running.lines_addrs()[0].as_tcp().expect("an address");
    let said = b"{\"connect\":\"/peer\"}\n{\"event\":\"peer\",\"id\":1}\n{\"close\":{}}\n";
    let answer = answer_to(lines, &[&v2(&[]), said.as_slice()].concat()).await;
    assert!(answer.contains(r#"{"event":"peer","data":"192.0.2.7:56324 192.0.2.7","id":1}"#), "{answer}");
    assert_eq!(answer_to(lines, said).await, "");
}

#[tokio::test]
async fn it_comes_before_tls() {
    let rcgen::CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let folder = tempfile::tempdir().expect("a folder");
    let (chain, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    std::fs::write(&chain, cert.pem()).expect("a file");
    std::fs::write(&key, signing_key.serialize_pem()).expect("a file");
    let tls = Tls::from_pem_files(&chain, &key).expect("a certificate");
    let running = server("127.0.0.1").start(Endpoint::tls("127.0.0.1:0", tls)).await.expect("it starts");

    let mut roots = RootCertStore::empty();
    roots.add(cert.der().clone()).expect("a certificate");
    let config = ClientConfig::builder_with_provider(std::sync::Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let mut stream = TcpStream::connect(tcp(&running)).await.expect("a connection");
    stream.write_all(V1).await.expect("a header");
    let name = ServerName::try_from("localhost").expect("a name");
    let stream = TlsConnector::from(std::sync::Arc::new(config)).connect(name, stream).await.expect("a handshake");
    assert_eq!(peer_of(Raw::over(stream)).await, "192.0.2.7:56324 192.0.2.7");
}

#[tokio::test]
async fn what_a_proxy_before_it_says_is_judged_by_its_address() {
    // A network of content delivery before the balancer, which names its clients in a header.
    let (_running, address) = start(server("127.0.0.1").trust_proxies(["192.0.2.0/24"])).await;
    let mut client = Raw::over(TcpStream::connect(address).await.expect("a connection"));
    client.write(&[V1, upgrade_request("/peer", "X-Forwarded-For: 203.0.113.9\r\n").as_bytes()].concat()).await;
    assert_eq!(client.response().await.status, 101);
    client.text(r#"{"event":"peer"}"#).await;
    assert_eq!(client.next_text().await, r#"{"event":"peer","data":"192.0.2.7:56324 203.0.113.9"}"#);
}

#[tokio::test]
async fn connections_are_counted_by_the_address_in_the_header() {
    let limits = Limits::new().connections_per_address(1);
    let (_running, address) = start(server("127.0.0.1").limits(limits)).await;
    let open = async |header: &[u8]| {
        let mut client = Raw::over(TcpStream::connect(address).await.expect("a connection"));
        client.write(&[header, upgrade_request("/peer", "").as_bytes()].concat()).await;
        (client.response().await.status, client)
    };
    let (first, _first) = open(V1).await;
    let (second, _second) = open(V1).await;
    let (other, _other) = open(V1_SIX).await;
    assert_eq!([first, second, other], [101, 429, 101]);
}
