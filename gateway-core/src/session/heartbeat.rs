//! When to ask whether the client is still there, and when to give up. Pure bookkeeping; the connection owns the clock.

use std::time::Duration;

use tokio::time::Instant;

/// The state of one connection's heartbeat. Any incoming frame is a sign of life.
#[derive(Debug)]
pub(crate) struct Heartbeat {
    interval: Duration,
    timeout: Duration,
    heard: bool,
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
    pub(crate) fn new(interval: Duration, timeout: Duration, now: Instant) -> Self {
        Self { interval, timeout, heard: false, asked: false, due: now + interval }
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
        if heard {
            self.asked = false;
            self.due = now + self.interval;
            return Pulse::Quiet;
        }
        if self.asked {
            return Pulse::Dead;
        }
        self.asked = true;
        self.due = now + self.timeout;
        Pulse::Ping
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_asked_about_once_and_then_ends() {
        let (interval, timeout) = (Duration::from_secs(25), Duration::from_secs(20));
        let start = Instant::now();
        let mut heartbeat = Heartbeat::new(interval, timeout, start);
        heartbeat.hear();
        assert_eq!(heartbeat.beat(start + interval), Pulse::Quiet);
        assert_eq!(heartbeat.beat(start + interval * 2), Pulse::Ping);
        assert_eq!(heartbeat.due(), start + interval * 2 + timeout);
        heartbeat.hear();
        assert_eq!(heartbeat.beat(heartbeat.due()), Pulse::Quiet);
        assert_eq!(heartbeat.beat(heartbeat.due()), Pulse::Ping);
        assert_eq!(heartbeat.beat(heartbeat.due()), Pulse::Dead);
    }
}
