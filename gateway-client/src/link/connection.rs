//! One connection from its upgrade to its end: receive, hand on, send.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_core::Stream as _;
use futures_util::Sink as _;
use tokio::task::JoinSet;
use tokio::time::{Instant, Sleep, sleep_until};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Bytes, Error, Message, Utf8Bytes};

use crate::answers::refuse;
use crate::error::{Exception, RequestError};
use crate::link::Malformed;
use crate::link::attempt::{Upgraded, broken};
use crate::link::backoff::Backoff;
use crate::link::socket::Socket;
use crate::outbox::{Next, Queued};
use crate::pending::Handled;
use crate::shared::Shared;
use crate::status::{ConnectError, Open, Status};
use crate::wire::{Data, Frame, FrameId, cancel_frame};

/// Messages that one poll receives, and sends, before other tasks have their turn.
const BUDGET: usize = 128;

/// End of a connection.
pub(super) enum End {
    /// The client was closed.
    Stopped,
    /// The server closed the connection, after this exception if it refused the client.
    Closed { code: u16, reason: String, refusal: Option<Exception> },
    /// The connection was lost.
    Lost(ConnectError),
}

/// Progress of a connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Phase {
    /// The server has not accepted the client. Events may arrive, none is sent.
    Waiting,
    Accepted,
    /// The client's close frame was sent.
    Closing,
}

/// A connection. It is a future that ends with it.
#[allow(clippy::struct_excessive_bools, reason = "independent facts of one connection")]
pub(super) struct Connection<'a> {
    shared: &'a Arc<Shared>,
    malformed: &'a Malformed,
    backoff: &'a mut Backoff,
    was_accepted: &'a mut bool,
    socket: Socket,
    phase: Phase,
    /// A frame has arrived since the timer was last looked at.
    is_heard: bool,
    /// A ping waits for any frame.
    is_pinged: bool,
    must_flush: bool,
    /// The server has sent something other than an exception: the attempt was a success.
    is_confirmed: bool,
    timer: Pin<Box<Sleep>>,
    /// End of the wait for the server's acceptance, or of the close handshake.
    deadline: Pin<Box<Sleep>>,
    /// The exception that came first, which may be the reason of a refusal.
    refusal: Option<Exception>,
    closed: Option<(u16, String)>,
    /// The client was closed.
    is_ending: bool,
    /// Answers to the questions of this connection. They are dropped with it.
    answers: JoinSet<()>,
}

impl<'a> Connection<'a> {
    pub(super) fn new(
        shared: &'a Arc<Shared>,
        malformed: &'a Malformed,
        upgraded: Upgraded,
        deadline: Instant,
        backoff: &'a mut Backoff,
        was_accepted: &'a mut bool,
    ) -> Self {
        let Upgraded { socket, has_session } = upgraded;
        let mut connection = Self {
            shared,
            malformed,
            backoff,
            was_accepted,
            socket,
            phase: Phase::Waiting,
            is_heard: false,
            is_pinged: false,
            must_flush: false,
            is_confirmed: false,
            timer: Box::pin(sleep_until(Instant::now() + shared.delays.ping_interval)),
            deadline: Box::pin(sleep_until(deadline)),
            refusal: None,
            closed: None,
            is_ending: false,
            answers: JoinSet::new(),
        };
        if !has_session {
            connection.accept(None, false);
        }
        connection
    }

    /// Notes that the server has accepted the client.
    fn accept(&mut self, id: Option<String>, resumed: bool) {
        self.phase = Phase::Accepted;
        let reconnected = std::mem::replace(self.was_accepted, true);
        self.shared.status.send_replace(Status::Open(Open { id, resumed, reconnected }));
    }

