//! How long is measured, and what came of it.

use std::time::{Duration, Instant};

use crate::process::Process;

use super::Wrong;

/// A warm-up, then the time that counts.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// Not counted.
    pub warm_up: Duration,
    /// Counted.
    pub measured: Duration,
}

/// What a server used for what it did.
#[derive(Clone, Copy, Debug)]
pub struct Measured {
    /// Answers or deliveries.
    pub messages: u64,
    /// Wall-clock time.
    pub elapsed: Duration,
    /// User plus system time of the server.
    pub cpu: Duration,
}

impl Measured {
    /// CPU microseconds per message.
    #[must_use]
    pub fn microseconds(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.messages as f64
    }

    /// Messages per second.
    #[must_use]
    pub fn rate(&self) -> f64 {
        self.messages as f64 / self.elapsed.as_secs_f64()
    }
}

/// A measurement under way.
#[derive(Debug)]
pub(super) struct Watch {
    server: Process,
    window: Window,
    begun: Instant,
    counted: Option<(Instant, Duration, u64)>,
}

impl Watch {
    pub(super) fn new(server: Process, window: Window) -> Self {
        Self { server, window, begun: Instant::now(), counted: None }
    }

    /// To be asked again and again with all messages so far; the end of the window gives what was measured.
    pub(super) fn look(&mut self, messages: u64) -> Result<Option<Measured>, Wrong> {
        let now = Instant::now();
        match self.counted {
            None if now - self.begun >= self.window.warm_up => {
                self.counted = Some((now, self.server.cpu()?, messages));
                Ok(None)
            }
            Some((begun, cpu, before)) if now - begun >= self.window.measured => {
                Ok(Some(Measured { messages: messages - before, elapsed: now - begun, cpu: self.server.cpu()? - cpu }))
            }
            _ => Ok(None),
        }
    }
}
