//! The transport of a long-polling client: GET requests wait for packets, POST requests bring them. The server handles
//! HTTP itself; this module holds the state that requests and the connection's task share.

mod pending_get;
mod pipe;
mod requests;
#[cfg(test)]
mod tests;

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Sleep, sleep};

pub(crate) use pipe::SessionError;
pub(crate) use requests::{PollingPeer, UpgradeProbe};

use crate::protocol::engine_io::{EnginePacket, SEPARATOR};
use crate::protocol::{Deflating, Flow};
use crate::transport::connection_limiter::ConnectionPermit;
use crate::transport::engine;
use crate::transport::permit::CountedPermit;
use crate::transport::{Broken, Deliver, Direct, Ending, Transport};
use pipe::Pipe;

/// The transport of a polling session, until the end of the WebSocket that it may be upgraded to.
pub(crate) struct Polling {
    pipe: Arc<Pipe>,
    /// Packets of a POST that are not delivered yet.
    reading: Option<PostedPackets>,
    /// Number of bytes received by POSTs.
    count: u64,
    websocket: Option<Box<dyn Transport>>,
    /// Timer that starts when the client has sent its close packet.
    farewell: Option<Pin<Box<Sleep>>>,
    /// Permit of a session that is not accepted yet, held until the connect hooks accept.
    unclaimed: Option<CountedPermit>,
    /// Permit of a polling session, held until the upgrade.
    place: Option<CountedPermit>,
    /// Permit of a connection; present if the number of connections is limited.
    present: Option<Box<ConnectionPermit>>,
}

/// A handle that tells if a GET is waiting for packets.
#[derive(Clone, Debug)]
pub(crate) struct PollListener(Arc<Pipe>);

impl PollListener {
    pub(crate) fn is_listening(&self) -> bool {
        self.0.lock().is_listening()
    }
}

/// Time that a session waits for a GET after its client's close packet, which may have overtaken the GET.
const OVERTAKEN: Duration = Duration::from_millis(100);

/// Packets of one POST, with the position of the next.
struct PostedPackets {
    packets: String,
    next: Option<usize>,
}

impl Polling {
    /// Creates a session and the handle for its requests. The session holds each permit for as long as it counts.
    pub(crate) fn new(place: CountedPermit, unclaimed: CountedPermit) -> (Self, PollingPeer) {
        let pipe = Arc::new(Pipe::default());
        let peer = PollingPeer::new(Arc::clone(&pipe));
        let (place, unclaimed) = (Some(place), Some(unclaimed));
        (Self { pipe, reading: None, count: 0, websocket: None, farewell: None, unclaimed, place, present: None }, peer)
    }

    /// Attaches the permit that counts this connection, for as long as the transport lives.
    pub(crate) fn holding(mut self, present: Option<Box<ConnectionPermit>>) -> Self {
        self.present = present;
        self
    }

    /// Switches to the WebSocket after an upgrade.
    fn follow(&mut self) -> Option<&mut Box<dyn Transport>> {
        if self.websocket.is_none()
            && let Some(websocket) = self.pipe.lock().take_websocket()
        {
            self.websocket = Some(websocket);
            self.place = None;
        }
        self.websocket.as_mut()
    }

    /// Delivers the packets of the last POST until `deliver` pauses.
    fn read(&mut self, context: &mut Context<'_>, deliver: &mut Deliver<'_>) -> Result<(), Broken> {
        let Some(PostedPackets { packets, mut next }) = self.reading.take() else { return Ok(()) };
        let mut flow = Flow::Continue;
        while flow == Flow::Continue
            && let Some(start) = next
        {
            let rest = &packets[start..];
            let end = rest.find(SEPARATOR);
            next = end.map(|end| start + end + SEPARATOR.len_utf8());
            let heard = EnginePacket::read(&rest[..end.unwrap_or(rest.len())]).and_then(|packet| {
                if packet == EnginePacket::Close {
                    self.farewell = Some(Box::pin(sleep(OVERTAKEN)));
                    self.pipe.lock().client_closes();
                }
                engine::hear(packet, context, deliver)
            });
            match heard {
                Ok(heard) => flow = heard,
                Err(violation) => return Err(self.pipe.lock().violate(violation.why)),
            }
        }
        if self.farewell.is_some() {
            return Ok(());
        }
        if next.is_some() {
            self.reading = Some(PostedPackets { packets, next });
        } else {
            self.pipe.lock().delivered();
        }
        Ok(())
    }
}

impl Transport for Polling {
    fn greet(&mut self) {
        self.unclaimed = None;
    }

    fn poll_receive(&mut self, context: &mut Context<'_>, deliver: &mut Deliver<'_>) -> Poll<Result<(), Broken>> {
        self.follow();
        if self.reading.is_none() {
            let taken = self.pipe.lock().poll_take(context);
            match (taken, &mut self.websocket) {
                (Poll::Ready(Ok(packets)), _) => {
                    self.count += packets.len() as u64;
                    self.reading = Some(PostedPackets { packets, next: Some(0) });
                }
                (Poll::Ready(Err(broken)), _) => return Poll::Ready(Err(broken)),
                (Poll::Pending, Some(websocket)) => return websocket.poll_receive(context, deliver),
                (Poll::Pending, None) => return Poll::Pending,
            }
        }
        Poll::Ready(self.read(context, deliver))
    }

    fn absorb(&mut self, context: &mut Context<'_>) {
        if let Some(websocket) = self.follow() {
            websocket.absorb(context);
        }
    }

    fn received(&self) -> u64 {
        self.count + self.websocket.as_ref().map_or(0, |websocket| websocket.received())
    }

    fn assembling(&self) -> Option<u64> {
        self.websocket.as_ref().and_then(|websocket| websocket.assembling())
    }

    fn poll_write(&mut self, context: &mut Context<'_>, frames: &[u8]) -> Poll<io::Result<usize>> {
        if let Some(websocket) = self.follow() {
            return websocket.poll_write(context, frames);
        }
        if let Some(farewell) = &mut self.farewell
            && farewell.as_mut().poll(context).is_ready()
            && self.pipe.lock().is_unheard()
        {
            return Poll::Ready(Ok(frames.len()));
        }
        self.pipe.lock().poll_write(context, frames)
    }

    fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Some(websocket) = self.follow() {
            return websocket.poll_flush(context);
        }
        self.pipe.lock().flush();
        Poll::Ready(Ok(()))
    }

    fn stop_reading(&mut self) {
        self.reading = None;
        self.pipe.lock().stop_reading();
    }

    fn give_up(&mut self) {
        if self.follow().is_none() {
            self.pipe.lock().give_up();
        }
    }

    fn poll_close(&mut self, context: &mut Context<'_>, ending: Ending) -> Poll<()> {
        if let Some(websocket) = self.follow() {
            ready!(websocket.poll_close(context, ending));
        }
        self.pipe.lock().end();
        Poll::Ready(())
    }

    fn direct(&self) -> Option<Direct> {
        self.websocket.as_ref()?.direct()
    }

    fn listener(&self) -> Option<PollListener> {
        Some(PollListener(Arc::clone(&self.pipe)))
    }

    fn deflating(&self) -> Option<Deflating> {
        self.websocket.as_ref()?.deflating()
    }
}

impl Drop for Polling {
    fn drop(&mut self) {
        self.pipe.lock().end();
    }
}

impl fmt::Debug for Polling {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Polling").field("has_moved", &self.websocket.is_some()).finish_non_exhaustive()
    }
}
