//! Keys that check signatures, and where they come from.

mod key_set;
mod rotation;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jsonwebtoken::{Algorithm, DecodingKey};

use crate::fetch::{FetchError, KeysUrl, read_file};
use crate::token::{Header, TokenError};
use key_set::KeySet;
use rotation::{Fetch, Rotation};

pub(crate) use key_set::VerifyingKey;
pub(crate) use rotation::MOST_BYTES;

/// Keys that check the signatures of tokens.
///
/// Keys that are read again have three times: [`Keys::max_age`], [`Keys::cooldown`] and [`Keys::keep_for`]. For others they mean nothing.
#[derive(Clone)]
pub struct Keys {
    source: KeySource,
}

#[derive(Clone)]
enum KeySource {
    Fixed(Arc<KeySet>),
    Rotating(Rotation),
}

/// A fault of keys.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeysError {
    /// The secret is shorter than its algorithm's digest (RFC 7518 §3.2): it could be guessed.
    #[error("the secret has {bytes} bytes, and its algorithm asks for {least} at least")]
    ShortSecret {
        /// Its length.
        bytes: usize,
        /// The least length.
        least: usize,
    },
    /// The text is no public key in PEM of a type that is supported.
    #[error("this is no public key in PEM: RSA, P-256, P-384 or Ed25519")]
    Pem,
    /// The text is no JSON Web Key Set.
    #[error("this is no JSON Web Key Set: {0}")]
    Jwks(#[source] serde_json::Error),
    /// The set has no key that can check a signature.
    #[error("the JSON Web Key Set has no key that can check a signature")]
    NoKey,
    /// The text is no URL with `http` or `https`.
    #[error("`{0}` is no URL of keys")]
    Url(String),
    /// The URL begins with `http`, and names another machine: whoever is in between could give keys of their own.
    #[error("`{0}` is not encrypted: use https, or fetch the keys yourself with `Keys::fetched`")]
    NotEncrypted(String),
    /// The URL begins with `https`, for which the feature `tls` is off, or there are no certificates of authorities.
    #[error("`{0}` cannot be reached: {1}")]
    Tls(String, String),
}

impl Keys {
    /// A secret for HS256, of 32 bytes or more.
    ///
    /// # Errors
    ///
    /// [`KeysError::ShortSecret`].
    pub fn hs256(secret: &[u8]) -> Result<Self, KeysError> {
        Self::secret(secret, Algorithm::HS256, 32)
    }

    /// A secret for HS384, of 48 bytes or more.
    ///
    /// # Errors
    ///
    /// [`KeysError::ShortSecret`].
    pub fn hs384(secret: &[u8]) -> Result<Self, KeysError> {
        Self::secret(secret, Algorithm::HS384, 48)
    }

    /// A secret for HS512, of 64 bytes or more.
    ///
    /// # Errors
    ///
    /// [`KeysError::ShortSecret`].
    pub fn hs512(secret: &[u8]) -> Result<Self, KeysError> {
        Self::secret(secret, Algorithm::HS512, 64)
    }

    fn secret(secret: &[u8], algorithm: Algorithm, least: usize) -> Result<Self, KeysError> {
        let short = || KeysError::ShortSecret { bytes: secret.len(), least };
        if secret.len() < least {
            return Err(short());
        }
        let key = DecodingKey::from_secret(secret).map_err(|_| short())?;
        Ok(Self::fixed(KeySet::of_one(key, vec![algorithm])))
    }

    /// One public key in PEM, for tokens of any `kid`: RSA (RS256 to RS512, PS256 to PS512), P-256 (ES256), P-384 (ES384) or
    /// Ed25519 (`EdDSA`).
    ///
    /// # Errors
    ///
    /// [`KeysError::Pem`].
    pub fn pem(pem: &[u8]) -> Result<Self, KeysError> {
        KeySet::from_pem(pem).map(Self::fixed)
    }

    /// A JSON Web Key Set that does not change. Secrets (`"kty":"oct"`) count too.
    ///
    /// # Errors
    ///
    /// [`KeysError::Jwks`], [`KeysError::NoKey`].
    pub fn jwks(json: &str) -> Result<Self, KeysError> {
        KeySet::from_jwks(json, true).map(Self::fixed)
    }

    /// A JSON Web Key Set in a file, which may be replaced while the server runs. It is read at the first token, each
    /// minute, and when a token names a key that it lacks, at most once a second.
    #[must_use]
    pub fn file(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        let fetch = Fetch::new(move || {
            let path = path.clone();
            async move { read_file(&path).await }
        });
        Self::rotating(Rotation::new(fetch, true)).max_age(Duration::from_mins(1)).cooldown(Duration::from_secs(1))
    }

    /// A JSON Web Key Set at a URL, as an identity provider publishes it. Nothing is fetched before the first token. Redirects are not followed.
    ///
    /// # Errors
    ///
    /// [`KeysError::Url`], [`KeysError::NotEncrypted`], [`KeysError::Tls`].
    pub fn url(url: &str) -> Result<Self, KeysError> {
        let url = Arc::new(KeysUrl::parse(url)?);
        let fetch = Fetch::new(move || {
            let url = Arc::clone(&url);
            async move { url.fetch().await }
        });
        Ok(Self::rotating(Rotation::new(fetch, false)))
    }

    /// A JSON Web Key Set that `fetch` returns as text, with an HTTP client of the application's own.
    pub fn fetched<F, A, E>(fetch: F) -> Self
    where
        F: Fn() -> A + Send + Sync + 'static,
        A: Future<Output = Result<String, E>> + Send + 'static,
        E: fmt::Display,
    {
        let fetch = Fetch::new(move || {
            let fetching = fetch();
            async move { fetching.await.map_err(|error| FetchError::Application(error.to_string())) }
        });
        Self::rotating(Rotation::new(fetch, false))
    }

    /// Age at which keys are read again, while tokens are checked with the ones at hand. Default 1 h; of a file 1 min.
    #[must_use]
    pub fn max_age(self, age: Duration) -> Self {
        self.rotated(|rotation| rotation.times.max_age = age)
    }

    /// Least time between two fetches, also after a failure and however many tokens name an unknown key. Default 30 s; of a file 1 s.
    #[must_use]
    pub fn cooldown(self, pause: Duration) -> Self {
        self.rotated(|rotation| rotation.times.cooldown = pause)
    }

    /// Time that keys are used after they were last read, while they cannot be read again. Default 24 h. Then tokens are refused as
    /// [`TokenError::KeysAway`].
    #[must_use]
    pub fn keep_for(self, time: Duration) -> Self {
        self.rotated(|rotation| rotation.times.keep_for = time)
    }

    fn fixed(keys: KeySet) -> Self {
        Self { source: KeySource::Fixed(Arc::new(keys)) }
    }

    fn rotating(rotation: Rotation) -> Self {
        Self { source: KeySource::Rotating(rotation) }
    }

    fn rotated(mut self, set: impl FnOnce(&mut Rotation)) -> Self {
        if let KeySource::Rotating(rotation) = &mut self.source {
            set(rotation);
        }
        self
    }

    /// The keys that may have signed a token with this header.
    pub(crate) async fn find(&self, header: &Header) -> Result<Vec<VerifyingKey>, TokenError> {
        match &self.source {
            KeySource::Fixed(keys) => keys.find(header),
            KeySource::Rotating(rotation) => rotation.find(header).await,
        }
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match &self.source {
            KeySource::Fixed(_) => "Keys(fixed)",
            KeySource::Rotating(_) => "Keys(rotating)",
        })
    }
}
