//! TLS streams. The handshake is part of reading the request's head, so both share one deadline.

#[cfg(feature = "tls")]
mod certificate;
#[cfg(not(feature = "tls"))]
mod disabled;
#[cfg(feature = "tls")]
mod encrypted;
#[cfg(feature = "tls")]
mod files;
mod slot;

#[cfg(feature = "tls")]
pub use certificate::PeerCertificate;
#[cfg(not(feature = "tls"))]
pub(crate) use disabled::{PeerCertificate, Tls};
#[cfg(feature = "tls")]
pub(crate) use encrypted::Encrypted;
#[cfg(feature = "tls")]
pub use files::{Tls, TlsError};
pub(crate) use slot::CertificateSlot;
