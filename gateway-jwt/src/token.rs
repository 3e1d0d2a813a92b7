//! Checking of one token: its header, its signature, and its claims.

use std::collections::HashSet;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use gateway_core::Exception;
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::{Algorithm, Validation};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::keys::VerifyingKey;

/// Reason why a token is not accepted. All are `unauthorized`, but for keys that are away.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error, Exception)]
#[non_exhaustive]
pub enum TokenError {
    /// The client sent none.
    #[error("a token is missing")]
    #[exception(code = "unauthorized")]
    Missing,
    /// The text is no JSON Web Token. A token without a signature, `"alg":"none"`, is none.
    #[error("this is no token")]
    #[exception(code = "unauthorized")]
    Malformed,
    /// No key is for the algorithm of the token.
    #[error("the token's algorithm is not accepted")]
    #[exception(code = "unauthorized")]
    Algorithm,
    /// No key has the name that the token gives.
    #[error("the token's key is unknown")]
    #[exception(code = "unauthorized")]
    UnknownKey,
    /// The signature is not that of the key.
    #[error("the token's signature is wrong")]
    #[exception(code = "unauthorized")]
    Signature,
    /// The token has expired.
    #[error("the token has expired")]
    #[exception(code = "unauthorized")]
    Expired,
    /// The token is not valid yet.
    #[error("the token is not valid yet")]
    #[exception(code = "unauthorized")]
    NotYetValid,
    /// The token was issued by somebody else.
    #[error("the token's issuer is not accepted")]
    #[exception(code = "unauthorized")]
    Issuer,
    /// The token is meant for another service.
    #[error("the token is for another audience")]
    #[exception(code = "unauthorized")]
    Audience,
    /// A claim is missing, or is of another type than expected.
    #[error("the token's claims are not those that are expected")]
    #[exception(code = "unauthorized")]
    Claims,
    /// No key could be fetched yet, or the last ones are too old.
    #[error("the keys that check tokens are away")]
    #[exception(code = "unavailable")]
    KeysAway,
}

/// The rules for claims.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    pub(crate) issuers: Vec<String>,
    pub(crate) audiences: Vec<String>,
    pub(crate) leeway: Duration,
}

/// Name of the key and algorithm of a token, as its header says them.
#[derive(Debug)]
pub(crate) struct Header {
    pub(crate) kid: Option<String>,
    pub(crate) algorithm: Algorithm,
}

/// A token that was accepted.
#[derive(Debug)]
pub(crate) struct Accepted<C> {
    pub(crate) claims: C,
    pub(crate) subject: Option<String>,
    /// Time that it is still valid.
    pub(crate) left: Duration,
}

#[derive(Deserialize)]
struct RegisteredClaims {
    /// Seconds since 1970.
    exp: f64,
    #[serde(default)]
    sub: Option<String>,
}

impl Header {
    pub(crate) fn read(token: &str) -> Result<Self, TokenError> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| TokenError::Malformed)?;
        Ok(Self { kid: header.kid, algorithm: header.alg })
    }
}

impl Rules {
    /// Checks a token with each of these keys until one fits.
    pub(crate) fn check<C: DeserializeOwned>(
        &self,
        token: &str,
        algorithm: Algorithm,
        keys: &[VerifyingKey],
    ) -> Result<Accepted<C>, TokenError> {
        let validation = self.validation(algorithm);
        let mut failure = TokenError::UnknownKey;
        for key in keys {
            match jsonwebtoken::decode::<Value>(token, &key.key, &validation) {
                Ok(decoded) => return self.accept(decoded.claims),
                Err(error) => failure = reason(&error),
            }
            if failure != TokenError::Signature {
                break;
            }
        }
        Err(failure)
    }

    fn validation(&self, algorithm: Algorithm) -> Validation {
        let mut validation = Validation::new(algorithm);
        validation.leeway = self.leeway.as_secs();
        validation.validate_nbf = true;
        // Without a required claim, a token that leaves it out would be accepted.
        let mut required = vec!["exp"];
        if !self.issuers.is_empty() {
            validation.iss = Some(self.issuers.iter().cloned().collect::<HashSet<_>>());
            required.push("iss");
        }
        if !self.audiences.is_empty() {
            validation.aud = Some(self.audiences.iter().cloned().collect::<HashSet<_>>());
            required.push("aud");
        }
        validation.set_required_spec_claims(&required);
        validation
    }

    fn accept<C: DeserializeOwned>(&self, claims: Value) -> Result<Accepted<C>, TokenError> {
        /// Longer than any connection lives.
        const LONGEST: Duration = Duration::from_hours(365 * 24);

        let RegisteredClaims { exp, sub } = RegisteredClaims::deserialize(&claims).map_err(|_| TokenError::Claims)?;
        let claims = serde_json::from_value(claims).map_err(|_| TokenError::Claims)?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let left = exp + self.leeway.as_secs_f64() - now.as_secs_f64();
        let left = Duration::try_from_secs_f64(left.min(LONGEST.as_secs_f64())).unwrap_or_default();
        Ok(Accepted { claims, subject: sub, left })
    }
}

fn reason(error: &Error) -> TokenError {
    match error.kind() {
        ErrorKind::InvalidSignature => TokenError::Signature,
        ErrorKind::ExpiredSignature => TokenError::Expired,
        ErrorKind::ImmatureSignature => TokenError::NotYetValid,
        ErrorKind::InvalidIssuer => TokenError::Issuer,
        ErrorKind::InvalidAudience => TokenError::Audience,
        ErrorKind::InvalidAlgorithm
        | ErrorKind::InvalidKeyFormat
        | ErrorKind::InvalidEcdsaKey
        | ErrorKind::InvalidEddsaKey
        | ErrorKind::InvalidRsaKey(_) => TokenError::Algorithm,
        ErrorKind::MissingRequiredClaim(claim) => match claim.as_str() {
            "iss" => TokenError::Issuer,
            "aud" => TokenError::Audience,
            _ => TokenError::Claims,
        },
        ErrorKind::InvalidClaimFormat(_) => TokenError::Claims,
        _ => TokenError::Malformed,
    }
}
