//! Encrypted connections: with clients that know the certificate, with those that shake hands slowly or never, and with
//! another certificate while the server runs.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use gateway_core::limits::Limits;
use gateway_core::prelude::*;
use gateway_core::serve::{Endpoint, RunningServer};
use gateway_core::tls::{Tls, TlsError};
use gateway_tests::{Frame, Raw, Received};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::Message;

use crate::refusals::{Framing, refusals, write_then_read};
use crate::server::{ProbeGateway, tcp};

/// Longer than any limit here: a hang becomes a failure that names its line.
const PATIENCE: Duration = Duration::from_secs(20);

/// The files of a server, and the certificate that they hold at present.
pub(crate) struct Files {
    folder: TempDir,
    certificate: CertificateDer<'static>,
}

impl Files {
    pub(crate) fn new() -> Self {
        let mut files = Self { folder: TempDir::new().expect("a folder"), certificate: Vec::new().into() };
        files.renew();
        files
    }

    /// Writes a certificate that nobody has seen before.
    fn renew(&mut self) {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        fs::write(self.path("cert.pem"), cert.pem()).expect("a file");
        fs::write(self.path("key.pem"), signing_key.serialize_pem()).expect("a file");
        self.certificate = cert.der().clone();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn load(&self) -> Result<Tls, TlsError> {
        Tls::from_pem_files(self.path("cert.pem"), self.path("key.pem"))
    }

    /// A client that takes this certificate and no other.
    pub(crate) fn connector(&self) -> TlsConnector {
        self.offering(&["h2", "http/1.1"])
    }

    /// One that offers these protocols.
    fn offering(&self, protocols: &[&str]) -> TlsConnector {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).expect("a certificate");
        let mut config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .expect("what the provider has")
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        TlsConnector::from(Arc::new(config))
    }

    async fn try_dial(&self, server: &RunningServer) -> std::io::Result<TlsStream<TcpStream>> {
        self.dial_port(tcp(server)).await
    }

    pub(crate) async fn dial_port(&self, address: SocketAddr) -> std::io::Result<TlsStream<TcpStream>> {
        let stream = TcpStream::connect(address).await?;
        self.connector().connect(ServerName::try_from("localhost").expect("a name"), stream).await
    }

    async fn dial(&self, server: &RunningServer) -> TlsStream<TcpStream> {
        self.try_dial(server).await.expect("a connection")
    }

    async fn connect(&self, server: &RunningServer) -> Raw<TlsStream<TcpStream>> {
        let mut client = Raw::over(self.dial(server).await);
        client.upgrade("/probe").await;
        client
    }
}

async fn start(tls: &Tls, configure: impl FnOnce(Server) -> Server) -> RunningServer {
    let (sender, _ends) = tokio::sync::mpsc::channel::<DisconnectReason>(64);
    let server = configure(Server::empty().gateway::<ProbeGateway>().provide(sender));
    server.start(Endpoint::tls("127.0.0.1:0", tls.clone())).await.expect("a server that starts")
}

