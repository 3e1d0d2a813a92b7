//! State shared by the task of a polling connection and the requests of its client, with all rules about their order.
//! No code waits while it holds the lock.

use std::fmt;
use std::io;
use std::mem;
use std::sync::{Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::time::Instant;

use crate::protocol::{CloseCode, Disconnect, OpCode, ServerFrames};
use crate::transport::polling::pending_get::{CLOSE, NOOP, PendingGet, wake};
use crate::transport::{Broken, Transport};

/// Tolerance for a late timer.
const LATE: Duration = Duration::from_millis(5);

#[derive(Default)]
pub(super) struct Pipe(Mutex<PipeState>);

impl Pipe {
    pub(super) fn lock(&self) -> MutexGuard<'_, PipeState> {
        self.0.lock().expect("nothing panics under this lock")
    }
}

impl fmt::Debug for Pipe {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Pipe")
    }
}

/// Reason why a request of a session was rejected.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum SessionError {
    /// The session has ended.
    Over,
    /// The session has been upgraded to a WebSocket.
    Moved,
    /// Another request of this kind is in progress. This ends the session.
    Overlap,
    /// The server is stopping.
    Stopping,
}

/// Stage of a session's life.
#[derive(Default)]
enum Stage {
    #[default]
    Polling,
    /// A request has ended the session. The task has not noticed yet.
    Broken(Broken),
    /// Upgraded. The WebSocket is stored here for the task.
    Moved,
    Over,
}

/// State of an upgrade in progress.
#[derive(Clone, Copy, Default, Eq, PartialEq)]
enum ProbeState {
    #[default]
    None,
    Begun,
    Answered,
}

#[derive(Default)]
#[allow(clippy::struct_excessive_bools, reason = "independent facts of two ends")]
pub(super) struct PipeState {
    stage: Stage,
    task: Option<Waker>,
    answer: PendingGet,
    /// Time of the latest GET.
    polled_at: Option<Instant>,
    /// Set if that GET came during an upgrade.
    is_polled_beside: bool,
    /// Reason why that GET gets no packets.
    turned: Option<SessionError>,
    /// A POST is in progress, and the packets of an earlier one are not delivered yet.
    is_posted: bool,
    posted: Option<String>,
    is_undelivered: bool,
    /// The body is complete and not delivered yet.
    is_handed: bool,
    /// The POST is about to be answered. A GET that completes answers the POST first, so that the client may post again
    /// in reaction to the packets.
    is_answering: bool,
    flush_waits: bool,
    post: Option<Waker>,
    probe: ProbeState,
    probing: Option<Waker>,
    websocket: Option<Box<dyn Transport>>,
    /// Set when the connection ends and delivers nothing more.
    is_read_to_its_end: bool,
    /// Set when the client has sent its close packet.
    client_closed: bool,
    /// Set while the close packet waits for a GET.
    close_waits: bool,
    violated: bool,
}

/// Returns `true` for the close frame of a stopping server.
fn is_going_away(payload: &[u8]) -> bool {
    payload.starts_with(&CloseCode::GOING_AWAY.as_u16().to_be_bytes())
}

/// Methods of the connection's task.
impl PipeState {
    fn register(&mut self, context: &Context<'_>) {
        self.task.get_or_insert_with(|| context.waker().clone()).clone_from(context.waker());
    }

    /// Takes the body of the next POST, or the failure that broke the session.
    pub(super) fn poll_take(&mut self, context: &Context<'_>) -> Poll<Result<String, Broken>> {
        if let Some(posted) = self.posted.take() {
            return Poll::Ready(Ok(posted));
        }
        if let Stage::Broken(broken) = &self.stage {
            return Poll::Ready(Err(broken.clone()));
        }
        self.register(context);
        Poll::Pending
    }

    /// Marks the packets of the POST as delivered.
    pub(super) fn delivered(&mut self) {
        self.is_undelivered = false;
        self.is_answering = mem::take(&mut self.is_handed);
        wake(&mut self.post);
    }

    /// Stops the delivery of packets. POSTs no longer wait for it, except the one with the close packet.
    pub(super) fn stop_reading(&mut self) {
        self.is_read_to_its_end = true;
        if !self.client_closed {
            self.posted = None;
            self.delivered();
        }
    }

    /// Handles the client's close packet: the GET ends without packets, and the POST is answered last.
    pub(super) fn client_closes(&mut self) {
        self.client_closed = true;
    }

