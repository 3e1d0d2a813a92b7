//! Tokens that are not accepted, and keys that are none.

use std::time::Duration;

use gateway_core::http::StatusCode;
use gateway_core::testing::ConnectError;
use gateway_jwt::{Keys, KeysError, TokenError};
use jsonwebtoken::Algorithm;
use serde_json::{Value, json};

use crate::issuer::{RSA_PUBLIC, SECRET, SignedIn, Signer, board, claims, hs256, jwks, now};

async fn refused(guard: &SignedIn, token: &str) -> TokenError {
    guard.verify(token).await.expect_err(token)
}

/// Parts of a token, each in base64url.
fn encoded(parts: &[&[u8]]) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let encode = |bytes: &[u8]| -> String {
        let bits = bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1)).collect::<Vec<_>>();
        let value = |chunk: &[u8]| (0..6).fold(0, |value, at| value * 2 + chunk.get(at).copied().unwrap_or(0));
        bits.chunks(6).map(|chunk| char::from(DIGITS[usize::from(value(chunk))])).collect()
    };
    parts.iter().map(|part| encode(part)).collect::<Vec<_>>().join(".")
}

#[tokio::test(start_paused = true)]
async fn what_is_no_token_is_malformed() {
    let good = Signer::secret(Algorithm::HS256).sign(&claims("ann", 60));
    assert_eq!(hs256().verify(&good).await.unwrap().sub, "ann");
    let (header, rest) = good.split_once('.').unwrap();
    let unsigned =
        |header: &str| format!("{}.", encoded(&[header.as_bytes(), claims("ann", 60).to_string().as_bytes()]));
    for wrong in [
        String::new(),
        "a".to_owned(),
        "a.b".to_owned(),
        "a.b.c".to_owned(),
        "....".to_owned(),
        format!("{header}.{rest}.x"),
        format!("ä{good}"),
        // RFC 8725 §3.1: the token's own word for its algorithm.
        unsigned(r#"{"alg":"none"}"#),
        unsigned(r#"{"alg":"None","typ":"JWT"}"#),
        unsigned(r#"{"alg":"HS1"}"#),
        unsigned(r#"{"typ":"JWT"}"#),
        unsigned("[]"),
    ] {
        assert_eq!(refused(&hs256(), &wrong).await, TokenError::Malformed, "{wrong}");
    }
    // RFC 7515 §4.1.11: what must be understood and is not.
    let critical = unsigned(r#"{"alg":"HS256","crit":["exp"],"exp":1}"#);
    assert_eq!(refused(&hs256(), &critical).await, TokenError::Malformed);
}

#[tokio::test(start_paused = true)]
async fn a_signature_of_another_key_or_over_other_claims_is_wrong() {
    let signer = Signer::curve("a", Algorithm::ES256);
    let guard = SignedIn::new(Keys::jwks(&jwks(&[&signer])).unwrap());
    let good = signer.sign(&claims("ann", 60));
    let forger = Signer::curve("a", Algorithm::ES256);
    assert_eq!(refused(&guard, &forger.sign(&claims("ann", 60))).await, TokenError::Signature);
    let (header, _) = good.split_once('.').unwrap();
    let (_, signature) = good.rsplit_once('.').unwrap();
    let eve = encoded(&[claims("eve", 60).to_string().as_bytes()]);
    assert_eq!(refused(&guard, &format!("{header}.{eve}.{signature}")).await, TokenError::Signature);
    assert_eq!(refused(&guard, &format!("{header}.{eve}.")).await, TokenError::Signature);
    assert_eq!(refused(&guard, &good[..good.len() - 2]).await, TokenError::Signature);
}

#[tokio::test(start_paused = true)]
async fn the_key_decides_the_algorithm_and_not_the_token() {
    // RFC 8725 §2.1: a public key as the secret of HMAC.
    let forged = {
        let key = jsonwebtoken::EncodingKey::from_secret(RSA_PUBLIC).unwrap();
        jsonwebtoken::encode(&jsonwebtoken::Header::new(Algorithm::HS256), &claims("eve", 60), &key).unwrap()
    };
    let rsa = Signer::rsa("a", Algorithm::RS256);
    for keys in [Keys::pem(RSA_PUBLIC).unwrap(), Keys::jwks(&jwks(&[&rsa])).unwrap()] {
        assert_eq!(refused(&SignedIn::new(keys), &forged).await, TokenError::Algorithm);
    }
    // `alg` of a key narrows what its type allows.
    let guard = SignedIn::new(Keys::jwks(&jwks(&[&rsa])).unwrap());
    let other = Signer::rsa("a", Algorithm::RS512).sign(&claims("ann", 60));
    assert_eq!(refused(&guard, &other).await, TokenError::Algorithm);
    assert_eq!(
        refused(&hs256(), &Signer::secret(Algorithm::HS512).sign(&claims("ann", 60))).await,
        TokenError::Algorithm
    );
    let curve = Keys::pem(Signer::curve("a", Algorithm::ES256).public_pem()).unwrap();
    let larger = Signer::curve("a", Algorithm::ES384).sign(&claims("ann", 60));
    assert!(SignedIn::new(curve).verify(&larger).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_key_is_found_by_its_name_and_without_one_each_of_its_kind_is_tried() {
    let [one, two, three] = ["1", "2", "3"].map(|kid| Signer::curve(kid, Algorithm::ES256));
    let guard = SignedIn::new(Keys::jwks(&jwks(&[&one, &two])).unwrap());
    assert!(guard.verify(&two.sign(&claims("ann", 60))).await.is_ok());
    assert!(guard.verify(&two.sign_without_kid(&claims("ann", 60))).await.is_ok());
    assert_eq!(refused(&guard, &three.sign(&claims("ann", 60))).await, TokenError::UnknownKey);
    assert_eq!(refused(&guard, &three.sign_without_kid(&claims("ann", 60))).await, TokenError::Signature);
}

#[tokio::test(start_paused = true)]
async fn times_issuer_and_audience_count() {
    let signer = Signer::secret(Algorithm::HS256);
    let guard = hs256()
        .issuer("https://a.example")
        .issuer("https://b.example")
        .audience("board")
        .leeway(Duration::from_secs(5));
    let check = async |change: Value, expected: Result<(), TokenError>| {
        let mut claims = json!({"sub": "ann", "exp": now() + 60, "iss": "https://a.example", "aud": "board"});
        for (name, value) in change.as_object().unwrap() {
            claims[name] = value.clone();
        }
        claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        assert_eq!(guard.verify(&signer.sign(&claims)).await.map(drop), expected, "{change}");
    };
    check(json!({}), Ok(())).await;
    check(json!({"iss": "https://b.example", "aud": ["other", "board"]}), Ok(())).await;
    check(json!({"exp": now() - 3}), Ok(())).await;
    check(json!({"nbf": now() + 3}), Ok(())).await;
    check(json!({"exp": 4e18}), Ok(())).await;
    check(json!({"exp": now() - 8}), Err(TokenError::Expired)).await;
    check(json!({"exp": 0}), Err(TokenError::Expired)).await;
    check(json!({"nbf": now() + 60}), Err(TokenError::NotYetValid)).await;
    check(json!({"iss": "https://evil.example"}), Err(TokenError::Issuer)).await;
    check(json!({"aud": "other"}), Err(TokenError::Audience)).await;
    check(json!({"aud": []}), Err(TokenError::Audience)).await;
    // What is left out is not checked by the library unless it is asked for.
    check(json!({"iss": null}), Err(TokenError::Issuer)).await;
    check(json!({"aud": null}), Err(TokenError::Audience)).await;
    check(json!({"exp": null}), Err(TokenError::Claims)).await;
    check(json!({"exp": "tomorrow"}), Err(TokenError::Claims)).await;
    check(json!({"sub": 7}), Err(TokenError::Claims)).await;
    check(json!({"sub": null}), Err(TokenError::Claims)).await;
    // A token for somebody else is not for who named nobody.
    let other = signer.sign(&json!({"sub": "ann", "exp": now() + 60, "aud": "other"}));
    assert_eq!(refused(&hs256(), &other).await, TokenError::Audience);
}

#[tokio::test(start_paused = true)]
async fn a_client_reads_why_and_the_status_401() {
    let server = board(hs256()).await;
    let Err(ConnectError::Rejected { status, text }) = server.connect("/board").await else { panic!("let in") };
    assert_eq!((status, &*text), (StatusCode::UNAUTHORIZED, "a token is missing"));
    for (credentials, why) in [
        (json!("x"), "this is no token"),
        (json!({"token": 7}), "a token is missing"),
        (json!([1]), "a token is missing"),
        (json!(Signer::secret(Algorithm::HS256).sign(&json!({"sub": "ann", "exp": 7}))), "the token has expired"),
    ] {
        let Err(ConnectError::Rejected { status, text }) = server.connect("/board").auth(credentials).await else {
            panic!("let in")
        };
        assert_eq!((status, &*text), (StatusCode::UNAUTHORIZED, why));
    }
}

#[test]
fn what_is_no_key_is_told() {
    let short = Keys::hs256(b"short").unwrap_err();
    assert_eq!(short.to_string(), "the secret has 5 bytes, and its algorithm asks for 32 at least");
    assert!(matches!(Keys::hs512(&SECRET[..63]), Err(KeysError::ShortSecret { bytes: 63, least: 64 })));
    for pem in [&b""[..], b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", SECRET] {
        assert!(matches!(Keys::pem(pem), Err(KeysError::Pem)));
    }
    assert!(matches!(Keys::jwks("{"), Err(KeysError::Jwks(_))));
    assert!(matches!(Keys::jwks(r#"{"keys":7}"#), Err(KeysError::Jwks(_))));
    for none in [
        r#"{"keys":[]}"#,
        r#"{"keys":[{"kty":"dishes"}]}"#,
        r#"{"keys":[7,null,{}]}"#,
        r#"{"keys":[{"kty":"RSA","use":"enc","n":"AQAB","e":"AQAB"}]}"#,
    ] {
        assert!(matches!(Keys::jwks(none), Err(KeysError::NoKey)), "{none}");
    }
    assert_eq!(format!("{:?}", Keys::hs256(SECRET).unwrap()), "Keys(fixed)");
}