#[tokio::test]
async fn clients_that_know_the_certificate_are_served_by_http_1() {
    let files = Files::new();
    let server = start(&files.load().expect("right files"), |server| server).await;
    let stream = files.dial(&server).await;
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    let mut client = Raw::over(stream);
    client.upgrade("/probe").await;
    for length in [1, 1000, 300_000] {
        let text = format!(r#"{{"event":"echo","data":"{}","id":1}}"#, "e".repeat(length));
        client.text(&text).await;
        assert_eq!(client.next_text().await, text);
    }
    client.send(Frame::new(Frame::PING, "are you there")).await;
    assert_eq!(client.next().await, Received::Pong(b"are you there".to_vec()));
    client.send(Frame::text("hello").unmasked()).await;
    assert_eq!(client.close_code().await, Some(1002));
}

/// RFC 9113: its preface, empty settings, and the headers of a request in the static table.
const HTTP_2_REQUEST: &[u8] =
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0\0\0\x03\x01\x05\0\0\0\x01\x82\x87\x84";

#[tokio::test]
async fn a_client_that_speaks_http_2_alone_is_told_what_the_server_speaks() {
    let files = Files::new();
    let server = start(&files.load().expect("right files"), |server| server).await;
    for sent in [&HTTP_2_REQUEST[..18], HTTP_2_REQUEST] {
        let stream = TcpStream::connect(tcp(&server)).await.expect("a connection");
        let name = ServerName::try_from("localhost").expect("a name");
        let mut stream = files.offering(&["h2"]).connect(name, stream).await.expect("hands are shaken");
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        stream.write_all(sent).await.expect("the server reads");
        let mut answer = Vec::new();
        timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("an end").expect("one without a reset");
        let (settings, goaway) = answer.split_at(9);
        assert_eq!(settings, b"\0\0\0\x04\0\0\0\0\0");
        assert_eq!(usize::from(goaway[2]), goaway.len() - 9);
        assert_eq!(goaway[3], 7, "GOAWAY");
        assert_eq!(goaway[9..17], [0, 0, 0, 0, 0, 0, 0, 0xD], "HTTP_1_1_REQUIRED");
        assert_eq!(&goaway[17..], b"this server speaks HTTP/1.1 and WebSocket over it only");
    }
}

#[tokio::test]
async fn an_encrypted_request_with_a_body_gets_its_refusal() {
    let files = Files::new();
    let server = start(&files.load().expect("right files"), |server| server).await;
    for refused in refusals().iter().filter(|refused| !refused.headers.contains("X-Refused")) {
        for framing in [Framing::Length, Framing::Chunked] {
            write_then_read(files.dial(&server).await, refused, framing, 1_000_000).await;
        }
    }
}

#[tokio::test]
async fn a_client_that_somebody_else_wrote_talks_and_closes() {
    let files = Files::new();
    let server = start(&files.load().expect("right files"), |server| server).await;
    let stream = files.dial(&server).await;
    let (mut client, _) = client_async("wss://localhost/probe", stream).await.expect("an upgrade");
    let text = r#"{"event":"echo","data":[1],"id":"a"}"#;
    client.send(Message::text(text)).await.expect("it is sent");
    assert_eq!(client.next().await.expect("an answer").expect("a right one"), Message::text(text));
    client.close(None).await.expect("it is sent");
    assert!(matches!(client.next().await, Some(Ok(Message::Close(_)))));
    assert!(client.next().await.is_none());
}

/// A sender cannot write to an encrypted stream itself: it wakes the receiver.
#[tokio::test]
async fn clients_with_tls_and_without_hear_each_other() {
    let files = Files::new();
    let tls = files.load().expect("right files");
    let server = start(&tls, |server| server.also_listen("127.0.0.1:0")).await;
    let mut one = files.connect(&server).await;
    let mut other = files.connect(&server).await;
    for round in 0..20 {
        one.text(r#"{"event":"tell","data":5}"#).await;
        assert_eq!(other.next_text().await, r#"{"event":"told","data":"xxxxx"}"#, "{round}");
        assert_eq!(one.next_text().await, r#"{"event":"told","data":"xxxxx"}"#);
        assert!(one.next_text().await.starts_with(r#"{"event":"tell""#));
    }
}

#[tokio::test]
async fn who_shakes_hands_slowly_or_never_is_dropped_in_time() {
    const LIMIT: Duration = Duration::from_millis(400);
    let files = Files::new();
    let limits = Limits::new().handshake_timeout(LIMIT);
    let server = start(&files.load().expect("right files"), |server| server.limits(limits)).await;
    let began = Instant::now();
    // One that says nothing, one that sends its hello byte by byte, one that does so after its handshake.
    let silent = async {
        let mut stream = TcpStream::connect(tcp(&server)).await.expect("a connection");
        assert_eq!(stream.read(&mut [0; 64]).await.unwrap_or(0), 0);
    };
    let slow = async {
        let mut stream = TcpStream::connect(tcp(&server)).await.expect("a connection");
        // RFC 8446 §5.1: a record of a handshake, which announces 512 bytes.
        let mut hello = [0x16, 3, 1, 2, 0, 1, 0, 1, 0xFC].into_iter().chain(std::iter::repeat(3));
        while stream.write_all(&[hello.next().expect("it goes on")]).await.is_ok() {
            sleep(LIMIT / 10).await;
            assert!(began.elapsed() < PATIENCE, "each byte buys time");
        }
    };
    let slow_inside = async {
        let mut stream = files.dial(&server).await;
        stream.write_all(b"GET /probe HTTP/1.1\r\n").await.expect("it is sent");
        while stream.write_all(b"a: b\r\n").await.is_ok() && stream.flush().await.is_ok() {
            sleep(LIMIT / 10).await;
            assert!(began.elapsed() < PATIENCE, "each header buys time");
        }
    };
    timeout(PATIENCE, async { tokio::join!(silent, slow, slow_inside) }).await.expect("all of them are dropped");
    assert!(began.elapsed() >= LIMIT);
    files.connect(&server).await;
}

#[tokio::test]
async fn who_does_not_speak_tls_or_does_not_know_the_certificate_is_not_served() {
    let (files, others) = (Files::new(), Files::new());
    let server = start(&files.load().expect("right files"), |server| server).await;
    let mut plain = Raw::dial(tcp(&server)).await;
    plain.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    let mut answer = Vec::new();
    let _reset = timeout(PATIENCE, plain.into_inner().read_to_end(&mut answer)).await.expect("the server ends it");
    // RFC 8446 §6: an alert, and no HTTP.
    assert!(answer.is_empty() || answer[0] == 0x15, "{answer:?}");
    others.try_dial(&server).await.expect_err("the certificate is another");
    files.connect(&server).await;
}

#[tokio::test]
async fn a_renewed_certificate_is_seen_by_the_next_connection() {
    let mut files = Files::new();
    let tls = files.load().expect("right files");
    let server = start(&tls, |server| server).await;
    let mut before = files.connect(&server).await;
    let old = files.certificate.clone();

    fs::write(files.path("key.pem"), "no key").expect("a file");
    assert!(matches!(tls.reload(), Err(TlsError::NoKey(_))));
    files.connect(&server).await;

    files.renew();
    tls.reload().expect("right files");
    files.connect(&server).await;
    let with_old = Files { folder: TempDir::new().expect("a folder"), certificate: old };
    with_old.try_dial(&server).await.expect_err("the old one is shown no more");
    let text = r#"{"event":"echo","data":1,"id":1}"#;
    before.text(text).await;
    assert_eq!(before.next_text().await, text);
}

#[tokio::test]
async fn files_of_no_use_stop_the_start_by_name() {
    let check = |file: &str, contents: Option<&str>, expected: &str| {
        let files = Files::new();
        match contents {
            Some(contents) => fs::write(files.path(file), contents).expect("a file"),
            None => fs::remove_file(files.path(file)).expect("a file"),
        }
        let error = StartError::from(files.load().expect_err("nobody can use that")).to_string();
        assert!(error.starts_with("no TLS: ") && error.contains(expected), "{error}");
    };
    check("cert.pem", None, "cert.pem cannot be read: ");
    check("key.pem", None, "key.pem cannot be read: ");
    check("cert.pem", Some("text"), "cert.pem holds no certificate");
    check("key.pem", Some("text"), "key.pem holds no private key");
    check("cert.pem", Some("-----BEGIN CERTIFICATE-----\nYWJj\n"), "cert.pem is no PEM file: ");
    check("cert.pem", Some("-----BEGIN CERTIFICATE-----\nYWJj\n-----END CERTIFICATE-----\n"), "cannot be used: ");
    let other = generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate").signing_key;
    check("key.pem", Some(&other.serialize_pem()), "the certificate and its key cannot be used: ");
}

/// Frames of one turn make no slow reader, though only the receiver's task can write to an encrypted stream.
#[tokio::test]
async fn a_burst_reaches_clients_that_only_their_own_task_can_write_to() {
    let files = Files::new();
    let server = start(&files.load().expect("right files"), |server| server).await;
    let mut one = files.connect(&server).await;
    let mut other = files.connect(&server).await;
    crate::slow::exchange_bursts(&mut one, &mut other).await;
}