    /// Returns `true` if no GET will ask for the remaining packets.
    pub(super) fn is_unheard(&self) -> bool {
        self.client_closed && !self.answer.takes_more()
    }

    /// Marks the session as broken by a request that violates the protocol.
    pub(super) fn violate(&mut self, why: &'static str) -> Broken {
        let broken = Broken::Violation(Disconnect::new(CloseCode::NO_STATUS, why));
        self.violated = true;
        self.is_undelivered = false;
        self.break_off(broken.clone());
        broken
    }

    /// Takes the WebSocket of an upgrade.
    pub(super) fn take_websocket(&mut self) -> Option<Box<dyn Transport>> {
        self.websocket.take()
    }

    /// Accepts whole frames while a GET waits. Frames are queued in the outbox, not here.
    pub(super) fn poll_write(&mut self, context: &Context<'_>, frames: &[u8]) -> Poll<io::Result<usize>> {
        match self.stage {
            Stage::Polling | Stage::Moved | Stage::Broken(Broken::Violation(_)) => {}
            Stage::Broken(Broken::Aborted) => return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into())),
            Stage::Over | Stage::Broken(Broken::Lost | Broken::HalfClosed) => {
                return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
            }
        }
        if !self.answer.takes_more() {
            if self.violated {
                // No GET will ask for this frame.
                return Poll::Ready(Ok(frames.len()));
            }
            let first = ServerFrames::new(frames).next();
            self.close_waits = first.is_some_and(|frame| frame.opcode == OpCode::Close);
            self.register(context);
            return Poll::Pending;
        }
        let mut rest = ServerFrames::new(frames);
        let mut taken = 0;
        while let Some(frame) = rest.next() {
            match frame.opcode {
                OpCode::Close if self.client_closed => self.answer.end_with(NOOP),
                // Some clients do not reconnect after a close packet, and these clients should.
                OpCode::Close if self.answer.is_empty() && is_going_away(frame.payload) => {
                    self.turn(SessionError::Stopping);
                }
                OpCode::Close if self.answer.is_empty() => self.say_goodbye(),
                // Clients handle a close packet before the other packets of its response, so it is sent alone.
                OpCode::Close => {
                    self.answer.release(NOOP);
                    break;
                }
                _ => self.answer.add(frame.opcode, frame.payload),
            }
            taken = frames.len() - rest.left();
        }
        if taken > 0 || self.answer.takes_more() { Poll::Ready(Ok(taken)) } else { self.poll_write(context, frames) }
    }

    fn turn(&mut self, why: SessionError) {
        self.turned = Some(why);
        self.answer.end_with(CLOSE);
    }

    fn say_goodbye(&mut self) {
        if self.close_waits {
            self.answer.add(OpCode::Text, NOOP);
        }
        self.answer.end_with(CLOSE);
    }

    pub(super) fn flush(&mut self) {
        self.flush_waits = self.is_answering;
        if !self.is_answering {
            self.answer.flush();
        }
    }

    fn break_off(&mut self, broken: Broken) {
        if matches!(self.stage, Stage::Polling) {
            self.stage = Stage::Broken(broken);
        }
        wake(&mut self.task);
        wake(&mut self.post);
        wake(&mut self.probing);
    }

    /// Handles a heartbeat timeout. A GET that came just before a late timer came too late as well.
    pub(super) fn give_up(&mut self) {
        self.turned = self.polled_at.filter(|polled_at| polled_at.elapsed() < LATE).map(|_| SessionError::Over);
        self.end();
    }

    /// Ends the session and releases all waiting requests.
    pub(super) fn end(&mut self) {
        self.stage = Stage::Over;
        self.answer.release(if self.client_closed { NOOP } else { CLOSE });
        self.posted = None;
        self.is_undelivered = false;
        wake(&mut self.post);
        wake(&mut self.probing);
    }
}

/// Methods of the client's requests.
impl PipeState {
    fn admit(&self) -> Result<(), SessionError> {
        match self.stage {
            Stage::Polling => Ok(()),
            Stage::Moved => Err(SessionError::Moved),
            Stage::Broken(_) | Stage::Over => Err(SessionError::Over),
        }
    }

    /// Returns `true` if a frame written now is sent at once.
    pub(super) fn is_listening(&self) -> bool {
        match self.stage {
            Stage::Polling => self.answer.takes_more(),
            Stage::Moved | Stage::Broken(_) | Stage::Over => true,
        }
    }

