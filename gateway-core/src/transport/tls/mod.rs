//! Encrypted streams. A connection's handshake is part of reading its request's head, so both have one deadline.

#[cfg(feature = "tls")]
mod encrypted;
#[cfg(feature = "tls")]
mod files;
#[cfg(not(feature = "tls"))]
mod without;

#[cfg(feature = "tls")]
pub(crate) use encrypted::Encrypted;
#[cfg(feature = "tls")]
pub use files::{Tls, TlsError};
#[cfg(not(feature = "tls"))]
pub(crate) use without::Tls;
