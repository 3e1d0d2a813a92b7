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
    /// After every interval: the client counts on it.
    Steadily,
}

/// The state of one connection's heartbeat. Any incoming frame is a sign of life.
#[derive(Debug)]
pub(crate) struct Heartbeat {
    pace: Pace,
    heard: bool,
    /// When the client was asked, until it is heard.
    asked: Option<Instant>,
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
        Self { pace, heard: false, asked: None, due: now + pace.interval }
    }

    /// A frame came. Costs no look at the clock.
    pub(crate) fn hear(&mut self) {
        self.heard = true;
    }

    pub(crate) fn due(&self) -> Instant {
        self.due
    }

    /// To be called when [`Heartbeat::due`] has passed.
    pub(crate) fn beat(&mut self, now: Instant) -> Pulse {
        let heard = std::mem::take(&mut self.heard);
        match (self.pace.asks, self.asked) {
            (Asks::OnSilence, _) if heard => {
                self.asked = None;
                self.due = now + self.pace.interval;
                Pulse::Quiet
            }
            (Asks::OnSilence, None) => self.ask(now, now + self.pace.timeout),
            (Asks::Steadily, None) => self.ask_steadily(now),
            (Asks::Steadily, Some(asked)) if heard => {
                self.asked = None;
                self.due = asked + self.pace.interval;
                if self.due <= now { self.ask_steadily(now) } else { Pulse::Quiet }
            }
            (Asks::Steadily, Some(asked)) if now < asked + self.pace.timeout => {
                self.due = asked + self.pace.timeout;
                Pulse::Quiet
            }
            (Asks::OnSilence | Asks::Steadily, Some(_)) => Pulse::Dead,
        }
    }

    /// Looks again when the answer is late or the next question is due, whichever comes first.
    fn ask_steadily(&mut self, now: Instant) -> Pulse {
        self.ask(now, now + self.pace.timeout.min(self.pace.interval))
    }

    fn ask(&mut self, now: Instant, due: Instant) -> Pulse {
        self.asked = Some(now);
        self.due = due;
        Pulse::Ping
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

    /// Lets the clock run from one look to the next; the client is heard before the looks that are named.
    fn course(mut heartbeat: Heartbeat, start: Instant, heard: &[usize], looks: usize) -> Vec<(u64, Pulse)> {
        let look = |index| {
            if heard.contains(&index) {
                heartbeat.hear();
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
        let expected = [
            (25, Pulse::Ping),
            (45, Pulse::Quiet),
            (50, Pulse::Ping),
            (70, Pulse::Quiet),
            (75, Pulse::Ping),
            (95, Pulse::Dead),
        ];
        assert_eq!(course(heartbeat, start, &[0, 1, 2, 3], 6), expected);
    }

    #[test]
    fn a_patient_steady_heartbeat_asks_while_it_waits() {
        let (heartbeat, start) = heartbeat(1, 4, Asks::Steadily);
        let expected = [(1, Pulse::Ping), (2, Pulse::Ping), (3, Pulse::Quiet), (6, Pulse::Dead)];
        assert_eq!(course(heartbeat, start, &[1], 4), expected);
    }
}
