//! Keys that are read again: how often, when, and what happens while they are away.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gateway_core::CloseCode;
use gateway_core::http::StatusCode;
use gateway_core::testing::ConnectError;
use gateway_jwt::{Keys, TokenError};
use jsonwebtoken::Algorithm;
use tokio::time::{Instant, advance, sleep};

use crate::issuer::{SignedIn, Signer, board, claims, jwks};

/// A source of keys that counts, and may be away.
#[derive(Clone, Default)]
struct Source {
    fetches: Arc<AtomicUsize>,
    set: Arc<Mutex<Option<String>>>,
    takes: Arc<Mutex<Duration>>,
}

impl Source {
    fn publish(&self, signers: &[&Signer]) {
        *self.set.lock().unwrap() = Some(jwks(signers));
    }

    fn go_away(&self) {
        *self.set.lock().unwrap() = None;
    }

    fn keys(&self) -> Keys {
        let source = self.clone();
        Keys::fetched(move || {
            let source = source.clone();
            async move {
                source.fetches.fetch_add(1, Ordering::Relaxed);
                let takes = *source.takes.lock().unwrap();
                sleep(takes).await;
                source.set.lock().unwrap().clone().ok_or("the provider is away")
            }
        })
    }

    fn count(&self) -> usize {
        self.fetches.load(Ordering::Relaxed)
    }
}

fn signers() -> [Signer; 2] {
    ["old", "new"].map(|kid| Signer::curve(kid, Algorithm::ES256))
}

