//! The name, the password and the session ids that let a page in. Passwords are compared one at a time, and few of one network.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use data_encoding::HEXLOWER;
use serde::Deserialize;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::Instant;

use crate::error::Exception;
use crate::random::random;
use crate::server::admin::Admin;
use crate::sync::lock;
use crate::transport::{Handshake, network};

/// Passwords of one network in a [`WINDOW`]: enough for typing errors, and too few for guesses.
const TRIES: u32 = 5;
const WINDOW: Duration = Duration::from_mins(1);

/// Networks whose tries are remembered. Beyond them a new network is refused until an old one is forgotten.
const NETWORKS: usize = 4096;

/// Passwords that wait for the one that is compared, which takes about a tenth of a second of a processor.
const WAITING: usize = 8;

/// Pages that may come back without a password; the oldest is forgotten first.
const SESSIONS: usize = 64;

/// Time a page may come back without a password.
const SESSION_LIFETIME: Duration = Duration::from_hours(24);

/// Everything that decides who may open the page.
#[derive(Debug)]
pub(super) struct AdminAccess {
    username: String,
    password_hash: Arc<str>,
    /// Held while a password is compared.
    comparing: Arc<Semaphore>,
    /// Held by those that wait for it too.
    waiting: Semaphore,
    tries: Mutex<HashMap<Option<IpAddr>, Tries>>,
    sessions: Mutex<VecDeque<(String, Instant)>>,
}

/// Passwords that a network has tried.
#[derive(Clone, Copy, Debug)]
struct Tries {
    count: u32,
    since: Instant,
}

/// Credentials that the page sends: a session id, or a name and a password.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct AdminCredentials {
    session_id: Option<String>,
    username: Option<String>,
    password: Option<String>,
}

impl AdminAccess {
    pub(super) fn new(Admin { username, password_hash, .. }: &Admin) -> Self {
        Self {
            username: username.clone(),
            password_hash: password_hash.as_str().into(),
            comparing: Arc::new(Semaphore::new(1)),
            waiting: Semaphore::new(WAITING),
            tries: Mutex::default(),
            sessions: Mutex::default(),
        }
    }

    /// Checks the credentials of a page. Returns the id of a new session if it has proved to know the password.
    pub(super) async fn check(&self, handshake: &Handshake) -> Result<Option<String>, Exception> {
        let credentials: AdminCredentials = handshake.auth().unwrap_or_default();
        if credentials.session_id.is_some_and(|id| self.has_session(&id)) {
            return Ok(None);
        }
        let (Some(username), Some(password)) = (credentials.username, credentials.password) else {
            return Err(invalid());
        };
        let network = handshake.address().map(network);
        if !self.may_try(network) {
            return Err(too_many_tries());
        }
        if self.has_password(&username, password).await? {
            lock(&self.tries).remove(&network);
            return Ok(Some(self.begin_session()));
        }
        Err(invalid())
    }

    /// Counts a try before its result is known, so that many at once are no way around the limit.
    fn may_try(&self, network: Option<IpAddr>) -> bool {
        let now = Instant::now();
        let mut tries = lock(&self.tries);
        if tries.len() >= NETWORKS {
            tries.retain(|_, tries| now.duration_since(tries.since) < WINDOW);
        }
        if tries.len() >= NETWORKS && !tries.contains_key(&network) {
            return false;
        }
        let tries = tries.entry(network).or_insert(Tries { count: 0, since: now });
        if now.duration_since(tries.since) >= WINDOW {
            *tries = Tries { count: 0, since: now };
        }
        tries.count += 1;
        tries.count <= TRIES
    }

    async fn has_password(&self, username: &str, password: String) -> Result<bool, Exception> {
        let Ok(_waiting) = self.waiting.try_acquire() else { return Err(too_many_tries()) };
        let Ok(comparing) = Arc::clone(&self.comparing).acquire_owned().await else { return Ok(false) };
        let hash = Arc::clone(&self.password_hash);
        let compare = move || {
            // Released when it is done, also if nobody waits for it any more.
            let _comparing = comparing;
            bcrypt::verify(password, &hash).unwrap_or(false)
        };
        // A wrong name takes as long as a wrong password.
        let is_right = spawn_blocking(compare).await.unwrap_or(false);
        Ok(is_right & is_equal(username, &self.username))
    }

    fn has_session(&self, id: &str) -> bool {
        let mut sessions = lock(&self.sessions);
        sessions.retain(|(_, begun)| begun.elapsed() < SESSION_LIFETIME);
        sessions.iter().fold(false, |found, (known, _)| found | is_equal(known, id))
    }

