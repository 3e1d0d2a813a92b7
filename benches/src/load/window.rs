//! Window of a measurement, and its result.

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

/// Resources that a server used for its work.
#[derive(Clone, Copy, Debug)]
pub struct Measured {
    /// Answers or deliveries.
    pub messages: u64,
    /// Wall-clock time.
    pub elapsed: Duration,
    /// User plus system time of the server.
    pub cpu: Duration,
    /// Time that server and load generator waited for a core that other processes used.
    pub waited: Duration,
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

/// Resources used when the measurement began.
#[derive(Debug)]
pub(super) struct Start {
    server: Process,
    begun: Instant,
    cpu: Duration,
    waited: Duration,
}

impl Start {
    pub(super) fn now(server: Process) -> Result<Self, Wrong> {
        Ok(Self { server, begun: Instant::now(), cpu: server.cpu()?, waited: waited(server)? })
    }

    pub(super) fn measured(&self, messages: u64) -> Result<Measured, Wrong> {
        Ok(Measured {
            messages,
            elapsed: self.begun.elapsed(),
            cpu: self.server.cpu()?.saturating_sub(self.cpu),
            waited: waited(self.server)?.saturating_sub(self.waited),
        })
    }
}

fn waited(server: Process) -> Result<Duration, Wrong> {
    Ok(server.waited()? + Process(std::process::id()).waited()?)
}

/// A measurement under way.
#[derive(Debug)]
pub(super) struct Watch {
    server: Process,
    window: Window,
    begun: Instant,
    counted: Option<(Start, u64)>,
}

impl Watch {
    pub(super) fn new(server: Process, window: Window) -> Self {
        Self { server, window, begun: Instant::now(), counted: None }
    }

    /// To be asked again and again with all messages so far; the end of the window gives what was measured.
    pub(super) fn look(&mut self, messages: u64) -> Result<Option<Measured>, Wrong> {
        match &self.counted {
            None if self.begun.elapsed() >= self.window.warm_up => {
                self.counted = Some((Start::now(self.server)?, messages));
                Ok(None)
            }
            Some((start, before)) if start.begun.elapsed() >= self.window.measured && messages > *before => {
                start.measured(messages - before).map(Some)
            }
            _ => Ok(None),
        }
    }
}
