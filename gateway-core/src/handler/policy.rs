//! A handler's limits per socket, set by its attribute. Plain data; the scheduler enforces them.

use std::fmt;
use std::time::Duration;

/// Treatment of an event above its handler's `queue` or `rate`. A request is always answered.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum EventOverflow {
    /// The client gets an exception.
    #[default]
    Refuse,
    /// The event is dropped.
    DropNewest,
    /// The oldest queued event of the handler is dropped instead. An event above the rate is dropped itself.
    DropOldest,
}

/// The limits of a handler.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Policy {
    /// Maximum number of queued events, in addition to the limit of the whole socket.
    pub(crate) queue: Option<usize>,
    pub(crate) surplus: Option<EventOverflow>,
    /// Time limit in place of `handler_timeout`.
    pub(crate) timeout: Option<Duration>,
    pub(crate) rate: Option<Rate>,
}

impl Policy {
    pub(crate) fn surplus(&self) -> EventOverflow {
        self.surplus.unwrap_or_default()
    }

    /// Contradictions in the policy, for a socket's queue of `queued_events`.
    pub(crate) fn contradictions(&self, queued_events: usize) -> Vec<(String, &'static str)> {
        let Self { queue, surplus, timeout, rate } = *self;
        let mut found = Vec::new();
        let mut note = |what: String, help| found.push((what, help));
        match (surplus, queue, rate) {
            (Some(_), None, None) => {
                note("`overflow` has nothing to say".to_owned(), "add a `queue` or a `rate`, or take it out");
            }
            (Some(EventOverflow::DropOldest), None | Some(0), _) => {
                note(
                    "there is no oldest event to drop where none may wait".to_owned(),
                    "add a `queue`, or write `overflow = \"drop_newest\"`",
                );
            }
            _ => {}
        }
        if let Some(queue) = queue.filter(|queue| *queue > queued_events) {
            note(
                format!("a queue of {queue} is never full, as a socket's own holds {queued_events} events"),
                "raise `queued_events` in the limits, or make the queue smaller",
            );
        }
        if timeout.is_some_and(|timeout| timeout.is_zero()) {
            note("no handler ends in no time".to_owned(), "give it some, as in `timeout = \"5s\"`");
        }
        if rate.is_some_and(|rate| rate.events == 0 || rate.within.is_zero()) {
            note("at this rate no event ever arrives".to_owned(), "allow some, as in `rate = \"20/s\"`");
        }
        found
    }
}

/// A rate of events per time; an idle socket may send them at once.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Rate {
    pub(crate) events: u32,
    pub(crate) within: Duration,
}

impl fmt::Display for Rate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} in {:?}", self.events, self.within)
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(rate) = self.rate {
            write!(formatter, ", at most {rate}")?;
        }
        if let Some(queue) = self.queue {
            write!(formatter, ", at most {queue} wait")?;
        }
        match self.surplus {
            Some(EventOverflow::DropNewest) => formatter.write_str(", more are dropped")?,
            Some(EventOverflow::DropOldest) => formatter.write_str(", more drop the oldest")?,
            Some(EventOverflow::Refuse) | None => {}
        }
        match self.timeout {
            Some(timeout) => write!(formatter, ", ends within {timeout:?}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_meant_is_found() {
        let check = |policy: Policy, expected: &[&str]| {
            let found = policy.contradictions(64);
            let texts: Vec<_> = found.iter().map(|(what, _)| what.as_str()).collect();
            assert_eq!(texts, expected, "{policy:?}");
        };
        let rate = Some(Rate { events: 20, within: Duration::from_secs(1) });
        check(Policy::default(), &[]);
        check(Policy { queue: Some(64), surplus: Some(EventOverflow::DropOldest), rate, ..Policy::default() }, &[]);
        check(Policy { queue: Some(0), surplus: Some(EventOverflow::DropNewest), ..Policy::default() }, &[]);
        check(Policy { surplus: Some(EventOverflow::Refuse), ..Policy::default() }, &["`overflow` has nothing to say"]);
        let none = "there is no oldest event to drop where none may wait";
        check(Policy { surplus: Some(EventOverflow::DropOldest), rate, ..Policy::default() }, &[none]);
        check(Policy { surplus: Some(EventOverflow::DropOldest), queue: Some(0), ..Policy::default() }, &[none]);
        let large = "a queue of 65 is never full, as a socket's own holds 64 events";
        check(Policy { queue: Some(65), ..Policy::default() }, &[large]);
        let never = Some(Rate { events: 0, within: Duration::from_secs(1) });
        let nothing = Policy { timeout: Some(Duration::ZERO), rate: never, ..Policy::default() };
        check(nothing, &["no handler ends in no time", "at this rate no event ever arrives"]);
    }

    #[test]
    fn it_reads_as_a_line_of_the_banner() {
        let policy = Policy {
            queue: Some(16),
            surplus: Some(EventOverflow::DropOldest),
            timeout: Some(Duration::from_secs(5)),
            rate: Some(Rate { events: 20, within: Duration::from_secs(1) }),
        };
        assert_eq!(policy.to_string(), ", at most 20 in 1s, at most 16 wait, more drop the oldest, ends within 5s");
        assert_eq!(Policy::default().to_string(), "");
    }
}
