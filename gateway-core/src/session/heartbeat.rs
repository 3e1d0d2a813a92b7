//! The times of pings and of giving up on a silent client. Pure bookkeeping; the connection owns the clock.

use std::time::Duration;

use tokio::time::Instant;

/// Interval of pings, and the time a client may stay silent after one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HeartbeatConfig {
    pub(crate) interval: Duration,
    pub(crate) timeout: Duration,
    pub(crate) ping_mode: PingMode,
}

/// Times at which a heartbeat sends pings.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum PingMode {
    /// After an interval in which the client may have been silent.
    OnSilence,
    /// An interval after each pong, even if other messages arrive: the client relies on it.
    Steadily,
    /// Every interval, without an answer: the client only reads. What was sent must be taken in time.
    OneWay,
}

/// Kind of a message that arrives while a pong is awaited.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum ReceivedKind {
    /// A pong.
    Pong,
    /// Any other message. With [`PingMode::OnSilence`] this suffices. With [`PingMode::Steadily`] it extends the timeout at
    /// most once, as in the reference server: a client that sends but never answers is considered gone.
    Other,
}

/// Progress of bytes since the last check. Bytes of an incomplete large message on a slow network also show that the
/// client is alive.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum ByteActivity {
    Still,
    Moving,
}

/// The state of a connection's heartbeat. Any incoming frame is a sign of life.
#[derive(Debug)]
pub(crate) struct Heartbeat {
    config: HeartbeatConfig,
    /// Maximum time that moving bytes extend the wait for a pong.
    transfer: Duration,
    heard: bool,
    /// Time of the unanswered ping.
    asked: Option<Instant>,
    /// Set once the timeout was extended.
    extended: bool,
    /// Checks since the client's last frame, including the check that found it.
    silent: u8,
    due: Instant,
}

/// Checks per interval with [`PingMode::OnSilence`]. The time of a frame is not recorded, so with fewer checks a client
/// could be silent for more than an interval without a ping.
const LOOKS: u8 = 2;

/// Action that is due when [`Heartbeat::due`] has passed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum HeartbeatAction {
    /// The client sent a frame meanwhile.
    Quiet,
    /// Send a ping.
    Ping,
    /// The client is gone.
    Dead,
}

impl Heartbeat {
    pub(crate) fn new(config: HeartbeatConfig, transfer: Duration, now: Instant) -> Self {
        let mut heartbeat = Self { config, transfer, heard: false, asked: None, extended: false, silent: 0, due: now };
        heartbeat.wait(now);
        heartbeat
    }

    /// Notes a received frame. Calls `look` only while a pong is awaited. Returns the round-trip time of an answer.
    #[inline]
    pub(crate) fn hear(&mut self, look: impl FnOnce() -> (ReceivedKind, Instant)) -> Option<Duration> {
        self.heard = true;
        let asked = self.asked?;
        let (sign, now) = look();
        self.hear_answer(sign, now).then(|| now - asked)
    }

    /// Returns `true` if the message answers the ping.
    fn hear_answer(&mut self, sign: ReceivedKind, now: Instant) -> bool {
        if self.is_one_way() {
            return false;
        }
        if sign == ReceivedKind::Other && self.config.ping_mode == PingMode::Steadily {
            if !std::mem::replace(&mut self.extended, true) {
                self.due = now + self.config.timeout;
            }
            return false;
        }
        self.asked = None;
        self.extended = false;
        self.heard = false;
        self.silent = 0;
        self.wait(now);
        true
    }

    /// Returns `true` if the client was pinged and has sent nothing since.
    pub(crate) fn awaits_answer(&self) -> bool {
        self.asked.is_some() && !self.is_one_way()
    }

    /// Returns `true` if pings are not answered.
    pub(crate) fn is_one_way(&self) -> bool {
        self.config.ping_mode == PingMode::OneWay
    }

    pub(crate) fn due(&self) -> Instant {
        self.due
    }

    /// Decides on the action after [`Heartbeat::due`] has passed.
    pub(crate) fn beat(&mut self, now: Instant, traffic: ByteActivity) -> HeartbeatAction {
        if self.is_one_way() {
            return self.beat_one_way(now, traffic);
        }
        if let Some(asked) = self.asked {
            let until = asked + self.transfer;
            if traffic == ByteActivity::Still || now >= until {
                return HeartbeatAction::Dead;
            }
            self.due = (now + self.config.timeout).min(until);
            return HeartbeatAction::Quiet;
        }
        let asking = now;
        // A slightly late timer does not shift the next checks; a long delay must not be blamed on the client.
        let now = if now - self.due <= self.config.timeout / 10 { self.due } else { now };
        self.silent = if std::mem::take(&mut self.heard) { 1 } else { self.silent + 1 };
        if self.config.ping_mode == PingMode::OnSilence && self.silent < LOOKS {
            self.wait(now);
            return HeartbeatAction::Quiet;
        }
        self.asked = Some(asking);
        self.due = now + self.config.timeout;
        HeartbeatAction::Ping
    }

