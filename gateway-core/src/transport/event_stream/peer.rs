//! The requests of a client with an event stream: the one that listens, and the POSTs that bring messages.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use tokio::sync::{mpsc, oneshot};

use crate::transport::event_stream::answers::{Answers, AwaitedAnswer};
use crate::transport::{CountedPermit, Stream};

/// The bytes that the client reads, and what has come behind its request.
pub(super) type Attachment = Box<dyn Stream>;

/// A message of a POST.
#[derive(Debug)]
pub(super) struct Posted {
    pub(super) text: String,
    /// Told once the connection has taken it.
    pub(super) taken: oneshot::Sender<()>,
}

/// Decision of the connect hooks.
#[derive(Debug)]
pub(crate) enum StreamVerdict {
    /// The client is let in, and its stream may begin.
    Accepted(StreamStart),
    /// The client is refused, by these frames.
    Refused(Vec<u8>),
}

/// The way to give a connection its stream. Dropping it ends the connection.
#[derive(Debug)]
pub(crate) struct StreamStart(pub(super) oneshot::Sender<Attachment>);

impl StreamStart {
    pub(crate) fn attach(self, stream: Box<dyn Stream>) {
        // The connection may have ended meanwhile; the stream then ends as well.
        drop(self.0.send(stream));
    }
}

/// Reason why a message of a POST did not reach its socket.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum UndeliveredPost {
    /// The connection has ended.
    Gone,
    /// Another request with this id waits for its answer.
    Duplicate,
}

/// The handle for the POSTs of one client. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct EventStreamPeer {
    pub(super) posted: mpsc::Sender<Posted>,
    pub(super) answers: Arc<Answers>,
    pub(super) posts: Arc<AtomicUsize>,
}

impl EventStreamPeer {
    /// Takes a place among the POSTs of this client, at most `limit`.
    pub(crate) fn begin_post(&self, limit: usize) -> Option<CountedPermit> {
        CountedPermit::acquire(&self.posts, limit)
    }

    /// Delivers a message, and waits until the connection has taken it: while events wait for their turn, it takes none.
    ///
    /// # Errors
    ///
    /// [`UndeliveredPost::Gone`] where the connection has ended.
    pub(crate) async fn post(&self, text: String) -> Result<(), UndeliveredPost> {
        let (taken, is_taken) = oneshot::channel();
        self.posted.send(Posted { text, taken }).await.map_err(|_| UndeliveredPost::Gone)?;
        is_taken.await.map_err(|_| UndeliveredPost::Gone)
    }

    /// Begins to wait for the answer to the request with this id.
    ///
    /// # Errors
    ///
    /// [`UndeliveredPost::Duplicate`] where another one has the id.
    pub(crate) fn expect(&self, id: &str) -> Result<AwaitedAnswer, UndeliveredPost> {
        self.answers.expect(id).ok_or(UndeliveredPost::Duplicate)
    }
}
