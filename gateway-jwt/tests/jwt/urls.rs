//! Keys over HTTP, from a server that may misbehave.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use gateway_jwt::{Keys, TokenError};
use jsonwebtoken::Algorithm;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::issuer::{SignedIn, Signer, claims, jwks};

/// Answers each request with these bytes, and then ends the connection. Returns the URL and the requests' number.
async fn provider(answer: String) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/keys?v=1", listener.local_addr().unwrap());
    let requests = Arc::<AtomicUsize>::default();
    let counted = Arc::clone(&requests);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                stream.read_buf(&mut request).await.unwrap();
            }
            assert!(request.starts_with(b"GET /keys?v=1 HTTP/1.1\r\n"), "{}", request.escape_ascii());
            counted.fetch_add(1, Ordering::Relaxed);
            // A client may have read enough.
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    (url, requests)
}

fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

#[tokio::test]
async fn keys_are_fetched_once() {
    let signer = Signer::curve("a", Algorithm::ES256);
    let chunked = {
        let body = jwks(&[&signer]);
        format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n", body.len())
    };
    let until_the_end = format!("HTTP/1.0 200 OK\r\n\r\n{}", jwks(&[&signer]));
    for answer in [ok(&jwks(&[&signer])), chunked, until_the_end] {
        let (url, requests) = provider(answer.clone()).await;
        let guard = SignedIn::new(Keys::url(&url).unwrap());
        for _ in 0..3 {
            assert_eq!(
                guard.verify(&signer.sign(&claims("ann", 60))).await.map(|claims| claims.sub),
                Ok("ann".to_owned()),
                "{answer}"
            );
        }
        assert_eq!(requests.load(Ordering::Relaxed), 1);
    }
}

#[tokio::test]
async fn whatever_else_the_provider_answers_the_keys_are_away() {
    let signer = Signer::curve("a", Algorithm::ES256);
    let set = jwks(&[&signer]);
    for answer in [
        String::new(),
        "x".repeat(1000),
        "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n".to_owned(),
        "HTTP/1.1 302 Found\r\nlocation: /\r\ncontent-length: 0\r\n\r\n".to_owned(),
        format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{set}", set.len() + 1),
        ok("<html>"),
        ok(&format!("{}{set}", " ".repeat(256 * 1024))),
    ] {
        let (url, requests) = provider(answer.clone()).await;
        let guard = SignedIn::new(Keys::url(&url).unwrap());
        let refused = guard.verify(&signer.sign(&claims("ann", 60))).await.map(drop);
        assert_eq!(refused, Err(TokenError::KeysAway), "{}", &answer[..answer.len().min(200)]);
        assert_eq!(requests.load(Ordering::Relaxed), 1);
    }
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let guard = SignedIn::new(Keys::url(&format!("http://{gone}/keys")).unwrap());
    assert_eq!(guard.verify(&signer.sign(&claims("ann", 60))).await.map(drop), Err(TokenError::KeysAway));
}

#[tokio::test]
async fn a_secret_in_fetched_keys_is_none() {
    let (secret, signer) = (Signer::secret(Algorithm::HS256), Signer::curve("a", Algorithm::ES256));
    let (url, _) = provider(ok(&jwks(&[&secret, &signer]))).await;
    let guard = SignedIn::new(Keys::url(&url).unwrap());
    assert_eq!(guard.verify(&secret.sign(&claims("eve", 60))).await.map(drop), Err(TokenError::UnknownKey));
    assert!(guard.verify(&signer.sign(&claims("ann", 60))).await.is_ok());
    // In a set of the application's own it is one.
    let guard = SignedIn::new(Keys::jwks(&jwks(&[&secret])).unwrap());
    assert!(guard.verify(&secret.sign(&claims("ann", 60))).await.is_ok());
}
