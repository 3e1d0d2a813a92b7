//! The transport of a client that listens by server-sent events and says what it has to say by POSTs. The server handles
//! HTTP itself; this module holds what its requests and the connection's task share.

mod answers;
mod body_channel;
mod peer;

use std::any::Any;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::{mpsc, oneshot};

pub(crate) use answers::{AnswerFrame, Answers, AwaitedAnswer};
pub(crate) use body_channel::{BodyChannel, body_channel};
pub(crate) use peer::{EventStreamPeer, StreamStart, StreamVerdict, UndeliveredPost};

use crate::protocol::ReceivedMessage;
use crate::transport::{Broken, Deliver, Direct, Ending, Stream, Transport};
use peer::{Attachment, Posted};

/// Messages of POSTs that wait for the connection's task; further POSTs wait for their turn.
const WAITING_POSTS: usize = 8;

/// Bytes of a read. A client that listens says nothing more, and what it says is dropped.
const READ: usize = 256;

/// Beginning and use of a new event stream.
#[derive(Debug)]
pub(crate) enum NewEventStream {
    /// Events go to the client, behind these bytes.
    Listening(Vec<u8>),
    /// Nobody listens: the client is there for the answer to one POST.
    ForOneRequest,
}

/// The connection of a client that listens.
pub(crate) struct EventStream {
    /// Present until the connect hooks have decided.
    verdict: Option<oneshot::Sender<StreamVerdict>>,
    /// Frames for a client that was not accepted.
    refusal: Vec<u8>,
    posted: mpsc::Receiver<Posted>,
    answers: Arc<Answers>,
    output: Output,
    /// Number of bytes received by POSTs.
    count: u64,
    is_shut_down: bool,
    /// Held for as long as the connection lives.
    _held: Option<Box<dyn Any + Send>>,
}

/// Where the events go.
enum Output {
    Nowhere,
    /// Waits for its stream, once it is asked for.
    Coming {
        beginning: Vec<u8>,
        stream: Option<oneshot::Receiver<Attachment>>,
    },
    /// `beginning` is not yet written from `written` on.
    Open {
        stream: Box<dyn Stream>,
        beginning: Vec<u8>,
        written: usize,
    },
}

impl EventStream {
    /// Creates a connection, the receiver of its connect hooks' decision, and the handle for its POSTs.
    pub(crate) fn new(how: NewEventStream) -> (Self, oneshot::Receiver<StreamVerdict>, EventStreamPeer) {
        let (verdict, decided) = oneshot::channel();
        let (sender, posted) = mpsc::channel(WAITING_POSTS);
        let answers = Arc::<Answers>::default();
        let peer = EventStreamPeer { posted: sender, answers: Arc::clone(&answers), posts: Arc::default() };
        let output = match how {
            NewEventStream::Listening(beginning) => Output::Coming { beginning, stream: None },
            NewEventStream::ForOneRequest => Output::Nowhere,
        };
        let (verdict, refusal) = (Some(verdict), Vec::new());
        let (count, is_shut_down) = (0, false);
        (Self { verdict, refusal, posted, answers, output, count, is_shut_down, _held: None }, decided, peer)
    }

    /// Keeps a value for as long as the transport lives: permits, and the entry in a table.
    pub(crate) fn holding(self, held: impl Any + Send) -> Self {
        Self { _held: Some(Box::new(held)), ..self }
    }

    /// Delivers a message of the POSTs, if there is one.
    fn poll_posted(&mut self, context: &mut Context<'_>, deliver: &mut Deliver<'_>) -> Poll<()> {
        for id in self.answers.take_abandoned(context) {
            // One that the socket does not know any more is ignored.
            let _ = deliver(ReceivedMessage::Text(&format!("{{\"cancel\":{id}}}")), context);
        }
        match ready!(self.posted.poll_recv(context)) {
            Some(Posted { text, taken }) => {
                self.count += text.len() as u64;
                let _ = deliver(ReceivedMessage::Text(&text), context);
                // The POST may have gone.
                let _ = taken.send(());
            }
            None => {
                // The one who was there for an answer has it.
                let _ = deliver(ReceivedMessage::Close(None), context);
            }
        }
        Poll::Ready(())
    }

    /// Ready when the client has gone.
    fn poll_gone(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if let Some(verdict) = &mut self.verdict {
            return verdict.poll_closed(context);
        }
        match &mut self.output {
            Output::Nowhere => return Poll::Pending,
            Output::Coming { .. } => {
                if ready!(self.output.poll_open(context)).is_err() {
                    return Poll::Ready(());
                }
            }
            Output::Open { .. } => {}
        }
        // Senders may write to the stream once its beginning is written.
        if let Poll::Ready(Err(_)) = self.output.poll_begin(context) {
            return Poll::Ready(());
        }
        self.output.poll_end(context)
    }
}