#[tokio::test(start_paused = true)]
async fn a_new_key_is_fetched_when_a_token_names_it() {
    let (source, [old, new]) = (Source::default(), signers());
    source.publish(&[&old]);
    let guard = SignedIn::new(source.keys());
    assert_eq!(source.count(), 0, "nothing is fetched before the first token");
    for _ in 0..10 {
        guard.verify(&old.sign(&claims("ann", 3600))).await.unwrap();
    }
    assert_eq!(source.count(), 1);
    source.publish(&[&old, &new]);
    advance(Duration::from_secs(30)).await;
    guard.verify(&new.sign(&claims("ann", 3600))).await.unwrap();
    guard.verify(&old.sign(&claims("ann", 3600))).await.unwrap();
    assert_eq!(source.count(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_unknown_keys_causes_one_fetch_in_a_while() {
    let (source, [old, unknown]) = (Source::default(), signers());
    source.publish(&[&old]);
    let guard = SignedIn::new(source.keys());
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_secs(299) {
        assert_eq!(guard.verify(&unknown.sign(&claims("eve", 3600))).await.unwrap_err(), TokenError::UnknownKey);
        advance(Duration::from_secs(1)).await;
    }
    assert_eq!(source.count(), 10);
    guard.verify(&old.sign(&claims("ann", 3600))).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn many_clients_at_once_cause_one_fetch() {
    let (source, [old, _]) = (Source::default(), signers());
    source.publish(&[&old]);
    *source.takes.lock().unwrap() = Duration::from_secs(2);
    let server = board(SignedIn::new(source.keys())).await;
    let token = old.sign(&claims("ann", 3600));
    let clients = (0..50).map(|_| {
        let connecting = server.connect("/board").auth(&token);
        async move { connecting.await.map(drop) }
    });
    let clients: Vec<_> = clients.collect();
    let begin = Instant::now();
    for connected in futures_of(clients).await {
        connected.unwrap();
    }
    assert_eq!((source.count(), begin.elapsed()), (1, Duration::from_secs(2)));
}

async fn futures_of<F: Future>(futures: Vec<F>) -> Vec<F::Output> {
    let mut running: Vec<_> = futures.into_iter().map(Box::pin).collect();
    let mut done: Vec<Option<F::Output>> = running.iter().map(|_| None).collect();
    std::future::poll_fn(|task| {
        for (future, done) in running.iter_mut().zip(&mut done) {
            if done.is_none()
                && let std::task::Poll::Ready(output) = future.as_mut().poll(task)
            {
                *done = Some(output);
            }
        }
        if done.iter().all(Option::is_some) { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    done.into_iter().flatten().collect()
}

#[tokio::test(start_paused = true)]
async fn old_keys_are_read_again_and_a_key_that_was_withdrawn_counts_no_more() {
    let (source, [old, new]) = (Source::default(), signers());
    source.publish(&[&old]);
    let guard = SignedIn::new(source.keys().max_age(Duration::from_mins(10)));
    let of_old = old.sign(&claims("ann", 36_000));
    guard.verify(&of_old).await.unwrap();
    source.publish(&[&new]);
    advance(Duration::from_mins(10)).await;
    guard.verify(&of_old).await.unwrap();
    advance(Duration::from_secs(1)).await;
    assert_eq!(guard.verify(&of_old).await.unwrap_err(), TokenError::UnknownKey);
    guard.verify(&new.sign(&claims("ann", 36_000))).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn while_the_keys_are_away_the_last_ones_are_used_for_a_day() {
    let (source, [old, _]) = (Source::default(), signers());
    let guard = SignedIn::new(source.keys());
    let token = old.sign(&claims("ann", 360_000));
    // They were never there.
    assert_eq!(guard.verify(&token).await.unwrap_err(), TokenError::KeysAway);
    assert_eq!(guard.verify(&token).await.unwrap_err(), TokenError::KeysAway);
    assert_eq!(source.count(), 1, "a failure is not tried again at once");
    source.publish(&[&old]);
    advance(Duration::from_secs(30)).await;
    guard.verify(&token).await.unwrap();

    source.go_away();
    advance(Duration::from_hours(24)).await;
    guard.verify(&token).await.unwrap();
    advance(Duration::from_secs(31)).await;
    assert_eq!(guard.verify(&token).await.unwrap_err(), TokenError::KeysAway);
    // A set without a key is as good as none.
    *source.set.lock().unwrap() = Some(r#"{"keys":[]}"#.to_owned());
    advance(Duration::from_secs(31)).await;
    assert_eq!(guard.verify(&token).await.unwrap_err(), TokenError::KeysAway);
    source.publish(&[&old]);
    advance(Duration::from_secs(31)).await;
    guard.verify(&token).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_client_is_told_503_while_keys_are_away_and_a_connected_one_stays() {
    let (source, [old, new]) = (Source::default(), signers());
    let server =
        board(SignedIn::new(source.keys().keep_for(Duration::from_mins(1)).max_age(Duration::from_secs(1)))).await;
    let token = old.sign(&claims("ann", 600));
    let Err(ConnectError::Rejected { status, text }) = server.connect("/board").auth(&token).await else {
        panic!("let in")
    };
    assert_eq!((status, &*text), (StatusCode::SERVICE_UNAVAILABLE, "the keys that check tokens are away"));

    source.publish(&[&old]);
    advance(Duration::from_secs(30)).await;
    let mut client = server.connect("/board").auth(&token).await.unwrap();
    source.go_away();
    sleep(Duration::from_secs(61)).await;
    assert_eq!(client.renew(new.sign(&claims("ann", 600))).await.unwrap_err().code(), Some("unavailable"));
    assert_eq!(client.emit_with_ack::<String>("whoami", ()).await.unwrap(), "ann ");
    sleep(Duration::from_mins(9)).await;
    assert_eq!(client.closed().await.unwrap().code, CloseCode::EXPIRED);
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_does_not_answer_is_given_up() {
    let (source, [old, _]) = (Source::default(), signers());
    *source.takes.lock().unwrap() = Duration::from_hours(1);
    let guard = SignedIn::new(source.keys());
    let begin = Instant::now();
    assert_eq!(guard.verify(&old.sign(&claims("ann", 60))).await.unwrap_err(), TokenError::KeysAway);
    assert_eq!(begin.elapsed(), Duration::from_secs(5));
}

#[tokio::test]
async fn a_file_may_be_replaced() {
    let ([old, new], folder) = (signers(), tempfile::tempdir().unwrap());
    let path = folder.path().join("keys.json");
    let guard = SignedIn::new(Keys::file(&path).cooldown(Duration::ZERO));
    assert_eq!(guard.verify(&old.sign(&claims("ann", 60))).await.unwrap_err(), TokenError::KeysAway);
    std::fs::write(&path, jwks(&[&old])).unwrap();
    guard.verify(&old.sign(&claims("ann", 60))).await.unwrap();
    std::fs::write(&path, jwks(&[&new])).unwrap();
    guard.verify(&new.sign(&claims("ann", 60))).await.unwrap();
    assert_eq!(guard.verify(&old.sign(&claims("ann", 60))).await.unwrap_err(), TokenError::UnknownKey);
    // What is no set, or too large to be one, changes nothing.
    std::fs::write(&path, "x".repeat(300 * 1024)).unwrap();
    assert_eq!(guard.verify(&old.sign(&claims("ann", 60))).await.unwrap_err(), TokenError::UnknownKey);
    guard.verify(&new.sign(&claims("ann", 60))).await.unwrap();
}
