//! Stub in place of TLS for builds without the feature: no value of its types exists.

use crate::transport::tls::CertificateSlot;

#[derive(Clone, Debug)]
pub(crate) enum Tls {}

#[derive(Clone, Debug)]
pub(crate) enum PeerCertificate {}

impl Tls {
    pub(crate) fn certificate_slot(&self) -> CertificateSlot {
        match *self {}
    }

    pub(crate) fn accept<S>(&self, _: S, _: CertificateSlot) -> S {
        match *self {}
    }

    #[cfg(feature = "http2")]
    pub(crate) fn shake_hands<S: Send>(
        &self,
        _: S,
        _: CertificateSlot,
    ) -> std::future::Ready<std::io::Result<(S, bool)>> {
        match *self {}
    }

    pub(crate) fn try_reload(&self) {
        match *self {}
    }
}