impl Output {
    /// Ready once there is a stream; an error if there will be none.
    fn poll_open(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self::Coming { beginning, stream: Some(coming) } = self else {
            return if matches!(self, Self::Open { .. }) { Poll::Ready(Ok(())) } else { Poll::Pending };
        };
        let stream = ready!(Pin::new(coming).poll(context)).map_err(|_| io::ErrorKind::BrokenPipe)?;
        *self = Self::Open { stream, beginning: std::mem::take(beginning), written: 0 };
        Poll::Ready(Ok(()))
    }

    /// Writes the stream's beginning.
    fn poll_begin(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self::Open { stream, beginning, written } = self else { return Poll::Pending };
        while *written < beginning.len() {
            match ready!(Pin::new(&mut *stream).poll_write(context, &beginning[*written..]))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                more => *written += more,
            }
        }
        if !beginning.is_empty() {
            (*beginning, *written) = (Vec::new(), 0);
            ready!(Pin::new(stream).poll_flush(context))?;
        }
        Poll::Ready(Ok(()))
    }

    /// Ready when the client has closed its side, which ends the stream: RFC 9112 §9.6 lets a client close at any time.
    fn poll_end(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Self::Open { stream, .. } = self else { return Poll::Pending };
        let mut buffer = [0; READ];
        loop {
            let mut read = ReadBuf::new(&mut buffer);
            match ready!(Pin::new(&mut *stream).poll_read(context, &mut read)) {
                Ok(()) if !read.filled().is_empty() => {}
                Ok(()) | Err(_) => return Poll::Ready(()),
            }
        }
    }

    fn poll_write(&mut self, context: &mut Context<'_>, events: &[u8]) -> Poll<io::Result<usize>> {
        if matches!(self, Self::Nowhere) {
            return Poll::Ready(Ok(events.len()));
        }
        ready!(self.poll_open(context))?;
        ready!(self.poll_begin(context))?;
        match self {
            Self::Open { stream, .. } => Pin::new(stream).poll_write(context, events),
            Self::Nowhere | Self::Coming { .. } => Poll::Pending,
        }
    }
}

impl Transport for EventStream {
    fn greet(&mut self) {
        let Some(verdict) = self.verdict.take() else { return };
        let (start, coming) = oneshot::channel();
        if let Output::Coming { stream, .. } = &mut self.output {
            *stream = Some(coming);
        }
        // Who has gone is noticed by the next receive.
        let _ = verdict.send(StreamVerdict::Accepted(StreamStart(start)));
    }

    fn poll_receive(&mut self, context: &mut Context<'_>, deliver: &mut Deliver<'_>) -> Poll<Result<(), Broken>> {
        if self.poll_gone(context).is_ready() {
            return Poll::Ready(Err(Broken::Lost));
        }
        self.poll_posted(context, deliver).map(Ok)
    }

    fn received(&self) -> u64 {
        self.count
    }

    fn poll_write(&mut self, context: &mut Context<'_>, frames: &[u8]) -> Poll<io::Result<usize>> {
        if self.verdict.is_some() {
            // Before its decision a connection writes a refusal alone, and the close behind it.
            self.refusal.extend_from_slice(frames);
            return Poll::Ready(Ok(frames.len()));
        }
        self.output.poll_write(context, frames)
    }

    fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.output {
            Output::Open { stream, .. } => Pin::new(stream).poll_flush(context),
            Output::Nowhere | Output::Coming { .. } => Poll::Ready(Ok(())),
        }
    }

    fn stop_reading(&mut self) {
        // Those that were not taken learn that the connection has ended.
        self.posted.close();
        while self.posted.try_recv().is_ok() {}
    }

    fn give_up(&mut self) {
        if self.verdict.is_none() {
            self.output = Output::Nowhere;
        }
    }

    fn poll_close(&mut self, context: &mut Context<'_>, ending: Ending) -> Poll<()> {
        if let Some(verdict) = self.verdict.take() {
            let refusal = std::mem::take(&mut self.refusal);
            // The client may have gone.
            let _ = verdict.send(StreamVerdict::Refused(refusal));
            return Poll::Ready(());
        }
        let Output::Open { stream, .. } = &mut self.output else { return Poll::Ready(()) };
        if !self.is_shut_down {
            // Errors do not matter for a peer that has disconnected.
            let _ = ready!(Pin::new(stream).poll_shutdown(context));
            self.is_shut_down = true;
        }
        match ending {
            Ending::Answered => Poll::Ready(()),
            Ending::Awaited | Ending::Violated => self.output.poll_end(context),
        }
    }

    fn direct(&self) -> Option<Direct> {
        match &self.output {
            Output::Open { stream, beginning, .. } if beginning.is_empty() => stream.direct(),
            Output::Open { .. } | Output::Nowhere | Output::Coming { .. } => None,
        }
    }

    fn answers(&self) -> Option<Arc<Answers>> {
        Some(Arc::clone(&self.answers))
    }
}

impl fmt::Debug for EventStream {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("EventStream").field("is_open", &self.is_shut_down).finish_non_exhaustive()
    }
}
