//! State shared by the task of a polling connection and the requests of its client. Every rule of their order is here;
//! no code waits while it holds the lock.

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

/// Why a request of a session was turned away.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum SessionError {
    /// The session has ended.
    Over,
    /// It goes on over a WebSocket.
    Moved,
    /// Another request of the kind is under way; this ends the session.
    Overlap,
    /// The server stops.
    Stopping,
}

/// Stage of a session's life.
#[derive(Default)]
enum Stage {
    #[default]
    Polling,
    /// A request has ended it; the task is to see.
    Broken(Broken),
    /// Over the WebSocket, which waits here for the task.
    Moved,
    Over,
}

/// An upgrade that is under way.
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
    /// When the latest GET came.
    polled_at: Option<Instant>,
    /// It came while a WebSocket asked to take over.
    is_polled_beside: bool,
    /// Why it gets no packets.
    turned: Option<SessionError>,
    /// A POST is under way, and what an earlier one brought was not yet taken in whole.
    is_posted: bool,
    posted: Option<String>,
    is_undelivered: bool,
    /// The body was handed over and waits to be taken.
    is_handed: bool,
    /// It is about to be answered. A GET lets it go first, so that a client may post again out of what it hears.
    is_answering: bool,
    flush_waits: bool,
    post: Option<Waker>,
    probe: ProbeState,
    probing: Option<Waker>,
    websocket: Option<Box<dyn Transport>>,
    /// The connection ends: it takes nothing more.
    is_read_to_its_end: bool,
    /// The client has said goodbye.
    client_closed: bool,
    /// The close packet had to wait for a GET.
    close_waits: bool,
    violated: bool,
}

/// Returns `true` if a close frame says that the server stops.
fn is_going_away(payload: &[u8]) -> bool {
    payload.starts_with(&CloseCode::GOING_AWAY.as_u16().to_be_bytes())
}

