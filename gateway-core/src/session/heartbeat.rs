//! When to ask whether the client is still there, and when to give up. Pure bookkeeping; the connection owns the clock.

use std::time::Duration;

use tokio::time::Instant;

/// How often a client is asked whether it is still there, and how long it may stay silent then.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    pub(crate) interval: Duration,
    pub(crate) timeout: Duration,
    pub(crate) asks: Asks,
}

/// When a heartbeat asks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Asks {
    /// When nothing was heard for an interval.
    OnSilence,
    /// An interval after each answer, whatever else is heard: the client counts on it.
    Steadily,
}

/// The state of one connection's heartbeat. Any incoming frame is a sign of life.
#[derive(Debug)]
pub(crate) struct Heartbeat {
    pace: Pace,
    heard: bool,
    /// An answer is awaited.
    asked: bool,
    due: Instant,
}

/// What the passing of [`Heartbeat::due`] asks for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Pulse {
    /// The client spoke meanwhile.
    Quiet,
    /// Send a ping.
    Ping,
    /// The client is gone.
    Dead,
}

impl Heartbeat {
    pub(crate) fn new(pace: Pace, now: Instant) -> Self {
        Self { pace, heard: false, asked: false, due: now + pace.interval }
    }

    /// A frame came. Costs a look at the clock only where it is the answer to a ping whose next is to follow steadily.
    pub(crate) fn hear(&mut self, now: impl FnOnce() -> Instant) {
        self.heard = true;
        if self.pace.asks == Asks::Steadily && std::mem::take(&mut self.asked) {
            self.due = now() + self.pace.interval;
        }
    }

    /// Whether the client was asked and not heard since.
    pub(crate) fn awaits_answer(&self) -> bool {
        self.asked && !self.heard
    }

    pub(crate) fn due(&self) -> Instant {
        self.due
    }

    /// To be called when [`Heartbeat::due`] has passed.
    pub(crate) fn beat(&mut self, now: Instant) -> Pulse {
        // A timer that is a little late does not shift what follows; a long delay is none of the client's fault.
        let now = if now - self.due <= self.pace.timeout / 10 { self.due } else { now };
        let heard = std::mem::take(&mut self.heard);
        match (self.pace.asks, self.asked) {
            (Asks::OnSilence, _) if heard => {
                self.asked = false;
                self.due = now + self.pace.interval;
                Pulse::Quiet
            }
            (Asks::OnSilence | Asks::Steadily, false) => {
                self.asked = true;
                self.due = now + self.pace.timeout;
                Pulse::Ping
            }
            (Asks::OnSilence | Asks::Steadily, true) => Pulse::Dead,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heartbeat(interval: u64, timeout: u64, asks: Asks) -> (Heartbeat, Instant) {
        let start = Instant::now();
        let pace = Pace { interval: Duration::from_secs(interval), timeout: Duration::from_secs(timeout), asks };
        (Heartbeat::new(pace, start), start)
    }

    /// Lets the clock run from one look to the next; the client is heard a second before the looks that are named.
    fn course(mut heartbeat: Heartbeat, start: Instant, heard: &[usize], looks: usize) -> Vec<(u64, Pulse)> {
        let look = |index| {
            if heard.contains(&index) {
                let second_before = heartbeat.due() - Duration::from_secs(1);
                heartbeat.hear(|| second_before);
            }
            let due = heartbeat.due();
            ((due - start).as_secs(), heartbeat.beat(due))
        };
        (0..looks).map(look).collect()
    }

    #[test]
    fn silence_is_asked_about_once_and_then_ends() {
        let (heartbeat, start) = heartbeat(25, 20, Asks::OnSilence);
        let expected =
            [(25, Pulse::Quiet), (50, Pulse::Ping), (70, Pulse::Quiet), (95, Pulse::Ping), (115, Pulse::Dead)];
        assert_eq!(course(heartbeat, start, &[0, 2], 5), expected);
    }

    #[test]
    fn a_steady_heartbeat_asks_whatever_it_hears() {
        let (heartbeat, start) = heartbeat(25, 20, Asks::Steadily);
        let expected = [(25, Pulse::Ping), (69, Pulse::Ping), (113, Pulse::Ping), (133, Pulse::Dead)];
        assert_eq!(course(heartbeat, start, &[0, 1, 2], 4), expected);
    }

    #[test]
    fn a_steady_heartbeat_asks_once_and_waits() {
        let (heartbeat, start) = heartbeat(1, 4, Asks::Steadily);
        let expected = [(1, Pulse::Ping), (5, Pulse::Ping), (9, Pulse::Dead)];
        assert_eq!(course(heartbeat, start, &[1], 3), expected);
    }

    #[test]
    fn a_timer_that_is_a_little_late_takes_no_time_from_the_server_nor_much_from_the_client() {
        let (mut heartbeat, start) = heartbeat(25, 20, Asks::Steadily);
        assert_eq!(heartbeat.beat(start + Duration::from_secs(27)), Pulse::Ping);
        assert_eq!(heartbeat.due() - start, Duration::from_secs(45));
        heartbeat.hear(|| start + Duration::from_secs(30));
        assert_eq!(heartbeat.beat(start + Duration::from_mins(1)), Pulse::Ping);
        assert_eq!(heartbeat.due() - start, Duration::from_secs(80));
    }
}
