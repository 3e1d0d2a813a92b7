//! A set of keys, and the look-up of those for a token.

use std::fmt;

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::keys::KeysError;
use crate::token::{Header, TokenError};

/// Most keys of a set that are read. Providers have a handful.
const MOST: usize = 100;

/// Most keys that a token without a `kid` is checked with: each costs a signature.
const MOST_TRIED: usize = 8;

/// A key, and the algorithms that it is for.
#[derive(Clone)]
pub(crate) struct VerifyingKey {
    kid: Option<String>,
    algorithms: Vec<Algorithm>,
    pub(crate) key: DecodingKey,
}

/// Keys in the order of their set.
#[derive(Debug)]
pub(crate) struct KeySet(Vec<VerifyingKey>);

/// A set whose keys are read one by one: one of an unknown type does not make the others useless.
#[derive(Deserialize)]
struct RawKeySet<'a> {
    #[serde(borrow)]
    keys: Vec<&'a RawValue>,
}

impl KeySet {
    pub(crate) fn of_one(key: DecodingKey, algorithms: Vec<Algorithm>) -> Self {
        Self(vec![VerifyingKey { kid: None, algorithms, key }])
    }

    pub(crate) fn from_pem(pem: &[u8]) -> Result<Self, KeysError> {
        if let Ok(key) = DecodingKey::from_rsa_pem(pem) {
            return Ok(Self::of_one(key, RSA.to_vec()));
        }
        if let Ok(key) = DecodingKey::from_ec_pem(pem) {
            return Ok(Self::of_one(key, vec![Algorithm::ES256, Algorithm::ES384]));
        }
        let key = DecodingKey::from_ed_pem(pem).map_err(|_| KeysError::Pem)?;
        Ok(Self::of_one(key, vec![Algorithm::EdDSA]))
    }

    /// Reads a set (RFC 7517 §5). Keys of other types or uses are passed over, and secrets unless they are `with_secrets`.
    pub(crate) fn from_jwks(json: &str, with_secrets: bool) -> Result<Self, KeysError> {
        let RawKeySet { keys } = serde_json::from_str(json).map_err(KeysError::Jwks)?;
        let keys = keys.into_iter().take(MOST).filter_map(|raw| serde_json::from_str::<Jwk>(raw.get()).ok());
        let keys: Vec<_> = keys.filter_map(|jwk| VerifyingKey::from_jwk(&jwk, with_secrets)).collect();
        if keys.is_empty() { Err(KeysError::NoKey) } else { Ok(Self(keys)) }
    }

    /// The keys that may have signed a token with this header.
    pub(crate) fn find(&self, header: &Header) -> Result<Vec<VerifyingKey>, TokenError> {
        let is_named = |key: &&VerifyingKey| match (&header.kid, &key.kid) {
            (Some(wanted), Some(kid)) => wanted == kid,
            // A single key without a name is for tokens of any.
            (None, _) | (Some(_), None) => true,
        };
        let is_for = |key: &VerifyingKey| key.algorithms.contains(&header.algorithm);
        let named: Vec<_> = self.0.iter().filter(is_named).collect();
        if named.is_empty() {
            return Err(TokenError::UnknownKey);
        }
        let found: Vec<_> = named.into_iter().filter(|key| is_for(key)).take(MOST_TRIED).cloned().collect();
        if found.is_empty() { Err(TokenError::Algorithm) } else { Ok(found) }
    }
}

const RSA: [Algorithm; 6] =
    [Algorithm::RS256, Algorithm::RS384, Algorithm::RS512, Algorithm::PS256, Algorithm::PS384, Algorithm::PS512];

impl VerifyingKey {
    /// Returns `None` for a key that checks no signature.
    fn from_jwk(jwk: &Jwk, with_secrets: bool) -> Option<Self> {
        let common = &jwk.common;
        let is_for_signatures = common.public_key_use.as_ref().is_none_or(|use_| *use_ == PublicKeyUse::Signature)
            && common.key_operations.as_ref().is_none_or(|operations| operations.contains(&KeyOperations::Verify));
        let of_type: &[Algorithm] = match &jwk.algorithm {
            AlgorithmParameters::RSA(_) => &RSA,
            AlgorithmParameters::EllipticCurve(key) => match key.curve {
                EllipticCurve::P256 => &[Algorithm::ES256],
                EllipticCurve::P384 => &[Algorithm::ES384],
                _ => &[],
            },
            AlgorithmParameters::OctetKeyPair(_) => &[Algorithm::EdDSA],
            AlgorithmParameters::OctetKey(_) if with_secrets => &[Algorithm::HS256, Algorithm::HS384, Algorithm::HS512],
            _ => &[],
        };
        // `alg` narrows what the type allows.
        let algorithms: Vec<_> = match common.key_algorithm {
            None => of_type.to_vec(),
            Some(named) => of_type.iter().copied().filter(|one| named.to_string() == format!("{one:?}")).collect(),
        };
        if !is_for_signatures || algorithms.is_empty() {
            return None;
        }
        let key = DecodingKey::from_jwk(jwk).ok()?;
        Some(Self { kid: common.key_id.clone(), algorithms, key })
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kid, algorithms, .. } = self;
        formatter.debug_struct("VerifyingKey").field("kid", kid).field("algorithms", algorithms).finish_non_exhaustive()
    }
}
