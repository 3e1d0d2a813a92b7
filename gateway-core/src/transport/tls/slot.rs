//! The certificate of a connection's client, which its TLS handshake puts here for the requests of the connection.

use std::sync::{Arc, OnceLock};

use crate::transport::tls::PeerCertificate;

/// Empty until the handshake is over, and for ever where clients are not asked for certificates.
#[derive(Clone, Debug, Default)]
pub(crate) struct CertificateSlot(Option<Arc<OnceLock<PeerCertificate>>>);

impl CertificateSlot {
    /// Creates the slot of a connection whose client is asked for a certificate.
    #[cfg(feature = "tls")]
    pub(super) fn waiting() -> Self {
        Self(Some(Arc::default()))
    }

    #[cfg(feature = "tls")]
    pub(super) fn put(&self, certificate: impl FnOnce() -> Option<PeerCertificate>) {
        if let Some(slot) = &self.0
            && let Some(certificate) = certificate()
        {
            // A handshake ends once.
            let _ = slot.set(certificate);
        }
    }

    /// The certificate, if the client has presented one.
    pub(crate) fn get(&self) -> Option<PeerCertificate> {
        self.0.as_ref()?.get().cloned()
    }
}