    /// Checks that the session still accepts requests.
    pub(super) fn standing(&self) -> Result<(), SessionError> {
        self.admit()
    }

    /// Begins a GET.
    pub(super) fn park(&mut self) -> Result<(), SessionError> {
        self.admit()?;
        if self.answer.is_awaited() {
            self.answer.release(CLOSE);
            self.violate("two polls at once");
            return Err(SessionError::Overlap);
        }
        self.answer.begin();
        self.polled_at = Some(Instant::now());
        self.is_polled_beside = self.probe != ProbeState::None;
        wake(&mut self.task);
        Ok(())
    }

    /// Polls for the response of a GET.
    pub(super) fn poll_answer(&mut self, context: &Context<'_>) -> Poll<Result<Vec<u8>, SessionError>> {
        let answer = self.answer.poll(context);
        answer.map(|answer| self.turned.map_or(Ok(answer), Err))
    }

    /// Handles a GET that was dropped.
    pub(super) fn unpark(&mut self) {
        self.answer.abandon();
        self.break_off(Broken::Aborted);
    }

    /// Begins a POST.
    pub(super) fn begin_post(&mut self) -> Result<(), SessionError> {
        self.admit()?;
        if mem::replace(&mut self.is_posted, true) {
            self.answer.release(CLOSE);
            self.violate("two posts at once");
            return Err(SessionError::Overlap);
        }
        Ok(())
    }

    pub(super) fn end_post(&mut self) {
        self.is_posted = false;
        self.is_handed = false;
        self.is_answering = false;
        if mem::take(&mut self.flush_waits) {
            self.answer.flush();
        }
    }

    /// Drops a POST whose body was interrupted.
    pub(super) fn abort_post(&mut self) {
        self.is_posted = false;
        self.break_off(Broken::Aborted);
    }

    pub(super) fn post(&mut self, packets: String) {
        if self.is_read_to_its_end {
            // As the reference server does while its close packet waits for a GET.
            return;
        }
        self.posted = Some(packets);
        self.is_undelivered = true;
        self.is_handed = true;
        wake(&mut self.task);
    }

    /// Polls until all posted packets are delivered. Returns `false` if one violated the protocol.
    pub(super) fn poll_delivered(&mut self, context: &Context<'_>) -> Poll<bool> {
        if self.is_undelivered && matches!(self.stage, Stage::Polling | Stage::Moved) {
            self.post = Some(context.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(!self.violated)
    }

    /// Ready when the session delivers nothing more.
    pub(super) fn poll_ended(&mut self, context: &Context<'_>) -> Poll<()> {
        if matches!(self.stage, Stage::Polling | Stage::Moved) {
            self.post = Some(context.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(())
    }

    /// Ready when the session has ended or was upgraded.
    pub(super) fn poll_over(&mut self, context: &Context<'_>) -> Poll<()> {
        if matches!(self.stage, Stage::Polling) {
            self.probing = Some(context.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(())
    }

    /// Begins an upgrade. Returns `false` during another upgrade, and after the session's end.
    pub(super) fn begin_probe(&mut self) -> bool {
        let may = self.admit().is_ok() && self.probe == ProbeState::None;
        if may {
            self.probe = ProbeState::Begun;
        }
        may
    }

    pub(super) fn answer_probe(&mut self) {
        self.probe = ProbeState::Answered;
    }

    /// Answers the waiting GET: a client stops polling between two GETs.
    pub(super) fn release_poll(&mut self) {
        self.answer.release(NOOP);
    }

    /// Ends a failed upgrade; the session continues by polling.
    pub(super) fn end_probe(&mut self) {
        self.probe = ProbeState::None;
    }

    /// Completes the upgrade. Returns the WebSocket if the session has ended.
    pub(super) fn upgrade(&mut self, websocket: Box<dyn Transport>) -> Result<(), Box<dyn Transport>> {
        if self.admit().is_err() {
            return Err(websocket);
        }
        self.stage = Stage::Moved;
        self.websocket = Some(websocket);
        // A GET sent after the upgrade may have overtaken it, and gets the answer of one that has not.
        let may_have_overtaken = self.is_polled_beside && self.probe == ProbeState::Answered;
        if may_have_overtaken && self.answer.takes_more() && self.answer.is_empty() {
            self.turn(SessionError::Moved);
        }
        self.answer.release(NOOP);
        wake(&mut self.task);
        Ok(())
    }
}
