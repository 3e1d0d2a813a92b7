//! The upgrade of a long-polling session to a WebSocket. The probe runs beside the session, which learns of the WebSocket
//! only when the client has stopped polling; a failed probe ends the WebSocket alone.

use std::future::poll_fn;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Interval, interval_at, timeout};

use crate::protocol::engine_io::EnginePacket;
use crate::protocol::{Disconnect, Encoded, Flow, OpCode, ReceivedMessage, WireFormat};
use crate::transport::engine::{EngineTransport, write_all};
use crate::transport::polling::UpgradeProbe;
use crate::transport::{Broken, Ending, Transport};

/// Interval at which a waiting poll is released after the probe was answered, as in the reference server. Before that,
/// polls are served as usual.
const TICK: Duration = Duration::from_millis(100);

/// Time limits of an upgrade, and of closing a rejected WebSocket.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ProbeTimeouts {
    pub(crate) upgrade: Duration,
    pub(crate) close: Duration,
}

/// Upgrades the session of `probe` to a WebSocket, or closes the WebSocket.
pub(crate) async fn upgrade<T: Transport>(mut websocket: T, probe: UpgradeProbe, patience: ProbeTimeouts) {
    let mut probing = Probing { probe: &probe, to_write: Vec::new(), ticks: None, outcome: None };
    let outcome = timeout(patience.upgrade, poll_fn(|context| probing.poll(context, &mut websocket))).await;
    match outcome.unwrap_or(Err(ProbeFailure::Wrong(None))) {
        Ok(()) => {
            if let Err(mut unwanted) = probe.complete(Box::new(EngineTransport::new(websocket))) {
                close(&mut *unwanted, None, patience.close).await;
            }
        }
        Err(ProbeFailure::Wrong(told)) => {
            drop(probe);
            close(&mut websocket, told.as_ref(), patience.close).await;
        }
        Err(ProbeFailure::Lost) => {}
    }
}

/// Closes a rejected WebSocket without a status, as Engine.IO does.
pub(crate) async fn dismiss<T: Transport>(mut websocket: T, within: Duration) {
    close(&mut websocket, None, within).await;
}

/// Reason of a failed probe.
enum ProbeFailure {
    /// An unexpected message, a timeout, or the end of the session.
    Wrong(Option<Disconnect>),
    Lost,
}

struct Probing<'a> {
    probe: &'a UpgradeProbe,
    to_write: Vec<u8>,
    /// Interval of releases, present once the probe was answered.
    ticks: Option<Interval>,
    /// Result, once `to_write` is flushed: a client may send `2probe` and `5` in one segment.
    outcome: Option<Result<(), ProbeFailure>>,
}

impl Probing<'_> {
    /// Ready when the client has confirmed the upgrade.
    fn poll<T: Transport>(&mut self, context: &mut Context<'_>, websocket: &mut T) -> Poll<Result<(), ProbeFailure>> {
        loop {
            if self.probe.poll_over(context).is_ready() {
                return Poll::Ready(Err(ProbeFailure::Wrong(None)));
            }
            // The next message is read only after the pending answer is written.
            if ready!(self.poll_write(context, websocket)).is_err() {
                return Poll::Ready(Err(ProbeFailure::Lost));
            }
            if let Some(outcome) = self.outcome.take() {
                return Poll::Ready(outcome);
            }
            while self.ticks.as_mut().is_some_and(|ticks| ticks.poll_tick(context).is_ready()) {
                self.probe.release_poll();
            }
            let received = websocket.poll_receive(context, &mut |received, _| match self.hear(received) {
                Poll::Ready(outcome) => {
                    self.outcome = Some(outcome);
                    Flow::Pause
                }
                Poll::Pending => Flow::Continue,
            });
            match received {
                _ if self.outcome.is_some() => {}
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(Broken::Lost | Broken::HalfClosed | Broken::Aborted)) => {
                    return Poll::Ready(Err(ProbeFailure::Lost));
                }
                Poll::Ready(Err(Broken::Violation(disconnect))) => {
                    return Poll::Ready(Err(ProbeFailure::Wrong(Some(disconnect))));
                }
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// Handles a message; ready when the probe is decided.
    fn hear(&mut self, received: ReceivedMessage<'_>) -> Poll<Result<(), ProbeFailure>> {
        match received {
            ReceivedMessage::Text(text) => match EnginePacket::read(text) {
                Ok(EnginePacket::Ping("probe")) => {
                    self.probe.answered();
                    self.ticks = Some(interval_at(Instant::now() + TICK, TICK));
                    self.to_write.extend_from_slice(Encoded::frame(OpCode::Text, b"3probe").as_slice());
                    Poll::Pending
                }
                Ok(EnginePacket::Upgrade) => Poll::Ready(Ok(())),
                _ => Poll::Ready(Err(ProbeFailure::Wrong(None))),
            },
            ReceivedMessage::Ping(payload) => {
                self.to_write.extend_from_slice(Encoded::frame(OpCode::Pong, payload).as_slice());
                Poll::Pending
            }
            ReceivedMessage::Pong => Poll::Pending,
            ReceivedMessage::Binary(_) => Poll::Ready(Err(ProbeFailure::Wrong(None))),
            ReceivedMessage::Close(told) => Poll::Ready(Err(ProbeFailure::Wrong(told))),
        }
    }

    fn poll_write<T: Transport>(&mut self, context: &mut Context<'_>, websocket: &mut T) -> Poll<std::io::Result<()>> {
        while !self.to_write.is_empty() {
            let written = ready!(websocket.poll_write(context, &self.to_write))?;
            self.to_write.drain(..written);
        }
        websocket.poll_flush(context)
    }
}

async fn close<T: Transport + ?Sized>(websocket: &mut T, told: Option<&Disconnect>, within: Duration) {
    let closing = async {
        if write_all(websocket, WireFormat::EngineIo.close_frame(told).as_slice()).await.is_ok() {
            poll_fn(|context| websocket.poll_close(context, Ending::Violated)).await;
        }
    };
    // A peer that does not close its side in time is abandoned.
    let _ = timeout(within, closing).await;
}
