//! The task of a client: attempts to connect, the connection, and the waits between them.

mod attempt;
mod backoff;
mod connection;
mod line_socket;
mod socket;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use http::HeaderMap;
use tokio::time::{Instant, sleep_until, timeout};

use crate::connector::Connector;
use crate::link::backoff::{Backoff, chance};
use crate::link::connection::{Connection, End};
use crate::shared::Shared;
use crate::status::{Closed, ConnectError, Status, Waiting};
use crate::wire::{Address, EXPIRED, invites_back, pause_in};

/// Code of a connection that ended without a close frame, or was not made (RFC 6455 §7.4.1).
const ABNORMAL: u16 = 1006;

/// Code for a message that is too big (RFC 6455 §7.4.1).
const TOO_BIG: u16 = 1009;

/// Longest pause that a server can ask for.
const LONGEST_PAUSE: Duration = Duration::from_secs(999_999);

pub(crate) type CredentialsFuture =
    Pin<Box<dyn Future<Output = Result<String, Box<dyn std::error::Error + Send + Sync>>> + Send>>;

/// Source of credentials, as JSON.
pub(crate) enum Credentials {
    None,
    Fixed(String),
    Function(Box<dyn Fn() -> CredentialsFuture + Send + Sync>),
}

/// Receiver of messages that cannot be read.
pub(crate) struct Malformed(Box<dyn Fn(&str) + Send + Sync>);

/// How a client connects.
pub(crate) struct Link {
    pub(crate) address: Address,
    pub(crate) headers: HeaderMap,
    pub(crate) protocols: Vec<String>,
    pub(crate) credentials: Credentials,
    pub(crate) is_auth_in_query: bool,
    pub(crate) resumes: bool,
    pub(crate) connector: Arc<dyn Connector>,
    pub(crate) malformed: Malformed,
}

/// Consequence of the end of a connection.
enum Verdict {
    Retry { pause: Duration, code: u16, reason: String, error: Option<ConnectError> },
    Close(Closed),
}

impl Link {
    /// Keeps the client connected until its end.
    pub(crate) async fn run(self, shared: Arc<Shared>) {
        let mut backoff = Backoff::new(shared.delays.base, shared.delays.cap);
        let mut was_accepted = false;
        loop {
            shared.status.send_replace(Status::Connecting);
            let end = self.connect_and_serve(&shared, &mut backoff, &mut was_accepted).await;
            shared.outbox.disconnect();
            let (pause, code, reason, error) = match self.judge(end) {
                Verdict::Close(closed) => return shared.finish(closed),
                Verdict::Retry { pause, code, reason, error } => (pause, code, reason, error),
            };
            let retry_at = Instant::now() + backoff.next(pause, chance());
            let attempt = backoff.attempt;
            shared.status.send_replace(Status::Waiting(Waiting { retry_at, attempt, code, reason, error }));
            shared.pending.disconnect();
            if !wait(&shared, retry_at).await {
                return shared.finish(Closed { code: 1000, reason: String::new(), error: None });
            }
        }
    }

    async fn connect_and_serve(&self, shared: &Arc<Shared>, backoff: &mut Backoff, was_accepted: &mut bool) -> End {
        let patience = shared.delays.connect;
        let deadline = Instant::now() + patience;
        let opened = tokio::select! {
            biased;
            () = shared.stop.notified() => return End::Stopped,
            opened = timeout(patience, self.open(shared)) => opened,
        };
        match opened {
            Ok(Ok(upgraded)) => {
                Connection::new(shared, &self.malformed, upgraded, deadline, backoff, was_accepted).await
            }
            Ok(Err(error)) => End::Lost(error),
            Err(_) => End::Lost(ConnectError::Timeout(patience)),
        }
    }

    fn judge(&self, end: End) -> Verdict {
        let has_function = matches!(self.credentials, Credentials::Function(_));
        match end {
            End::Stopped => Verdict::Close(Closed { code: 1000, reason: String::new(), error: None }),
            End::Closed { code, reason, refusal } => {
                let error = refusal.map(ConnectError::Exception);
                if invites_back(code) || (code == EXPIRED && has_function) {
                    Verdict::Retry { pause: pause_in(&reason), code, reason, error }
                } else {
                    Verdict::Close(Closed { code, reason, error })
                }
            }
            End::Lost(error) => judge_failure(error, has_function),
        }
    }
}

/// Decides if a failure is final: one that the next attempt would meet again is.
fn judge_failure(error: ConnectError, has_function: bool) -> Verdict {
    let (is_final, code, pause) = match &error {
        ConnectError::TooBig(_) => (true, TOO_BIG, None),
        ConnectError::Refused(refusal) => {
            let is_final = match refusal.status {
                401 | 403 => !has_function,
                408 | 425 | 429 => false,
                status => (400..500).contains(&status),
            };
            (is_final, ABNORMAL, refusal.retry_after)
        }
        ConnectError::Io(error) => (is_hopeless(error), ABNORMAL, None),
        ConnectError::Timeout(_)
        | ConnectError::Exception(_)
        | ConnectError::Violation(_)
        | ConnectError::Silence
        | ConnectError::Credentials(_) => (false, ABNORMAL, None),
    };
    let (reason, error) = (String::new(), Some(error));
    if is_final {
        return Verdict::Close(Closed { code, reason, error });
    }
    let pause = pause.unwrap_or_default().min(LONGEST_PAUSE);
    Verdict::Retry { pause, code, reason, error }
}

/// Returns `true` for errors of the options, not of the network.
fn is_hopeless(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::InvalidInput | std::io::ErrorKind::Unsupported)
}

/// Waits for the next attempt. Returns `false` when the client is closed.
async fn wait(shared: &Shared, retry_at: Instant) -> bool {
    // A call from before this wait does not count.
    let _ = shared.retry.notified().now_or_never();
    tokio::select! {
        biased;
        () = shared.stop.notified() => false,
        () = shared.retry.notified() => true,
        () = sleep_until(retry_at) => true,
    }
}

impl Credentials {
    async fn get(&self) -> Result<Option<String>, Box<dyn std::error::Error + Send + Sync>> {
        match self {
            Self::None => Ok(None),
            Self::Fixed(credentials) => Ok(Some(credentials.clone())),
            Self::Function(credentials) => credentials().await.map(Some),
        }
    }
}

impl Malformed {
    pub(crate) fn new(report: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self(Box::new(report))
    }

    fn report(&self, error: &str) {
        (self.0)(error);
    }
}

impl Default for Malformed {
    fn default() -> Self {
        Self::new(|error| tracing::warn!(error, "a message of the server cannot be read"))
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Link").field("host", &self.address.host).finish_non_exhaustive()
    }
}
