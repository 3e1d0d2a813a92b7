//! Keys that are read again: when they are old, and when a token names one that they lack, with a bound on how often.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Mutex as AsyncMutex;
use tokio::time::{Instant, timeout};

use crate::fetch::FetchError;
use crate::keys::key_set::{KeySet, VerifyingKey};
use crate::token::{Header, TokenError};

/// Time of one fetch. A client that connects waits for it.
const FETCH_TIMEOUT: Duration = Duration::from_secs(5);

/// Bytes of a set that are read. Sets of providers have a few KiB.
pub(crate) const MOST_BYTES: usize = 256 * 1024;

type Fetching = Pin<Box<dyn Future<Output = Result<String, FetchError>> + Send>>;

/// A source of a set's text.
#[derive(Clone)]
pub(super) struct Fetch(Arc<dyn Fn() -> Fetching + Send + Sync>);

impl Fetch {
    pub(super) fn new<A>(fetch: impl Fn() -> A + Send + Sync + 'static) -> Self
    where
        A: Future<Output = Result<String, FetchError>> + Send + 'static,
    {
        Self(Arc::new(move || Box::pin(fetch())))
    }
}

/// Times of keys that are read again.
#[derive(Clone, Copy, Debug)]
pub(super) struct RotationTimes {
    pub(super) max_age: Duration,
    pub(super) cooldown: Duration,
    pub(super) keep_for: Duration,
}

/// Keys of a source. Clones share them.
#[derive(Clone)]
pub(super) struct Rotation {
    fetch: Fetch,
    with_secrets: bool,
    pub(super) times: RotationTimes,
    shared: Arc<SharedKeys>,
}

#[derive(Default)]
struct SharedKeys {
    state: Mutex<KeyState>,
    /// Held by the one that fetches.
    fetching: AsyncMutex<()>,
}

#[derive(Default)]
struct KeyState {
    keys: Option<Arc<KeySet>>,
    /// When the keys were read.
    read_at: Option<Instant>,
    /// When the last fetch began.
    tried_at: Option<Instant>,
}

impl Rotation {
    pub(super) fn new(fetch: Fetch, with_secrets: bool) -> Self {
        let times = RotationTimes {
            max_age: Duration::from_hours(1),
            cooldown: Duration::from_secs(30),
            keep_for: Duration::from_hours(24),
        };
        Self { fetch, with_secrets, times, shared: Arc::default() }
    }

    /// The keys that may have signed a token with this header.
    pub(super) async fn find(&self, header: &Header) -> Result<Vec<VerifyingKey>, TokenError> {
        let found = self.look_up(header);
        if found.is_ok() {
            // Whoever finds old keys first reads them again; the others go on with the ones at hand.
            let fetching = if self.is_old() { self.shared.fetching.try_lock().ok() } else { None };
            return match fetching {
                Some(_fetching) if self.may_fetch() => {
                    self.read_again().await;
                    self.look_up(header)
                }
                Some(_) | None => found,
            };
        }
        let _fetching = self.shared.fetching.lock().await;
        // Another token may have had them fetched meanwhile.
        match self.look_up(header) {
            Err(_) if self.may_fetch() => {
                self.read_again().await;
                self.look_up(header)
            }
            found => found,
        }
    }

    /// Finds keys among the ones at hand.
    fn look_up(&self, header: &Header) -> Result<Vec<VerifyingKey>, TokenError> {
        let keys = {
            let state = self.lock();
            let is_kept = state.read_at.is_some_and(|at| at.elapsed() <= self.times.keep_for);
            state.keys.clone().filter(|_| is_kept)
        };
        keys.ok_or(TokenError::KeysAway)?.find(header)
    }

    fn is_old(&self) -> bool {
        self.lock().read_at.is_none_or(|at| at.elapsed() > self.times.max_age)
    }

    fn may_fetch(&self) -> bool {
        self.lock().tried_at.is_none_or(|at| at.elapsed() >= self.times.cooldown)
    }

    async fn read_again(&self) {
        self.lock().tried_at = Some(Instant::now());
        let read = match timeout(FETCH_TIMEOUT, (self.fetch.0)()).await {
            Ok(fetched) => fetched.and_then(|json| self.read(&json)),
            Err(_) => Err(FetchError::TimedOut),
        };
        match read {
            Ok(keys) => {
                let mut state = self.lock();
                state.keys = Some(Arc::new(keys));
                state.read_at = Some(Instant::now());
            }
            Err(error) => tracing::warn!(%error, "the keys that check tokens could not be fetched"),
        }
    }

    fn read(&self, json: &str) -> Result<KeySet, FetchError> {
        if json.len() > MOST_BYTES {
            return Err(FetchError::TooLarge);
        }
        KeySet::from_jwks(json, self.with_secrets).map_err(|error| FetchError::Unusable(error.to_string()))
    }

    // No user code runs under this lock, so a poisoned lock still guards whole data.
    fn lock(&self) -> MutexGuard<'_, KeyState> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Rotation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Rotation").field("times", &self.times).finish_non_exhaustive()
    }
}
