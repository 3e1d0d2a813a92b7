//! An issuer of tokens: keys, their public halves, and claims.

use std::time::{SystemTime, UNIX_EPOCH};

use gateway_core::prelude::*;
use gateway_core::testing::TestServer;
use gateway_jwt::{Jwt, Keys};
use jsonwebtoken::jwk::{Jwk, JwkSet};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384};
use serde::Deserialize;
use serde_json::{Value, json};

pub(crate) const SECRET: &[u8] = b"a secret of thirty-two bytes, or of more than that: up to 64 and above";

/// Keys for tests alone; their public halves are beside them.
const RSA: &[u8] = include_bytes!("rsa.pem");
const ED25519: &[u8] = include_bytes!("ed25519.pem");
pub(crate) const RSA_PUBLIC: &[u8] = include_bytes!("rsa.pub.pem");

#[derive(Debug, Deserialize)]
pub(crate) struct Claims {
    pub(crate) sub: String,
    #[serde(default)]
    pub(crate) roles: Vec<String>,
}

pub(crate) type SignedIn = Jwt<Claims>;

#[gateway(namespace = "/board")]
#[guard(SignedIn)]
pub(crate) struct Board;

#[gateway]
impl Board {
    #[subscribe]
    fn whoami(&self, claims: Auth<Claims>, socket: Socket) -> String {
        assert_eq!(socket.user().as_deref(), Some(&*claims.sub));
        format!("{} {}", claims.sub, claims.roles.join(","))
    }
}

pub(crate) async fn board(guard: SignedIn) -> TestServer {
    Server::empty().gateway::<Board>().provide(guard).test().await.unwrap()
}

/// A key that signs, with the name that tokens give it.
pub(crate) struct Signer {
    pub(crate) kid: &'static str,
    pub(crate) algorithm: Algorithm,
    key: EncodingKey,
    public: String,
}

impl Signer {
    pub(crate) fn secret(algorithm: Algorithm) -> Self {
        let key = EncodingKey::from_secret(SECRET).unwrap();
        Self { kid: "secret", algorithm, key, public: String::new() }
    }

    pub(crate) fn rsa(kid: &'static str, algorithm: Algorithm) -> Self {
        let key = EncodingKey::from_rsa_pem(RSA).unwrap();
        Self { kid, algorithm, key, public: String::from_utf8(RSA_PUBLIC.to_vec()).unwrap() }
    }

    /// A key of an elliptic curve, made for the test. That of `EdDSA` is always the same one.
    pub(crate) fn curve(kid: &'static str, algorithm: Algorithm) -> Self {
        let curve = match algorithm {
            Algorithm::ES256 => &PKCS_ECDSA_P256_SHA256,
            Algorithm::ES384 => &PKCS_ECDSA_P384_SHA384,
            _ => {
                let key = EncodingKey::from_ed_pem(ED25519).unwrap();
                return Self { kid, algorithm, key, public: include_str!("ed25519.pub.pem").to_owned() };
            }
        };
        let pair = KeyPair::generate_for(curve).unwrap();
        let key = EncodingKey::from_ec_pem(pair.serialize_pem().as_bytes()).unwrap();
        Self { kid, algorithm, key, public: pair.public_key_pem() }
    }

    pub(crate) fn public_pem(&self) -> &[u8] {
        self.public.as_bytes()
    }

    pub(crate) fn jwk(&self) -> Jwk {
        let mut jwk = Jwk::from_encoding_key(&self.key, self.algorithm).unwrap();
        jwk.common.key_id = Some(self.kid.to_owned());
        jwk
    }

    pub(crate) fn sign(&self, claims: &Value) -> String {
        let header = Header { kid: Some(self.kid.to_owned()), ..Header::new(self.algorithm) };
        encode(&header, claims, &self.key).unwrap()
    }

    pub(crate) fn sign_without_kid(&self, claims: &Value) -> String {
        encode(&Header::new(self.algorithm), claims, &self.key).unwrap()
    }
}

pub(crate) fn jwks(signers: &[&Signer]) -> String {
    let keys = signers.iter().map(|signer| signer.jwk()).collect();
    serde_json::to_string(&JwkSet { keys }).unwrap()
}

pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// Claims of a user that are valid for so many seconds.
pub(crate) fn claims(sub: &str, lives: u64) -> Value {
    json!({"sub": sub, "exp": now() + lives})
}

pub(crate) fn hs256() -> SignedIn {
    SignedIn::new(Keys::hs256(SECRET).unwrap())
}
