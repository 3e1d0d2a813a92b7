//! Sockets with a token: their claims, their user, their end, and a newer token on the same connection.

use std::time::Duration;

use gateway_core::CloseCode;
use gateway_core::http::StatusCode;
use gateway_core::testing::ConnectError;
use gateway_jwt::Keys;
use jsonwebtoken::Algorithm;
use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::issuer::{SECRET, SignedIn, Signer, board, claims, hs256, jwks, now};

async fn accepts(keys: Keys, token: String, what: &str) {
    let server = board(SignedIn::new(keys)).await;
    let mut client = server.connect("/board").auth(token).await.unwrap_or_else(|error| panic!("{what}: {error}"));
    assert_eq!(client.emit_with_ack::<String>("whoami", ()).await.unwrap(), "ann ", "{what}");
}

#[tokio::test(start_paused = true)]
async fn every_algorithm_is_checked_by_its_key() {
    type FromSecret = fn(&[u8]) -> Result<Keys, gateway_jwt::KeysError>;
    let secrets: [(Algorithm, FromSecret); 3] =
        [(Algorithm::HS256, Keys::hs256), (Algorithm::HS384, Keys::hs384), (Algorithm::HS512, Keys::hs512)];
    for (algorithm, keys) in secrets {
        accepts(keys(SECRET).unwrap(), Signer::secret(algorithm).sign(&claims("ann", 60)), &format!("{algorithm:?}"))
            .await;
    }
    let public = [
        Signer::rsa("a", Algorithm::RS256),
        Signer::rsa("a", Algorithm::RS384),
        Signer::rsa("a", Algorithm::RS512),
        Signer::rsa("a", Algorithm::PS256),
        Signer::rsa("a", Algorithm::PS384),
        Signer::rsa("a", Algorithm::PS512),
        Signer::curve("a", Algorithm::ES256),
        Signer::curve("a", Algorithm::ES384),
        Signer::curve("a", Algorithm::EdDSA),
    ];
    for signer in public {
        let (token, what) = (signer.sign(&claims("ann", 60)), format!("{:?}", signer.algorithm));
        accepts(Keys::pem(signer.public_pem()).unwrap(), token.clone(), &what).await;
        accepts(Keys::jwks(&jwks(&[&Signer::curve("b", Algorithm::ES256), &signer])).unwrap(), token, &what).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_comes_as_a_text_in_an_object_in_a_header_or_in_a_cookie() {
    let server = board(hs256().cookie("session")).await;
    let token = Signer::secret(Algorithm::HS256).sign(&json!({"sub": "ann", "exp": now() + 60, "roles": ["editor"]}));
    for connecting in [
        server.connect("/board").auth(&token),
        server.connect("/board").auth(json!({"token": token})),
        server.connect("/board").auth(json!({"token": token})).socket_io(),
        server.connect("/board").header("authorization", &format!("Bearer {token}")),
        server.connect("/board").header("cookie", &format!("a=1; session={token}")),
    ] {
        let mut client = connecting.await.unwrap();
        assert_eq!(client.emit_with_ack::<String>("whoami", ()).await.unwrap(), "ann editor");
    }
    // A cookie that was not named is none of the guard's.
    let server = board(hs256()).await;
    let connecting = server.connect("/board").header("cookie", &format!("session={token}")).await;
    assert!(matches!(connecting, Err(ConnectError::Rejected { status: StatusCode::UNAUTHORIZED, .. })));
}

#[tokio::test(start_paused = true)]
async fn the_socket_ends_with_its_token_and_goes_on_with_a_newer_one() {
    let server = board(hs256().leeway(Duration::ZERO)).await;
    let signer = Signer::secret(Algorithm::HS256);
    let mut client = server.connect("/board").auth(signer.sign(&claims("ann", 100))).await.unwrap();
    let begin = Instant::now();
    client.renew(signer.sign(&claims("ann", 300))).await.unwrap();
    client.renew(json!({"token": signer.sign(&claims("bob", 200))})).await.unwrap();
    assert_eq!(client.emit_with_ack::<String>("whoami", ()).await.unwrap(), "bob ");
    assert_eq!(server.of("/board").user("ann").count(), 0);
    sleep(Duration::from_secs(150)).await;
    assert_eq!(client.closed().await.unwrap().code, CloseCode::EXPIRED);
    // Tokens are on the system's clock, which goes on while this one is paused.
    let lived = begin.elapsed().as_secs();
    assert!((190..=200).contains(&lived), "{lived} s");
}

#[tokio::test(start_paused = true)]
async fn a_newer_token_that_is_refused_ends_the_socket() {
    let server = board(hs256()).await;
    let signer = Signer::secret(Algorithm::HS256);
    let mut client = server.connect("/board").auth(signer.sign(&claims("ann", 100))).await.unwrap();
    let expired = json!({"sub": "ann", "exp": now() - 31});
    let failure = client.renew(signer.sign(&expired)).await.unwrap_err();
    assert_eq!((failure.code(), failure.message()), (Some("unauthorized"), "the token has expired"));
    assert_eq!(client.closed().await.unwrap().code, CloseCode::REFUSED);
}
