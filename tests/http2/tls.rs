//! The choice of the version under TLS.

use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gateway_core::limits::Limits;
use gateway_core::prelude::*;
use gateway_core::serve::Endpoint;
use gateway_core::tls::Tls;
use gateway_tests::Raw;
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

use crate::client::{Client, PATIENCE};
use crate::server::Probe;
use crate::sockets::ECHO;

struct Encrypted {
    probe: Probe,
    certificate: CertificateDer<'static>,
    _folder: TempDir,
}

impl Encrypted {
    async fn start(configure: impl FnOnce(Server) -> Server) -> Self {
        let folder = TempDir::new().expect("a folder");
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        let (certificates, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
        fs::write(&certificates, cert.pem()).expect("a file");
        fs::write(&key, signing_key.serialize_pem()).expect("a file");
        let tls = Tls::from_pem_files(certificates, key).expect("right files");
        let probe = Probe::on(Endpoint::tls("127.0.0.1:0", tls), configure).await;
        Self { probe, certificate: cert.der().clone(), _folder: folder }
    }

    /// A client that offers these protocols.
    async fn dial(&self, protocols: &[&str]) -> std::io::Result<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).expect("a certificate");
        let mut config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .expect("what the provider has")
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        let stream = TcpStream::connect(self.probe.address).await?;
        let name = ServerName::try_from("localhost").expect("a name");
        TlsConnector::from(Arc::new(config)).connect(name, stream).await
    }
}

#[tokio::test]
async fn the_version_is_what_both_sides_know_best() {
    let server = Encrypted::start(|server| server).await;
    for offered in [&["http/1.1", "h2"][..], &["h2"]] {
        let stream = server.dial(offered).await.expect("hands are shaken");
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        let mut client = Client::over(stream, "localhost".to_owned()).await;
        let request = client.connect_request("/probe").header("origin", "https://localhost");
        let mut socket = Raw::over(client.ask(request).await.expect("a WebSocket").1);
        socket.text(ECHO).await;
        assert_eq!(socket.next_text().await, ECHO);
    }
    for offered in [&["http/1.1"][..], &[]] {
        let stream = server.dial(offered).await.expect("hands are shaken");
        assert_eq!(stream.get_ref().1.alpn_protocol(), offered.first().map(|name| name.as_bytes()));
        let mut socket = Raw::over(stream);
        socket.upgrade("/probe").await;
        socket.text(ECHO).await;
        assert_eq!(socket.next_text().await, ECHO);
    }
}

#[tokio::test]
async fn handshakes_and_first_request_have_one_limit_of_time() {
    const LIMIT: Duration = Duration::from_millis(500);
    let server = Encrypted::start(|server| server.limits(Limits::new().handshake_timeout(LIMIT))).await;
    let began = Instant::now();
    let silent = async {
        let mut stream = TcpStream::connect(server.probe.address).await.expect("a connection");
        assert_eq!(stream.read(&mut [0; 64]).await.unwrap_or(0), 0);
    };
    // Hands are shaken, and then nothing comes, or a request byte by byte.
    let later = async |protocol: &str| {
        let mut stream = server.dial(&[protocol]).await.expect("hands are shaken");
        assert_eq!(stream.read_to_end(&mut Vec::new()).await.unwrap_or(0), 0);
    };
    let slow = async {
        let mut stream = server.dial(&["http/1.1"]).await.expect("hands are shaken");
        stream.write_all(b"GET /probe HTTP/1.1\r\n").await.expect("it is sent");
        while stream.write_all(b"a: b\r\n").await.is_ok() && stream.flush().await.is_ok() {
            sleep(LIMIT / 10).await;
            assert!(began.elapsed() < PATIENCE, "each header buys time");
        }
    };
    timeout(PATIENCE, async { tokio::join!(silent, later("h2"), later("http/1.1"), slow) })
        .await
        .expect("they are dropped");
    assert!(began.elapsed() >= LIMIT);
    let mut client = Client::over(server.dial(&["h2"]).await.expect("a connection"), "localhost".to_owned()).await;
    assert_eq!(client.get("/nobody").await.status, 404);
}
