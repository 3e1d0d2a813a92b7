//! TLS streams. The handshake is part of reading the request's head, so both share one deadline.

#[cfg(not(feature = "tls"))]
mod disabled;
#[cfg(feature = "tls")]
mod encrypted;
#[cfg(feature = "tls")]
mod files;

#[cfg(not(feature = "tls"))]
pub(crate) use disabled::Tls;
#[cfg(feature = "tls")]
pub(crate) use encrypted::Encrypted;
#[cfg(feature = "tls")]
pub use files::{Tls, TlsError};
