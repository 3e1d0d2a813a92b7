//! A guard for [`gateway_core`] that checks JSON Web Tokens (RFC 7519): HMAC, RSA, ECDSA and `EdDSA`, issuer, audience and times,
//! with keys that rotate. The signatures are checked by the crate `jsonwebtoken`.
//!
//! ```no_run
//! use gateway_core::prelude::*;
//! use gateway_jwt::{Jwt, Keys};
//! use serde::Deserialize;
//!
//! #[derive(Deserialize)]
//! struct Claims {
//!     sub: String,
//! }
//!
//! type SignedIn = Jwt<Claims>;
//!
//! #[gateway(namespace = "/board")]
//! #[guard(SignedIn)]
//! struct Board;
//!
//! #[gateway]
//! impl Board {
//!     #[subscribe]
//!     fn whoami(&self, claims: Auth<Claims>) -> String {
//!         claims.sub.clone()
//!     }
//! }
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let keys = Keys::url("https://accounts.example.com/.well-known/jwks.json")?;
//! let signed_in = SignedIn::new(keys).issuer("https://accounts.example.com").audience("board");
//! Server::new().provide(signed_in).serve("127.0.0.1:3000").await?;
//! # Ok(())
//! # }
//! ```
//!
//! # A token
//!
//! is the client's credentials, as a text or as the member `token` of an object; or else it is in the header `Authorization: Bearer`, or
//! in a cookie that was named. It must have `exp`, at which the socket is closed with 4502, unless the client has
//! presented a newer one on its connection. `sub` becomes the socket's user, and the claims are read as `Auth<Claims>`.
//!
//! # Keys
//!
//! | [`Keys`] | are |
//! | --- | --- |
//! | [`Keys::hs256`], `hs384`, `hs512` | a secret that the server shares with the issuer |
//! | [`Keys::pem`] | one public key: RSA, ECDSA (P-256, P-384) or Ed25519 |
//! | [`Keys::jwks`] | a JSON Web Key Set (RFC 7517) |
//! | [`Keys::file`], [`Keys::url`], [`Keys::fetched`] | a set that is read again: when it is old, and when a token names a key that it lacks |
//!
//! The key decides which algorithms it is for, never the token. A set that is fetched has no secrets: they are passed over.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod fetch;
mod jwt;
mod keys;
mod token;

pub use crate::fetch::FetchError;
pub use crate::jwt::Jwt;
pub use crate::keys::{Keys, KeysError};
pub use crate::token::TokenError;
