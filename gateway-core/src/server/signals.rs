//! Signals to the process.

use std::io;

#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};

/// A receiver of Ctrl-C, and of SIGTERM and SIGHUP where the system has them. Signals are caught from its creation on, also
/// before they are awaited.
pub(crate) struct Signals {
    #[cfg(unix)]
    terminate: Signal,
    #[cfg(unix)]
    interrupt: Signal,
    /// Present with TLS only; otherwise SIGHUP ends the process as usual.
    #[cfg(unix)]
    hangup: Option<Signal>,
}

/// A signal to the process.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum ProcessSignal {
    Stop,
    #[cfg_attr(not(unix), allow(dead_code, reason = "by a hangup alone"))]
    Reload,
}

#[cfg(unix)]
impl Signals {
    pub(crate) fn new() -> io::Result<Self> {
        let (terminate, interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        Ok(Self { terminate, interrupt, hangup: None })
    }

    /// Catches SIGHUP from now on.
    pub(crate) fn hear_hangups(&mut self) -> io::Result<()> {
        self.hangup = Some(signal(SignalKind::hangup())?);
        Ok(())
    }

    /// # Cancel safety
    ///
    /// No signal is lost.
    pub(crate) async fn next(&mut self) -> ProcessSignal {
        let hangup = async {
            match &mut self.hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.terminate.recv() => ProcessSignal::Stop,
            _ = self.interrupt.recv() => ProcessSignal::Stop,
            _ = hangup => ProcessSignal::Reload,
        }
    }
}

#[cfg(not(unix))]
#[allow(clippy::unused_self, clippy::unnecessary_wraps, reason = "the signatures of systems with signals")]
impl Signals {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {})
    }

    pub(crate) fn hear_hangups(&mut self) -> io::Result<()> {
        Ok(())
    }

    pub(crate) async fn next(&mut self) -> ProcessSignal {
        drop(tokio::signal::ctrl_c().await);
        ProcessSignal::Stop
    }
}

impl Signals {
    /// Waits until the process is told to stop.
    ///
    /// # Cancel safety
    ///
    /// No signal is lost.
    pub(crate) async fn stop(&mut self) {
        while self.next().await != ProcessSignal::Stop {}
    }
}
