//! Failures that an operator should see: errors hidden from a client, and refused clients. They are events of `tracing`,
//! at `info` or above. Without a subscriber, as in a first program, a debug build writes them to standard error: each kind
//! once, then a count.

use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::sync::{Mutex, MutexGuard};

use tracing::Dispatch;
use tracing::dispatcher::get_default;
use tracing::subscriber::NoSubscriber;

use crate::metrics::{Rejected, bounded, cut};
use crate::sync::lock;

/// Maximum number of different notices, so that no client can flood a terminal.
const MOST: usize = 32;

/// An exception sent to a client, which may hide its cause.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ExceptionNotice<'a> {
    pub(crate) code: Option<&'a str>,
    /// The cause, if hidden from the client.
    pub(crate) hidden: Option<&'a str>,
    /// The incident id sent to the client instead.
    pub(crate) id: Option<&'a str>,
}

/// Logs an exception sent to a client, with its hidden cause.
pub(crate) fn told(socket: &dyn Display, event: &str, failure: ExceptionNotice<'_>) {
    let ExceptionNotice { code, hidden, id } = failure;
    if let Some(error) = hidden {
        tracing::error!(%socket, event, code, id, error, "a handler or hook failed");
        hidden_failure(event, error, id);
    } else {
        tracing::debug!(%socket, event, code, id, "an exception was sent to the client");
    }
}

/// Logs that a public generic gateway has no concrete type in this program, which may be intended.
pub(crate) fn generic_not_served(gateway: &dyn Display) {
    tracing::debug!(%gateway, "a generic gateway is not served");
}

/// Logs a filter that can never run. `filter` is its source text and location.
pub(crate) fn unreachable_filter(filter: &dyn Display, error: &str) {
    tracing::warn!(
        %filter,
        error,
        help = "let a handler under it return `Result<_, …>` with this error, or take the filter out",
        "a filter is never called: no handler under it can fail with its error"
    );
    let filter = filter.to_string();
    write_once("filters that are never called", &filter, || {
        format!(
            "the filter {filter} is never called: no handler under it can fail with `{error}`; let one return `Result<_, {error}>`, or take the filter out"
        )
    });
}

/// Logs a failure whose text is hidden from the client.
pub(crate) fn hidden_failure(event: &str, error: &str, id: Option<&str>) {
    write_once("failures hidden from clients", event, || {
        let (event, id) = (Quoted(if event.is_empty() { "a handler" } else { event }), id.unwrap_or("none"));
        format!("{event} failed, and its client reads an internal error with the id {id}: {error}")
    });
}

/// A socket that was refused.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RefusedSocket<'a> {
    pub(crate) namespace: &'a str,
    /// The guard or the connect hook that refused.
    pub(crate) by: &'static str,
    /// Text sent to the client.
    pub(crate) text: &'a str,
}

/// Logs a socket refused by a guard or a connect hook.
pub(crate) fn refused(socket: &dyn Display, refused: RefusedSocket<'_>, failure: ExceptionNotice<'_>) {
    let RefusedSocket { namespace, by, text } = refused;
    let ExceptionNotice { code, hidden, .. } = failure;
    if hidden.is_some() {
        return told(socket, "connect", failure);
    }
    let namespace = bounded(namespace);
    tracing::info!(%socket, namespace, by, code, why = bounded(text), "a socket was refused");
    write_once("sockets refused", by, || format!("{by} refused a client at {}: {}", Quoted(namespace), Quoted(text)));
}

/// Logs a Socket.IO client's request for a namespace that is not available.
pub(crate) fn no_namespace(namespace: &str, why: &str, names: impl FnOnce() -> String) {
    let namespace = bounded(namespace);
    tracing::info!(namespace, why, "a socket was refused");
    write_once("namespaces refused", why, || {
        let names = names();
        let there_are = if names.is_empty() { names } else { format!("; there are {names}") };
        format!("a Socket.IO client asked for {}: {why}{there_are}", Quoted(namespace))
    });
}

/// Logs a broadcast that was not sent; its caller gets no error.
pub(crate) fn broadcast_unsent(namespace: &str, event: &str, why: &dyn Display) {
    let (namespace, event) = (bounded(namespace), bounded(event));
    let error = why.to_string();
    tracing::error!(namespace, event, error = cut(&error), "a broadcast was not sent");
    write_once("broadcasts not sent", event, || {
        format!("the broadcast {} in {} was not sent: {}", Quoted(event), Quoted(namespace), cut(&error))
    });
}

/// Logs a handler that was ended by its timeout.
pub(crate) fn handler_took_too_long(event: &str) {
    tracing::warn!(event, "a handler took too long");
    write_once("timeouts", event, || format!("the handler of {} took too long", Quoted(event)));
}

/// Logs a guard that was ended by its handler's timeout.
pub(crate) fn guard_took_too_long(event: &str) {
    tracing::warn!(event, "a guard took too long");
    write_once("timeouts", event, || format!("a guard of {} took too long", Quoted(event)));
}

