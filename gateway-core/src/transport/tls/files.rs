//! The certificate and key of a server, read from files and reloaded while the server runs.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::{Error as PemError, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::server::danger::ClientCertVerifier;
use tokio_rustls::rustls::{Error as RustlsError, RootCertStore, ServerConfig};

use crate::sync::unpoisoned;
use crate::transport::tls::{CertificateSlot, Encrypted};

/// RFC 7301: an upgrade to a WebSocket needs this protocol.
const HTTP_1_1: &[u8] = b"http/1.1";
/// Second choice where HTTP/2 is not served, for clients that offer nothing else: they get a readable error over HTTP/2.
pub(super) const HTTP_2: &[u8] = b"h2";

/// A server's identity: a certificate and its private key, read from two files in PEM.
///
/// Cheap to clone. Clones share their state, so a kept clone can [`reload`](Tls::reload) the server's certificate.
///
/// ```no_run
/// # #[cfg(feature = "tls")] {
/// use gateway_core::prelude::*;
/// use gateway_core::serve::Endpoint;
/// use gateway_core::tls::Tls;
///
/// # async fn run() -> Result<(), StartError> {
/// let tls = Tls::from_pem_files("fullchain.pem", "privkey.pem")?;
/// Server::new().serve(Endpoint::tls("0.0.0.0:443", tls)).await
/// # }
/// # }
/// ```
#[derive(Clone)]
pub struct Tls(Arc<Files>);

struct Files {
    certificates: PathBuf,
    key: PathBuf,
    /// Present if clients are asked for certificates.
    clients: Option<ClientAuthorities>,
    config: RwLock<TlsConfig>,
}

/// Authorities that sign the certificates of clients.
#[derive(Clone)]
struct ClientAuthorities {
    file: PathBuf,
    is_optional: bool,
}

/// One identity, for servers with and without HTTP/2.
#[derive(Clone)]
struct TlsConfig {
    http1: Arc<ServerConfig>,
    #[cfg(feature = "http2")]
    http2: Arc<ServerConfig>,
}

/// Reason why a certificate or its key is unusable.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read.
    #[error("{} cannot be read: {source}", path.display())]
    Unreadable {
        /// The given path.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// A file is not PEM, or is truncated.
    #[error("{} is no PEM file: {why}", path.display())]
    Malformed {
        /// The given path.
        path: PathBuf,
        /// Description of the fault.
        why: String,
    },
    /// The certificate file has no certificate.
    #[error("{} holds no certificate", .0.display())]
    NoCertificate(PathBuf),
    /// The key file has no private key.
    #[error("{} holds no private key", .0.display())]
    NoKey(PathBuf),
    /// Certificate and key do not belong together, or are of an unsupported kind.
    #[error("the certificate and its key cannot be used: {0}")]
    Unusable(String),
}

