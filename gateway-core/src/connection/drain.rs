//! Draining: a stopping server closes its clients in batches, so that they do not all reconnect at once.

use std::time::Duration;

use crate::options::options;
use crate::protocol::{CloseCode, Disconnect};

options! {
    /// Options of a graceful stop, set by [`Server::drain`](crate::Server::drain).
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use gateway_core::serve::Drain;
    /// use gateway_core::CloseCode;
    ///
    /// let drain = Drain::new().delay(Duration::from_secs(5)).close_code(CloseCode::SERVICE_RESTART);
    /// ```
    pub struct Drain {
        /// Time the server continues normally after reporting that it is not ready, so that load balancers stop sending
        /// clients. Default 0.
        delay: Duration = Duration::ZERO,
        /// Maximum time over which sockets are closed, in equal batches every 100 ms. A batch is as small as this time allows,
        /// but at least 100 sockets. Default 10 s.
        window: Duration = Duration::from_secs(10),
        /// Close code for clients of the plain protocol: 1001, or [`CloseCode::SERVICE_RESTART`]. Default 1001.
        close_code: CloseCode = CloseCode::GOING_AWAY,
        /// Time over which clients of the plain protocol are asked to reconnect, each after a random delay: the close reason
        /// ends in `retry after 1234 ms`. Default 0: no delay is sent.
        retry_within: Duration = Duration::ZERO,
    }
}

/// Pause between two batches.
pub(crate) const PAUSE: Duration = Duration::from_millis(100);

/// Minimum number of sockets of a batch.
const SLICE: usize = 100;

impl Drain {
    /// Number of sockets of a batch.
    pub(crate) fn slice(&self, sockets: usize) -> usize {
        let slices = usize::try_from(self.window.as_millis() / PAUSE.as_millis()).unwrap_or(usize::MAX);
        sockets.div_ceil(slices.max(1)).max(SLICE)
    }

    /// Close code and reason for one client.
    pub(crate) fn disconnect(&self) -> Disconnect {
        let why = if self.close_code == CloseCode::SERVICE_RESTART { "service restart" } else { "going away" };
        if self.retry_within.is_zero() {
            return Disconnect::new(self.close_code, why);
        }
        let retry = moment_within(self.retry_within).as_millis();
        Disconnect::new(self.close_code, format!("{why}, retry after {retry} ms"))
    }
}

/// Returns a random part of `time`. If the system's random source fails, it is zero, which does no harm.
pub(crate) fn moment_within(time: Duration) -> Duration {
    let mut bytes = [0; 4];
    let _ = getrandom::fill(&mut bytes);
    time.mul_f64(f64::from(u32::from_ne_bytes(bytes)) / (f64::from(u32::MAX) + 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_are_small_and_fit_into_the_window() {
        let drain = |seconds| Drain { window: Duration::from_secs(seconds), ..Drain::default() };
        assert_eq!(drain(10).slice(0), 100);
        assert_eq!(drain(10).slice(100), 100);
        assert_eq!(drain(10).slice(15_000), 150);
        assert_eq!(drain(0).slice(15_000), 15_000);
    }

    #[test]
    fn a_client_is_asked_to_come_back_within_the_time() {
        assert_eq!(Drain::default().disconnect(), Disconnect::new(CloseCode::GOING_AWAY, "going away"));
        let within = Duration::from_millis(20);
        let drain = Drain { close_code: CloseCode::SERVICE_RESTART, retry_within: within, ..Drain::default() };
        for _ in 0..100 {
            let Disconnect { code, reason } = drain.disconnect();
            assert_eq!(code, CloseCode::SERVICE_RESTART);
            let retry = reason.strip_prefix("service restart, retry after ").and_then(|rest| rest.strip_suffix(" ms"));
            assert!(retry.unwrap().parse::<u64>().unwrap() < 20, "{reason}");
        }
    }
}