/// A handshake that was answered with an error status.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RejectedHandshake<'a> {
    pub(crate) why: Rejected,
    pub(crate) status: u16,
    /// Text sent to the client.
    pub(crate) text: &'a str,
    pub(crate) path: &'a str,
    /// Origin of the page.
    pub(crate) origin: Option<&'a str>,
}

/// Logs a rejected handshake.
pub(crate) fn rejected(handshake: RejectedHandshake<'_>) {
    let RejectedHandshake { why, status, text, path, origin } = handshake;
    let (path, origin, text) = (bounded(path), origin.map(bounded), bounded(text));
    match why {
        Rejected::Origin | Rejected::Guard | Rejected::Application | Rejected::Malformed | Rejected::NotFound => {
            tracing::info!(status, why = text, reason = why.as_str(), path, origin, "a handshake was rejected");
        }
        // A restart or many clients at once cause thousands of these; the counters show them.
        Rejected::UnknownSession | Rejected::Limit | Rejected::Stopping => {
            tracing::debug!(status, why = text, reason = why.as_str(), path, origin, "a handshake was rejected");
        }
    }
    write_once(label(why), "", || {
        let path = Quoted(path);
        match (why, origin) {
            (Rejected::Origin, Some(origin)) => format!(
                "a page of {} may not connect to {path}: `.allow_origin(…)` on the server with that origin lets it",
                Quoted(origin)
            ),
            _ => format!("a request for {path} was answered {status}: {}", Quoted(text)),
        }
    });
}

fn label(why: Rejected) -> &'static str {
    match why {
        Rejected::Origin => "pages of other origins refused",
        Rejected::Guard => "handshakes refused by a guard",
        Rejected::Application => "handshakes refused by the application's check",
        Rejected::Malformed => "requests that were no handshake",
        Rejected::NotFound => "requests for unknown paths",
        Rejected::UnknownSession => "requests of unknown sessions",
        Rejected::Limit => "handshakes beyond a limit",
        Rejected::Stopping => "handshakes while the server stops",
    }
}

/// Returns `true` if `tracing` has no subscriber.
pub(crate) fn is_unheard() -> bool {
    get_default(Dispatch::is::<NoSubscriber>)
}

/// Set if notices are written to standard error in place of a log.
pub(crate) const WRITES_NOTICES: bool = cfg!(debug_assertions);

static WRITTEN: Mutex<BTreeMap<(&'static str, String), u64>> = Mutex::new(BTreeMap::new());

/// Writes the first notice of a kind about a subject, then the count at the tenth, the hundredth and so on.
fn write_once(kind: &'static str, subject: &str, text: impl FnOnce() -> String) {
    if !WRITES_NOTICES || !is_unheard() {
        return;
    }
    let mut written = written();
    let (is_first, is_full) = (written.is_empty(), written.len() >= MOST);
    let key = (kind, bounded(subject).to_owned());
    let key = if is_full && !written.contains_key(&key) { (kind, String::new()) } else { key };
    let count = written.entry(key).or_default();
    *count += 1;
    let count = *count;
    drop(written);
    match count {
        1 => eprintln!("gateway: {}", text()),
        count if is_power_of_ten(count) => eprintln!("gateway: {count} {kind} so far"),
        _ => {}
    }
    if is_first {
        eprintln!(
            "gateway: there is no log subscriber, so each kind of notice is written once and then counted; `tracing_subscriber::fmt::init()` shows all"
        );
    }
}

/// Writes the counts of repeated notices.
pub(crate) fn sum_up() {
    for ((kind, subject), count) in written().iter().filter(|(_, count)| **count > 1) {
        let about = if subject.is_empty() { String::new() } else { format!(", by {}", Quoted(subject)) };
        eprintln!("gateway: {count} {kind} in all{about}");
    }
}

pub(super) fn is_power_of_ten(count: u64) -> bool {
    10_u64.checked_pow(count.ilog10()) == Some(count)
}

fn written() -> MutexGuard<'static, BTreeMap<(&'static str, String), u64>> {
    lock(&WRITTEN)
}

/// Untrusted text for a terminal, without control characters.
struct Quoted<'a>(&'a str);

impl Display for Quoted<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "`")?;
        for letter in bounded(self.0).chars() {
            if letter.is_control() {
                write!(formatter, "{}", letter.escape_default())?;
            } else {
                write!(formatter, "{letter}")?;
            }
        }
        write!(formatter, "`")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_do_not_reach_a_terminal() {
        assert_eq!(Quoted("/a\u{1b}[31m\n").to_string(), r"`/a\u{1b}[31m\n`");
    }

    #[test]
    fn counts_are_told_at_powers_of_ten() {
        let told: Vec<u64> = (2..=1000).filter(|count| is_power_of_ten(*count)).collect();
        assert_eq!(told, [10, 100, 1000]);
    }
}