    fn poll_receive(&mut self, context: &mut Context<'_>) -> Poll<End> {
        for _ in 0..BUDGET {
            if self.shared.outbox.is_jammed() {
                return Poll::Pending;
            }
            let message = match Pin::new(&mut self.socket).poll_next(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(None) => return Poll::Ready(self.end()),
                Poll::Ready(Some(Err(error))) => return Poll::Ready(self.fail(error)),
                Poll::Ready(Some(Ok(message))) => message,
            };
            self.is_heard = true;
            match message {
                Message::Text(text) => self.receive(&text),
                Message::Binary(bytes) => self.receive_binary(bytes),
                Message::Close(frame) => {
                    self.closed = Some(code_and_reason(frame));
                    // RFC 6455 §7.1.1: the server ends TCP, but not every one does.
                    self.deadline.as_mut().reset(Instant::now() + self.shared.delays.close);
                }
                // The answer to a ping is sent with the next flush.
                Message::Ping(_) => self.must_flush = true,
                Message::Pong(_) | Message::Frame(_) => {}
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }

    /// A server of the plain protocol sends text; binary JSON is read the same way.
    fn receive_binary(&mut self, bytes: Bytes) {
        match Utf8Bytes::try_from(bytes) {
            Ok(text) => self.receive(&text),
            Err(error) => self.malformed.report(&error.to_string()),
        }
    }

    fn receive(&mut self, text: &Utf8Bytes) {
        let frame = match Frame::parse(text.as_str()) {
            Ok(frame) => frame,
            Err(error) => return self.malformed.report(&error.to_string()),
        };
        if let Some(session) = &frame.session {
            self.shared.session.accept(session);
            self.confirm();
            return self.accept(Some(session.id.clone()), session.resumed);
        }
        if let Some(offset) = frame.offset {
            self.shared.session.advance(offset);
        }
        let data = || frame.data_of(text);
        let event = frame.event.as_ref().map(|name| &*name.0);
        match (frame.id(), frame.ask, event) {
            (_, Some(ask), event) => self.answer(ask, event.unwrap_or_default(), data()),
            (FrameId::Own(id), None, _) => {
                if self.shared.pending.receive(id, &frame, data) == Handled::Overflowed {
                    self.shared.outbox.push_urgent(cancel_frame(id));
                }
            }
            // Somebody else's request, and a kind of frame that is not known.
            (FrameId::Foreign, None, _) | (FrameId::Absent, None, None) => {}
            (FrameId::Absent, None, Some(event)) => {
                if event == "exception" && !self.is_confirmed {
                    self.refusal = Some(Exception::from_data(&data()));
                } else if self.phase == Phase::Accepted {
                    self.confirm();
                }
                self.shared.subscriptions.receive(event, data);
            }
        }
    }

    fn confirm(&mut self) {
        if !self.is_confirmed {
            self.is_confirmed = true;
            self.refusal = None;
            self.backoff.reset();
        }
    }

    fn answer(&mut self, ask: u64, event: &str, data: Data) {
        while self.answers.try_join_next().is_some() {}
        if self.answers.len() >= self.shared.bounds.answers {
            let overloaded = Exception::new("overloaded", "too many questions wait for an answer");
            return self.shared.outbox.push_urgent(refuse(ask, &overloaded));
        }
        let answer = self.shared.answers.answer(ask, event, data);
        // A task that held the client's state would keep the client alive.
        let shared = Arc::downgrade(self.shared);
        self.answers.spawn(async move {
            let answer = answer.await;
            if let Some(shared) = shared.upgrade() {
                shared.outbox.push_urgent(answer);
            }
        });
    }

    fn poll_send(&mut self, context: &mut Context<'_>) -> Poll<End> {
        for _ in 0..BUDGET {
            match Pin::new(&mut self.socket).poll_ready(context) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => return Poll::Ready(self.fail(error)),
                Poll::Pending => {
                    self.shared.outbox.register(context);
                    return Poll::Pending;
                }
            }
            let Some(message) = self.next_message(context) else { return self.poll_flush(context) };
            self.must_flush = true;
            if let Err(error) = Pin::new(&mut self.socket).start_send(message) {
                return Poll::Ready(self.fail(error));
            }
        }
        context.waker().wake_by_ref();
        self.poll_flush(context)
    }

    /// Takes the next message to send; `None` while there is none.
    fn next_message(&mut self, context: &mut Context<'_>) -> Option<Message> {
        // After a close frame nothing is sent (RFC 6455 §5.5.1): what waits is for the next connection.
        while self.phase != Phase::Closing && self.closed.is_none() {
            let is_waiting = self.phase == Phase::Waiting;
            match self.shared.outbox.poll_next(context, is_waiting) {
                Poll::Pending => return None,
                Poll::Ready(Next::Closed) => {
                    self.phase = Phase::Closing;
                    return Some(Message::Close(Some(CloseFrame {
                        code: CloseCode::Normal,
                        reason: Utf8Bytes::default(),
                    })));
                }
                Poll::Ready(Next::Message(Queued { text, request })) => {
                    // Nobody waits for the reply any more.
                    if request.is_none_or(|id| self.shared.pending.mark_sent(id)) {
                        return Some(Message::Text(text.into()));
                    }
                }
            }
        }
        None
    }

    fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<End> {
        if self.must_flush {
            match Pin::new(&mut self.socket).poll_flush(context) {
                Poll::Ready(Ok(())) => self.must_flush = false,
                Poll::Ready(Err(error)) => return Poll::Ready(self.fail(error)),
                Poll::Pending => {}
            }
        }
        Poll::Pending
    }

    /// Pings a silent server, and gives up one that stays silent, does not accept the client, or does not answer its close frame.
    fn poll_timers(&mut self, context: &mut Context<'_>) -> Poll<End> {
        let has_deadline = self.phase != Phase::Accepted || self.is_ending || self.closed.is_some();
        if has_deadline && self.deadline.as_mut().poll(context).is_ready() {
            let is_over = self.shared.outbox.is_closed() || self.closed.is_some();
            let late = || End::Lost(ConnectError::Timeout(self.shared.delays.connect));
            return Poll::Ready(if is_over { self.end() } else { late() });
        }
        while self.timer.as_mut().poll(context).is_ready() {
            let delays = &self.shared.delays;
            let wait = match (std::mem::take(&mut self.is_heard), self.is_pinged) {
                (true, _) => {
                    self.is_pinged = false;
                    delays.ping_interval
                }
                (false, true) => return Poll::Ready(End::Lost(ConnectError::Silence)),
                (false, false) => {
                    self.is_pinged = true;
                    self.must_flush = true;
                    if let Err(error) = Pin::new(&mut self.socket).start_send(Message::Ping(Bytes::new())) {
                        return Poll::Ready(self.fail(error));
                    }
                    let _ = self.poll_flush(context);
                    delays.ping_timeout
                }
            };
            self.timer.as_mut().reset(Instant::now() + wait);
        }
        Poll::Pending
    }

    /// The end of a stream of messages.
    fn end(&mut self) -> End {
        if self.shared.outbox.is_closed() {
            return End::Stopped;
        }
        match self.closed.take() {
            Some((code, reason)) => End::Closed { code, reason, refusal: self.refusal.take() },
            None => End::Lost(broken(Error::ConnectionClosed, self.shared.bounds.message)),
        }
    }

    fn fail(&mut self, error: Error) -> End {
        // The error of a connection whose close frame has arrived adds nothing.
        if self.closed.is_some() || self.shared.outbox.is_closed() {
            return self.end();
        }
        End::Lost(broken(error, self.shared.bounds.message))
    }
}

impl Future for Connection<'_> {
    type Output = End;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<End> {
        let this = self.get_mut();
        if this.shared.outbox.is_closed() && !this.is_ending {
            this.is_ending = true;
            this.shared.pending.close(|| RequestError::closed(this.shared.closed()));
            this.deadline.as_mut().reset(Instant::now() + this.shared.delays.close);
        }
        if let Poll::Ready(end) = this.poll_receive(context) {
            return Poll::Ready(end);
        }
        let was_jammed = this.shared.outbox.is_jammed();
        if let Poll::Ready(end) = this.poll_send(context) {
            return Poll::Ready(end);
        }
        if was_jammed && !this.shared.outbox.is_jammed() {
            context.waker().wake_by_ref();
        }
        this.poll_timers(context)
    }
}

/// RFC 6455 §7.1.5: a close frame without a code has 1005.
fn code_and_reason(frame: Option<CloseFrame>) -> (u16, String) {
    frame.map_or((1005, String::new()), |frame| (frame.code.into(), frame.reason.as_str().to_owned()))
}