    /// Pings, unless nothing was taken since a ping longer ago than the timeout. `asked` is the time of the last ping before
    /// which everything had been taken.
    fn beat_one_way(&mut self, now: Instant, traffic: ByteActivity) -> HeartbeatAction {
        let asked = self.asked.filter(|_| traffic == ByteActivity::Still);
        if asked.is_some_and(|asked| now - asked >= self.config.timeout) {
            return HeartbeatAction::Dead;
        }
        self.asked = Some(asked.unwrap_or(now));
        self.wait(now);
        HeartbeatAction::Ping
    }

    fn wait(&mut self, now: Instant) {
        self.due = now
            + match self.config.ping_mode {
                PingMode::OnSilence => self.config.interval / LOOKS.into(),
                PingMode::Steadily | PingMode::OneWay => self.config.interval,
            };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heartbeat(interval: u64, timeout: u64, ping_mode: PingMode) -> (Heartbeat, Instant) {
        let start = Instant::now();
        let (interval, timeout) = (Duration::from_secs(interval), Duration::from_secs(timeout));
        (Heartbeat::new(HeartbeatConfig { interval, timeout, ping_mode }, Duration::from_mins(2), start), start)
    }

    /// Advances the clock from check to check; the client sends a frame one second before the checks in `heard`.
    fn course(mut heartbeat: Heartbeat, start: Instant, heard: &[usize], looks: usize) -> Vec<(u64, HeartbeatAction)> {
        let look = |index| {
            if heard.contains(&index) {
                let second_before = heartbeat.due() - Duration::from_secs(1);
                heartbeat.hear(|| (ReceivedKind::Pong, second_before));
            }
            let due = heartbeat.due();
            ((due - start).as_secs(), heartbeat.beat(due, ByteActivity::Still))
        };
        (0..looks).map(look).collect()
    }

    #[test]
    fn silence_is_asked_about_once_and_then_ends() {
        let (heartbeat, start) = heartbeat(20, 15, PingMode::OnSilence);
        let expected = [
            (10, HeartbeatAction::Quiet),
            (20, HeartbeatAction::Quiet),
            (30, HeartbeatAction::Ping),
            // Answered at second 44.
            (54, HeartbeatAction::Quiet),
            (64, HeartbeatAction::Ping),
            (79, HeartbeatAction::Dead),
        ];
        assert_eq!(course(heartbeat, start, &[0, 1, 3], 6), expected);
    }

    /// A client that falls silent at any time is pinged after at least half an interval, and disconnected within an interval
    /// and the timeout.
    #[test]
    fn a_client_that_is_gone_is_found_within_interval_and_timeout() {
        let (interval, timeout) = (Duration::from_secs(25), Duration::from_secs(20));
        for last in 0..200 {
            let (mut heartbeat, start) = heartbeat(25, 20, PingMode::OnSilence);
            let heard = |at: u64| start + Duration::from_secs(at);
            let mut at = 0;
            let end = loop {
                while at <= last && heard(at) <= heartbeat.due() {
                    heartbeat.hear(|| (ReceivedKind::Other, heard(at)));
                    at += 1;
                }
                let due = heartbeat.due();
                match heartbeat.beat(due, ByteActivity::Still) {
                    HeartbeatAction::Quiet => {}
                    HeartbeatAction::Ping => {
                        assert!((interval / 2..=interval).contains(&(due - heard(last))), "{last}");
                    }
                    HeartbeatAction::Dead => break due,
                }
            };
            assert!(end - heard(last) <= interval + timeout, "silent since {last}, found at {:?}", end - start);
        }
    }

    #[test]
    fn a_steady_heartbeat_asks_whatever_it_hears() {
        let (heartbeat, start) = heartbeat(25, 20, PingMode::Steadily);
        let expected = [
            (25, HeartbeatAction::Ping),
            (69, HeartbeatAction::Ping),
            (113, HeartbeatAction::Ping),
            (133, HeartbeatAction::Dead),
        ];
        assert_eq!(course(heartbeat, start, &[0, 1, 2], 4), expected);
    }

    #[test]
    fn who_sends_and_does_not_answer_has_its_time_once_more() {
        let (mut heartbeat, start) = heartbeat(25, 20, PingMode::Steadily);
        let at = |seconds| start + Duration::from_secs(seconds);
        for _ in 0..2 {
            let asked = heartbeat.due();
            assert_eq!(heartbeat.beat(asked, ByteActivity::Still), HeartbeatAction::Ping);
            let mut hear = |sign, after| heartbeat.hear(|| (sign, asked + Duration::from_secs(after)));
            assert_eq!((hear(ReceivedKind::Other, 15), hear(ReceivedKind::Other, 30)), (None, None));
            assert_eq!(heartbeat.due() - asked, Duration::from_secs(35));
            let took = heartbeat.hear(|| (ReceivedKind::Pong, asked + Duration::from_secs(34)));
            assert_eq!(took, Some(Duration::from_secs(34)));
        }
        let asked = heartbeat.due();
        assert_eq!(
            (asked - start, heartbeat.beat(asked, ByteActivity::Still)),
            (Duration::from_secs(143), HeartbeatAction::Ping)
        );
        assert_eq!(heartbeat.hear(|| (ReceivedKind::Other, at(144))), None);
        assert_eq!((heartbeat.due(), heartbeat.beat(at(164), ByteActivity::Still)), (at(164), HeartbeatAction::Dead));
    }

    #[test]
    fn where_silence_is_asked_about_anything_will_do() {
        let (mut heartbeat, start) = heartbeat(20, 15, PingMode::OnSilence);
        assert_eq!(
            [start + Duration::from_secs(10), start + Duration::from_secs(20)]
                .map(|at| heartbeat.beat(at, ByteActivity::Still)),
            [HeartbeatAction::Quiet, HeartbeatAction::Ping]
        );
        let took = heartbeat.hear(|| (ReceivedKind::Other, start + Duration::from_secs(23)));
        assert_eq!((took, heartbeat.awaits_answer()), (Some(Duration::from_secs(3)), false));
    }

    #[test]
    fn who_only_reads_is_pinged_until_nothing_is_taken() {
        let (mut heartbeat, start) = heartbeat(15, 20, PingMode::OneWay);
        let mut beat = |traffic| ((heartbeat.due() - start).as_secs(), heartbeat.beat(heartbeat.due(), traffic));
        for at in [15, 30, 45, 60] {
            assert_eq!(beat(ByteActivity::Moving), (at, HeartbeatAction::Ping));
        }
        assert_eq!(beat(ByteActivity::Still), (75, HeartbeatAction::Ping));
        assert_eq!(beat(ByteActivity::Moving), (90, HeartbeatAction::Ping));
        assert_eq!(beat(ByteActivity::Still), (105, HeartbeatAction::Ping));
        assert_eq!(beat(ByteActivity::Still), (120, HeartbeatAction::Dead));
        assert!(!heartbeat.awaits_answer());
        assert_eq!(heartbeat.hear(|| (ReceivedKind::Other, start)), None);
    }

    #[test]
    fn a_steady_heartbeat_asks_once_and_waits() {
        let (heartbeat, start) = heartbeat(1, 4, PingMode::Steadily);
        let expected = [(1, HeartbeatAction::Ping), (5, HeartbeatAction::Ping), (9, HeartbeatAction::Dead)];
        assert_eq!(course(heartbeat, start, &[1], 3), expected);
    }

    #[test]
    fn a_timer_that_is_a_little_late_takes_no_time_from_the_server_nor_much_from_the_client() {
        let (mut heartbeat, start) = heartbeat(25, 20, PingMode::Steadily);
        assert_eq!(heartbeat.beat(start + Duration::from_secs(27), ByteActivity::Still), HeartbeatAction::Ping);
        assert_eq!(heartbeat.due() - start, Duration::from_secs(45));
        heartbeat.hear(|| (ReceivedKind::Pong, start + Duration::from_secs(30)));
        assert_eq!(heartbeat.beat(start + Duration::from_mins(1), ByteActivity::Still), HeartbeatAction::Ping);
        assert_eq!(heartbeat.due() - start, Duration::from_secs(80));
    }

    #[test]
    fn bytes_that_move_keep_a_silent_client_for_a_bounded_time() {
        for ping_mode in [PingMode::OnSilence, PingMode::Steadily] {
            let (mut heartbeat, start) = heartbeat(20, 15, ping_mode);
            while heartbeat.beat(heartbeat.due(), ByteActivity::Moving) != HeartbeatAction::Ping {}
            let asked = heartbeat.due() - Duration::from_secs(15);
            let mut looks = 0;
            while heartbeat.beat(heartbeat.due(), ByteActivity::Moving) == HeartbeatAction::Quiet {
                looks += 1;
            }
            assert_eq!((heartbeat.due() - asked, looks), (Duration::from_mins(2), 7), "{ping_mode:?}");
            assert!(asked > start);
        }
    }

    #[test]
    fn who_stops_in_the_middle_of_a_message_is_let_go() {
        let (mut heartbeat, _) = heartbeat(20, 15, PingMode::Steadily);
        assert_eq!(heartbeat.beat(heartbeat.due(), ByteActivity::Still), HeartbeatAction::Ping);
        assert_eq!(heartbeat.beat(heartbeat.due(), ByteActivity::Moving), HeartbeatAction::Quiet);
        assert_eq!(heartbeat.beat(heartbeat.due(), ByteActivity::Still), HeartbeatAction::Dead);
    }
}