/// The session's end.
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

    /// All that a POST brought has been taken.
    pub(super) fn delivered(&mut self) {
        self.is_undelivered = false;
        self.is_answering = mem::take(&mut self.is_handed);
        wake(&mut self.post);
    }

    /// Nothing more is taken. A POST does not wait for it, except the one that said goodbye.
    pub(super) fn stop_reading(&mut self) {
        self.is_read_to_its_end = true;
        if !self.client_closed {
            self.posted = None;
            self.delivered();
        }
    }

    /// The client has said goodbye: its poll is to end without one, and what it posted is answered at the very end.
    pub(super) fn client_closes(&mut self) {
        self.client_closed = true;
    }

    /// Nobody is going to ask for what is left to say.
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

    /// The WebSocket the session has moved to, once.
    pub(super) fn take_websocket(&mut self) -> Option<Box<dyn Transport>> {
        self.websocket.take()
    }

    /// Takes whole frames while a GET waits for them. The outbox is the queue, not this.
    pub(super) fn poll_write(&mut self, context: &Context<'_>, frames: &[u8]) -> Poll<io::Result<usize>> {
        match self.stage {
            Stage::Polling | Stage::Moved | Stage::Broken(Broken::Violation(_)) => {}
            Stage::Broken(Broken::Aborted) => return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into())),
            Stage::Over | Stage::Broken(Broken::Lost) => return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
        if !self.answer.takes_more() {
            if self.violated {
                // Nobody is going to ask for it.
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
                // Some clients take a goodbye for good, and are to reconnect.
                OpCode::Close if self.answer.is_empty() && is_going_away(frame.payload) => {
                    self.turn(SessionError::Stopping);
                }
                OpCode::Close if self.answer.is_empty() => self.say_goodbye(),
                // Clients take a goodbye at once, and what comes with it later: it goes alone, with the next poll.
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

    /// The client was silent for too long. A poll that has just come has come too late, though the timer was later.
    pub(super) fn give_up(&mut self) {
        self.turned = self.polled_at.filter(|polled_at| polled_at.elapsed() < LATE).map(|_| SessionError::Over);
        self.end();
    }

    /// The connection is over. Whoever waits is let go of.
    pub(super) fn end(&mut self) {
        self.stage = Stage::Over;
        self.answer.release(if self.client_closed { NOOP } else { CLOSE });
        self.posted = None;
        self.is_undelivered = false;
        wake(&mut self.post);
        wake(&mut self.probing);
    }
}

/// The requests' end.
impl PipeState {
    fn admit(&self) -> Result<(), SessionError> {
        match self.stage {
            Stage::Polling => Ok(()),
            Stage::Moved => Err(SessionError::Moved),
            Stage::Broken(_) | Stage::Over => Err(SessionError::Over),
        }
    }

    /// Returns `true` if a frame that is written now leaves now.
    pub(super) fn is_listening(&self) -> bool {
        match self.stage {
            Stage::Polling => self.answer.takes_more(),
            Stage::Moved | Stage::Broken(_) | Stage::Over => true,
        }
    }

    /// Checks that requests can reach the session.
    pub(super) fn standing(&self) -> Result<(), SessionError> {
        self.admit()
    }

    /// A GET begins to wait for packets.
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

    /// Waits for the body that a GET is answered with.
    pub(super) fn poll_answer(&mut self, context: &Context<'_>) -> Poll<Result<Vec<u8>, SessionError>> {
        let answer = self.answer.poll(context);
        answer.map(|answer| self.turned.map_or(Ok(answer), Err))
    }

    /// A GET was given up.
    pub(super) fn unpark(&mut self) {
        self.answer.abandon();
        self.break_off(Broken::Aborted);
    }

    /// A POST begins.
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

    /// Drops a POST whose client went away in the middle of its body.
    pub(super) fn abort_post(&mut self) {
        self.is_posted = false;
        self.break_off(Broken::Aborted);
    }

    pub(super) fn post(&mut self, packets: String) {
        if self.is_read_to_its_end {
            // As the reference does while it waits for a poll to say goodbye.
            return;
        }
        self.posted = Some(packets);
        self.is_undelivered = true;
        self.is_handed = true;
        wake(&mut self.task);
    }

    /// Waits until every posted packet is taken; `false` where one broke the protocol.
    pub(super) fn poll_delivered(&mut self, context: &Context<'_>) -> Poll<bool> {
        if self.is_undelivered && matches!(self.stage, Stage::Polling | Stage::Moved) {
            self.post = Some(context.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(!self.violated)
    }

    /// Ready once the session takes nothing more.
    pub(super) fn poll_ended(&mut self, context: &Context<'_>) -> Poll<()> {
        if matches!(self.stage, Stage::Polling | Stage::Moved) {
            self.post = Some(context.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(())
    }

    /// Ready once the session has ended, or moved on.
    pub(super) fn poll_over(&mut self, context: &Context<'_>) -> Poll<()> {
        if matches!(self.stage, Stage::Polling) {
            self.probing = Some(context.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(())
    }

    /// A WebSocket asks to take over. One at a time may.
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

    /// Lets a GET go that waits: a client stops polling between two of them.
    pub(super) fn release_poll(&mut self) {
        self.answer.release(NOOP);
    }

    /// Nothing came of it; the session goes on by polling.
    pub(super) fn end_probe(&mut self) {
        self.probe = ProbeState::None;
    }

    /// The session moves to the WebSocket; it is given back where the session has ended.
    pub(super) fn upgrade(&mut self, websocket: Box<dyn Transport>) -> Result<(), Box<dyn Transport>> {
        if self.admit().is_err() {
            return Err(websocket);
        }
        self.stage = Stage::Moved;
        self.websocket = Some(websocket);
        // A GET that was sent behind the upgrade may have overtaken it, and is answered as one that has not.
        let may_have_overtaken = self.is_polled_beside && self.probe == ProbeState::Answered;
        if may_have_overtaken && self.answer.takes_more() && self.answer.is_empty() {
            self.turn(SessionError::Moved);
        }
        self.answer.release(NOOP);
        wake(&mut self.task);
        Ok(())
    }
}