impl Tls {
    /// Reads a certificate, followed by its chain of intermediate certificates, and its private key.
    ///
    /// # Errors
    ///
    /// [`TlsError`] when a file is unreadable or unusable.
    pub fn from_pem_files(certificates: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Result<Self, TlsError> {
        let (certificates, key) = (certificates.into(), key.into());
        Self::read(certificates, key, None)
    }

    /// Requires a certificate of every client, signed by one of the authorities in this PEM file: others cannot complete the
    /// handshake. Guards read it with [`Handshake::peer_certificate`](crate::Handshake::peer_certificate). The file is
    /// reloaded with the others. Clones made before are not changed.
    ///
    /// # Errors
    ///
    /// [`TlsError`] when a file is unreadable or unusable.
    pub fn require_client_certificates(self, authorities: impl Into<PathBuf>) -> Result<Self, TlsError> {
        self.with_clients(ClientAuthorities { file: authorities.into(), is_optional: false })
    }

    /// Asks every client for a certificate as [`Tls::require_client_certificates`] does, and serves those without one too. A
    /// guard decides what they may do.
    ///
    /// # Errors
    ///
    /// [`TlsError`] when a file is unreadable or unusable.
    pub fn accept_client_certificates(self, authorities: impl Into<PathBuf>) -> Result<Self, TlsError> {
        self.with_clients(ClientAuthorities { file: authorities.into(), is_optional: true })
    }

    fn with_clients(self, clients: ClientAuthorities) -> Result<Self, TlsError> {
        Self::read(self.0.certificates.clone(), self.0.key.clone(), Some(clients))
    }

    fn read(certificates: PathBuf, key: PathBuf, clients: Option<ClientAuthorities>) -> Result<Self, TlsError> {
        let config = RwLock::new(read(&certificates, &key, clients.as_ref())?);
        Ok(Self(Arc::new(Files { certificates, key, clients, config })))
    }

    /// Reads the files again. New connections use the new certificate; open connections continue.
    ///
    /// # Errors
    ///
    /// [`TlsError`] when a file is unreadable or unusable. The earlier certificate then stays in use.
    pub fn reload(&self) -> Result<(), TlsError> {
        let config = read(&self.0.certificates, &self.0.key, self.0.clients.as_ref())?;
        *unpoisoned(self.0.config.write()) = config;
        Ok(())
    }

    /// Reloads both files, and logs a failure instead of returning it.
    pub(crate) fn try_reload(&self) {
        match self.reload() {
            Ok(()) => tracing::info!(certificate = ?self, "a certificate was reloaded"),
            Err(error) => tracing::error!(%error, "a certificate cannot be used; the previous one stays in use"),
        }
    }

    /// A place for the certificate of a connection's client.
    pub(crate) fn certificate_slot(&self) -> CertificateSlot {
        if self.0.clients.is_some() { CertificateSlot::waiting() } else { CertificateSlot::default() }
    }

    /// A stream whose handshake begins with its first read.
    pub(crate) fn accept<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: S,
        certificate: CertificateSlot,
    ) -> Encrypted<S> {
        let config = Arc::clone(&unpoisoned(self.0.config.read()).http1);
        Encrypted::new(TlsAcceptor::from(config).accept(stream), certificate)
    }

    /// Shakes hands, and chooses HTTP/2 with clients that offer it: then there is `true` beside the stream.
    #[cfg(feature = "http2")]
    pub(crate) async fn shake_hands<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: S,
        certificate: CertificateSlot,
    ) -> io::Result<(Encrypted<S>, bool)> {
        let config = Arc::clone(&unpoisoned(self.0.config.read()).http2);
        Encrypted::shake_hands(TlsAcceptor::from(config).accept(stream), certificate).await
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Tls").field(&self.0.certificates).finish()
    }
}

fn read(certificates: &Path, key: &Path, clients: Option<&ClientAuthorities>) -> Result<TlsConfig, TlsError> {
    let chain = read_certificates(certificates)?;
    let private = PrivateKeyDer::from_pem_slice(&contents(key)?).map_err(|error| match error {
        PemError::NoItemsFound => TlsError::NoKey(key.to_owned()),
        other => malformed(key, &other),
    })?;
    let unusable = |error: RustlsError| TlsError::Unusable(error.to_string());
    let builder = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(unusable)?;
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(clients) => builder.with_client_cert_verifier(verifier(clients)?),
    };
    let mut config = builder.with_single_cert(chain, private).map_err(unusable)?;
    #[cfg(feature = "http2")]
    let http2 = {
        let mut config = config.clone();
        config.alpn_protocols = vec![HTTP_2.to_vec(), HTTP_1_1.to_vec()];
        Arc::new(config)
    };
    config.alpn_protocols = vec![HTTP_1_1.to_vec(), HTTP_2.to_vec()];
    Ok(TlsConfig {
        http1: Arc::new(config),
        #[cfg(feature = "http2")]
        http2,
    })
}

/// The check of clients' certificates.
fn verifier(clients: &ClientAuthorities) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in read_certificates(&clients.file)? {
        roots.add(certificate).map_err(|error| TlsError::Unusable(error.to_string()))?;
    }
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::new(default_provider()));
    let builder = if clients.is_optional { builder.allow_unauthenticated() } else { builder };
    builder.build().map_err(|error| TlsError::Unusable(error.to_string()))
}

/// Certificates of a file, at least one.
fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&contents(path)?).collect();
    let certificates = certificates.map_err(|error| malformed(path, &error))?;
    if certificates.is_empty() { Err(TlsError::NoCertificate(path.to_owned())) } else { Ok(certificates) }
}

fn malformed(path: &Path, error: &PemError) -> TlsError {
    TlsError::Malformed { path: path.to_owned(), why: error.to_string() }
}

fn contents(path: &Path) -> Result<Vec<u8>, TlsError> {
    fs::read(path).map_err(|source| TlsError::Unreadable { path: path.to_owned(), source })
}
