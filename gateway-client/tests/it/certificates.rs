//! Clients that prove who they are by a certificate, over lines and over WebSocket.

use std::path::PathBuf;
use std::time::Duration;

use gateway_client::{Client, Status, Tls};
use gateway_core::Server;
use gateway_core::prelude::{Data, Exception, Grant, Guard, GuardContext, Handshake, gateway, guard, subscribe};
use gateway_core::serve::{Endpoint, RunningServer};
use gateway_core::tls::TlsError;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, CertifiedKey, DnType, IsCa, KeyPair, SanType,
    generate_simple_self_signed,
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(30);

/// Lets in devices alone.
#[derive(Default)]
struct Device;

impl Guard for Device {
    type Grants = ();

    fn check(&self, context: &GuardContext<'_>) -> Result<Grant, Exception> {
        let certificate = context.handshake().peer_certificate().ok_or_else(Exception::unauthorized)?;
        Grant::when(certificate.common_name().is_some_and(|name| name.starts_with("device-")))
    }
}

#[gateway(namespace = "/devices")]
#[guard(Device)]
struct Devices;

#[gateway]
impl Devices {
    #[subscribe]
    fn names(&self, handshake: Handshake) -> Data<Value> {
        let certificate = handshake.peer_certificate().unwrap();
        let (dns, uris): (Vec<_>, Vec<_>) = (certificate.dns_names().collect(), certificate.uris().collect());
        let chain: Vec<_> = certificate.chain().map(<[u8]>::len).collect();
        Data(json!({
            "name": certificate.common_name(), "dns": dns, "uris": uris, "fingerprint": certificate.fingerprint(),
            "whole": chain == [certificate.der().len()],
        }))
    }
}

/// An authority, and the files of a server.
struct Authority {
    folder: TempDir,
    issuer: CertifiedIssuer<'static, KeyPair>,
    /// The server's certificate, which clients trust.
    server: String,
}

impl Authority {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let authority = Self { folder, issuer, server: cert.pem() };
        std::fs::write(authority.path("cert.pem"), cert.pem()).unwrap();
        std::fs::write(authority.path("key.pem"), signing_key.serialize_pem()).unwrap();
        std::fs::write(authority.path("ca.pem"), authority.issuer.pem()).unwrap();
        authority
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn tls(&self) -> gateway_core::tls::Tls {
        gateway_core::tls::Tls::from_pem_files(self.path("cert.pem"), self.path("key.pem")).unwrap()
    }

    async fn serve(&self, tls: gateway_core::tls::Tls) -> RunningServer {
        let server = Server::empty().gateway::<Devices>().lines(Endpoint::tls("127.0.0.1:0", tls.clone()));
        server.start(Endpoint::tls("127.0.0.1:0", tls)).await.unwrap()
    }

    /// A certificate for this name, signed by the authority, and its SHA-256.
    fn client(&self, name: &str) -> Tls {
        let mut params = CertificateParams::new(vec![format!("{name}.example.com")]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.subject_alt_names.push(SanType::URI(format!("spiffe://example.com/{name}").try_into().unwrap()));
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Tls::with_certificate(self.server.as_bytes(), certificate.pem().as_bytes(), key.serialize_pem().as_bytes())
            .unwrap()
    }
}

fn urls(server: &RunningServer) -> [String; 2] {
    let (http, lines) = (server.local_addr().as_tcp().unwrap(), server.lines_addrs()[0].as_tcp().unwrap());
    [format!("wss://localhost:{}/devices", http.port()), format!("tls://localhost:{}/devices", lines.port())]
}

/// The status of a refusal, or 0 where there is no connection at all.
async fn refusal(url: &str, tls: Tls) -> u16 {
    let client = Client::builder(url).tls(tls).build().unwrap();
    client.try_emit("names", &()).unwrap();
    let mut status = client.watch();
    let is_over = |status: &Status| matches!(status, Status::Waiting(_) | Status::Closed(_));
    let error = match &*timeout(PATIENCE, status.wait_for(is_over)).await.unwrap().unwrap() {
        Status::Waiting(waiting) => waiting.error.clone(),
        Status::Closed(closed) => closed.error.clone(),
        _ => unreachable!(),
    };
    match error {
        Some(gateway_client::ConnectError::Refused(refusal)) => refusal.status,
        _ => 0,
    }
}

#[tokio::test]
async fn a_guard_reads_the_certificate() {
    let authority = Authority::new();
    let server = authority.serve(authority.tls().accept_client_certificates(authority.path("ca.pem")).unwrap()).await;
    let mut fingerprints = Vec::new();
    let device = authority.client("device-7");
    for url in urls(&server) {
        let client = Client::builder(&url).tls(device.clone()).build().unwrap();
        let mut names = timeout(PATIENCE, client.request::<Value>("names", &()).into_future()).await.unwrap().unwrap();
        fingerprints.push(names["fingerprint"].take());
        let expected = json!({
            "name": "device-7", "dns": ["device-7.example.com"], "uris": ["spiffe://example.com/device-7"],
            "fingerprint": null, "whole": true,
        });
        assert_eq!(names, expected, "{url}");
        assert_eq!(refusal(&url, authority.client("laptop")).await, 403, "{url}");
        assert_eq!(refusal(&url, Tls::trusting(authority.server.as_bytes()).unwrap()).await, 401, "{url}");
    }
    assert_eq!(fingerprints[0], fingerprints[1]);
    let text = fingerprints[0].as_str().unwrap();
    assert!(text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()), "{text}");
}

#[tokio::test]
async fn where_certificates_are_required_others_cannot_connect() {
    let authority = Authority::new();
    let server = authority.serve(authority.tls().require_client_certificates(authority.path("ca.pem")).unwrap()).await;
    for url in urls(&server) {
        let client = Client::builder(&url).tls(authority.client("device-7")).build().unwrap();
        timeout(PATIENCE, client.request::<Value>("names", &()).into_future()).await.unwrap().unwrap();
        assert_eq!(refusal(&url, Tls::trusting(authority.server.as_bytes()).unwrap()).await, 0, "{url}");
        // Signed by another authority.
        let stranger = Authority { server: authority.server.clone(), ..Authority::new() };
        assert_eq!(refusal(&url, stranger.client("device-7")).await, 0, "{url}");
    }
}

#[test]
fn a_file_of_authorities_is_read_at_once() {
    let authority = Authority::new();
    let missing = authority.tls().require_client_certificates(authority.path("none.pem"));
    assert!(matches!(missing, Err(TlsError::Unreadable { .. })));
    std::fs::write(authority.path("empty.pem"), "").unwrap();
    let empty = authority.tls().accept_client_certificates(authority.path("empty.pem"));
    assert!(matches!(empty, Err(TlsError::NoCertificate(_))));
}