    fn begin_session(&self) -> String {
        let id = HEXLOWER.encode(&random::<16>());
        let mut sessions = lock(&self.sessions);
        if sessions.len() >= SESSIONS {
            sessions.pop_front();
        }
        sessions.push_back((id.clone(), Instant::now()));
        id
    }
}

/// The page shows its form again on this very text.
fn invalid() -> Exception {
    Exception::framework("invalid_credentials", "invalid credentials")
}

fn too_many_tries() -> Exception {
    Exception::framework("too_many_tries", "too many passwords were tried, wait a minute")
}

/// Compares in a time that depends on the lengths only.
fn is_equal(one: &str, other: &str) -> bool {
    let differences = one.bytes().zip(other.bytes()).fold(0, |found, (one, other)| found | (one ^ other));
    one.len() == other.len() && std::hint::black_box(differences) == 0
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;
    use serde_json::json;
    use serde_json::value::to_raw_value;

    use super::*;

    /// The hash of `secret` with the least cost.
    fn access() -> AdminAccess {
        AdminAccess::new(&Admin::new("operator", bcrypt::hash("secret", 4).unwrap()))
    }

    async fn try_from(access: &AdminAccess, address: &str, auth: serde_json::Value) -> Result<Option<String>, String> {
        let handshake = Handshake::new("/admin".into(), "", &HeaderMap::new(), None)
            .with_address(address.parse().ok())
            .with_auth(to_raw_value(&auth).unwrap());
        access.check(&handshake).await.map_err(|refusal| refusal.code().unwrap().to_owned())
    }

    #[tokio::test(start_paused = true)]
    async fn the_name_and_the_password_let_in_and_so_does_the_session_they_begin() {
        let (access, from) = (access(), "10.0.0.1");
        let id = try_from(&access, from, json!({"username": "operator", "password": "secret"})).await.unwrap().unwrap();
        assert_eq!(try_from(&access, from, json!({"sessionId": id})).await, Ok(None));
        for wrong in [
            json!({"sessionId": "00"}),
            json!({"sessionId": ""}),
            json!({"username": "operator", "password": "Secret"}),
            json!({"username": "operato", "password": "secret"}),
            json!({"username": "operator"}),
            json!([]),
            json!({"sessionId": 1}),
        ] {
            assert_eq!(try_from(&access, from, wrong.clone()).await, Err("invalid_credentials".into()), "{wrong}");
        }
        tokio::time::advance(SESSION_LIFETIME).await;
        assert_eq!(try_from(&access, from, json!({"sessionId": id})).await, Err("invalid_credentials".into()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_network_tries_a_few_passwords_in_a_minute() {
        let access = access();
        let (wrong, right) =
            (json!({"username": "operator", "password": "?"}), json!({"username": "operator", "password": "secret"}));
        for _ in 0..TRIES {
            assert_eq!(try_from(&access, "2001:db8::1", wrong.clone()).await, Err("invalid_credentials".into()));
        }
        assert_eq!(try_from(&access, "2001:db8::2", right.clone()).await, Err("too_many_tries".into()));
        assert!(try_from(&access, "2001:db8:0:1::1", right.clone()).await.is_ok());
        tokio::time::advance(WINDOW).await;
        assert!(try_from(&access, "2001:db8::2", right).await.is_ok());
        // The right one gives the tries back.
        for _ in 0..TRIES {
            assert_eq!(try_from(&access, "2001:db8::2", wrong.clone()).await, Err("invalid_credentials".into()));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn few_passwords_wait_to_be_compared() {
        let access = access();
        let addresses: Vec<_> = (0..100).map(|number| format!("10.0.0.{number}")).collect();
        let wrong = json!({"username": "operator", "password": "?"});
        let tries = addresses.iter().map(|address| try_from(&access, address, wrong.clone()));
        let held = Arc::clone(&access.comparing).acquire_owned().await.unwrap();
        let release = async {
            // A paused clock advances once every try is refused or waits.
            tokio::time::sleep(Duration::from_millis(1)).await;
            drop(held);
        };
        let (answers, ()) = futures_util::future::join(futures_util::future::join_all(tries), release).await;
        let refused = answers.iter().filter(|answer| **answer == Err("too_many_tries".into())).count();
        assert_eq!(refused, 100 - WAITING);
    }

    #[test]
    fn ids_of_many_sessions_are_not_kept() {
        let access = access();
        let first = access.begin_session();
        assert!(access.has_session(&first));
        for _ in 0..SESSIONS {
            access.begin_session();
        }
        assert!(!access.has_session(&first));
        assert_eq!(lock(&access.sessions).len(), SESSIONS);
    }
}
