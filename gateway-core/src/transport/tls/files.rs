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
use tokio_rustls::rustls::{Error as RustlsError, ServerConfig};

use crate::sync::unpoisoned;
use crate::transport::tls::Encrypted;

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
    config: RwLock<TlsConfig>,
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
        let config = RwLock::new(read(&certificates, &key)?);
        Ok(Self(Arc::new(Files { certificates, key, config })))
    }

    /// Reads the files again. New connections use the new certificate; open connections continue.
    ///
    /// # Errors
    ///
    /// [`TlsError`] when a file is unreadable or unusable. The earlier certificate then stays in use.
    pub fn reload(&self) -> Result<(), TlsError> {
        let config = read(&self.0.certificates, &self.0.key)?;
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

    /// A stream whose handshake begins with its first read.
    pub(crate) fn accept<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: S) -> Encrypted<S> {
        let config = Arc::clone(&unpoisoned(self.0.config.read()).http1);
        Encrypted::new(TlsAcceptor::from(config).accept(stream))
    }

    /// Shakes hands, and chooses HTTP/2 with clients that offer it: then there is `true` beside the stream.
    #[cfg(feature = "http2")]
    pub(crate) async fn shake_hands<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: S,
    ) -> io::Result<(Encrypted<S>, bool)> {
        let config = Arc::clone(&unpoisoned(self.0.config.read()).http2);
        Encrypted::shake_hands(TlsAcceptor::from(config).accept(stream)).await
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Tls").field(&self.0.certificates).finish()
    }
}

fn read(certificates: &Path, key: &Path) -> Result<TlsConfig, TlsError> {
    let malformed = |path: &Path| {
        let path = path.to_owned();
        move |error: PemError| TlsError::Malformed { path, why: error.to_string() }
    };
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&contents(certificates)?).collect();
    let chain = chain.map_err(malformed(certificates))?;
    if chain.is_empty() {
        return Err(TlsError::NoCertificate(certificates.to_owned()));
    }
    let private = PrivateKeyDer::from_pem_slice(&contents(key)?).map_err(|error| match error {
        PemError::NoItemsFound => TlsError::NoKey(key.to_owned()),
        other => malformed(key)(other),
    })?;
    let unusable = |error: RustlsError| TlsError::Unusable(error.to_string());
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(unusable)?
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .map_err(unusable)?;
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

fn contents(path: &Path) -> Result<Vec<u8>, TlsError> {
    fs::read(path).map_err(|source| TlsError::Unreadable { path: path.to_owned(), source })
}
