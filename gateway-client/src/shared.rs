//! State that the handles of a client share with its task.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Notify, watch};

use crate::answers::Answers;
use crate::error::{RequestError, SendError};
use crate::events::Subscriptions;
use crate::inbox::Inbox;
use crate::link::Link;
use crate::options::{Bounds, Delays};
use crate::outbox::{Outbox, PushError};
use crate::pending::Pending;
use crate::session::Session;
use crate::status::{Closed, Status};

/// State of a client.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) delays: Delays,
    pub(crate) bounds: Bounds,
    pub(crate) outbox: Outbox,
    pub(crate) pending: Pending,
    pub(crate) subscriptions: Subscriptions,
    pub(crate) answers: Answers,
    pub(crate) session: Session,
    pub(crate) status: watch::Sender<Status>,
    /// Ends a wait for the next attempt.
    pub(crate) retry: Notify,
    /// Ends attempts and waits for good.
    pub(crate) stop: Notify,
    /// The task, until it is started.
    link: Mutex<Option<Link>>,
}

impl Shared {
    pub(crate) fn new(delays: Delays, bounds: Bounds, session: Session, link: Link) -> Self {
        Self {
            delays,
            bounds,
            outbox: Outbox::new(bounds.queue),
            pending: Pending::default(),
            subscriptions: Subscriptions::default(),
            answers: Answers::default(),
            session,
            status: watch::Sender::new(Status::Connecting),
            retry: Notify::new(),
            stop: Notify::new(),
            link: Mutex::new(Some(link)),
        }
    }

    /// Starts the task on the first call.
    pub(crate) fn start(self: &Arc<Self>) {
        // The runtime may be missing: the panic leaves a whole value behind.
        let mut link = self.link.lock().unwrap_or_else(PoisonError::into_inner);
        if link.is_some() {
            let runtime = tokio::runtime::Handle::current();
            if let Some(link) = link.take() {
                runtime.spawn(link.run(Arc::clone(self)));
            }
        }
    }

    /// Begins the end of the client: messages that wait are still sent, and requests fail.
    pub(crate) fn close(&self) {
        self.outbox.close();
        self.stop.notify_one();
        if self.link.lock().unwrap_or_else(PoisonError::into_inner).take().is_some() {
            // There is no task that would do the rest.
            self.finish(Closed { code: 1000, reason: String::new(), error: None });
        }
    }

    /// Ends the client.
    pub(crate) fn finish(&self, closed: Closed) {
        self.outbox.close();
        self.session.end();
        self.status.send_replace(Status::Closed(closed));
        self.pending.close(|| RequestError::closed(self.closed()));
        self.subscriptions.end();
        self.answers.clear();
    }

    /// The end of this client, as far as it is known.
    pub(crate) fn closed(&self) -> Closed {
        match &*self.status.borrow() {
            Status::Closed(closed) => closed.clone(),
            Status::Connecting | Status::Open(_) | Status::Waiting(_) => {
                Closed { code: 1000, reason: String::new(), error: None }
            }
        }
    }

    pub(crate) fn send_error(&self, error: PushError) -> SendError {
        match error {
            PushError::Full => SendError::Full,
            PushError::Closed => SendError::Closed(self.closed()),
        }
    }

    pub(crate) fn inbox<E>(&self) -> Arc<Inbox<E>> {
        Arc::new(Inbox::new(self.bounds.unread, self.bounds.unread_bytes))
    }
}
