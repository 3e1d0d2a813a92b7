//! TLS by rustls.

use std::fmt;
use std::io;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, InvalidDnsNameError, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// A fault of certificates.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// The system has no certificates of authorities, or none can be read.
    #[error("the system has no certificates of authorities: {0}")]
    NoSystemRoots(String),
    /// The text has no certificate or key in PEM.
    #[error("no certificate or key in PEM: {0}")]
    Pem(String),
    /// A certificate or key cannot be used.
    #[error("the certificate cannot be used: {0}")]
    Unusable(String),
}

/// Certificates of a client: the authorities that it trusts, and its own, if servers ask for one.
#[derive(Clone)]
pub struct Tls(Arc<ClientConfig>);

impl Tls {
    /// Trusts the authorities of the operating system.
    ///
    /// # Errors
    ///
    /// [`TlsError::NoSystemRoots`] if there is none.
    pub fn new() -> Result<Self, TlsError> {
        let found = rustls_native_certs::load_native_certs();
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(found.certs);
        if roots.is_empty() {
            let texts: Vec<_> = found.errors.iter().map(ToString::to_string).collect();
            return Err(TlsError::NoSystemRoots(texts.join("; ")));
        }
        Self::configured(roots, None)
    }

    /// Trusts the authorities in this PEM, and no others.
    ///
    /// # Errors
    ///
    /// [`TlsError`] if the text has no certificate, or one that cannot be used.
    pub fn trusting(authorities: &[u8]) -> Result<Self, TlsError> {
        Self::configured(roots_of(authorities)?, None)
    }

    /// Trusts the authorities in this PEM, and proves the client by a certificate chain and its key, in PEM too.
    ///
    /// # Errors
    ///
    /// [`TlsError`] if a text has no certificate or key, or one that cannot be used.
    pub fn with_certificate(authorities: &[u8], chain: &[u8], key: &[u8]) -> Result<Self, TlsError> {
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| TlsError::Pem(error.to_string()))?;
        Self::configured(roots_of(authorities)?, Some((certificates(chain)?, key)))
    }

    fn configured(
        roots: RootCertStore,
        own: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
    ) -> Result<Self, TlsError> {
        let unusable = |error: tokio_rustls::rustls::Error| TlsError::Unusable(error.to_string());
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(unusable)?
            .with_root_certificates(roots);
        let mut config = match own {
            Some((chain, key)) => builder.with_client_auth_cert(chain, key).map_err(unusable)?,
            None => builder.with_no_client_auth(),
        };
        // WebSocket is an upgrade of HTTP/1.1.
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self(Arc::new(config)))
    }

    pub(super) async fn connect<S>(self, host: &str, stream: S) -> io::Result<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let name = ServerName::try_from(host.to_owned())
            .map_err(|error: InvalidDnsNameError| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        TlsConnector::from(self.0).connect(name, stream).await
    }
}

fn roots_of(authorities: &[u8]) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(authorities)? {
        roots.add(certificate).map_err(|error| TlsError::Unusable(error.to_string()))?;
    }
    Ok(roots)
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let found = found.map_err(|error| TlsError::Pem(error.to_string()))?;
    if found.is_empty() { Err(TlsError::Pem("there is none".to_owned())) } else { Ok(found) }
}

impl fmt::Debug for Tls {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Tls")
    }
}
