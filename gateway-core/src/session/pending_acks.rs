//! Requests of the server that wait for this client's answer.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};

use tokio::sync::oneshot;

use crate::protocol::Payload;
use crate::sync::lock;

/// The client's answer: its data, or the JSON of its error.
pub(crate) type AckResult = Result<Payload<'static>, String>;

/// The pending requests to a client, bounded by the limit. A request is removed by its answer, by its timeout (the
/// receiver is dropped) or by the disconnect.
#[derive(Debug)]
pub(crate) struct PendingAcks {
    limit: usize,
    questions: Mutex<AckTable>,
}

#[derive(Debug, Default)]
struct AckTable {
    next: u64,
    waiting: HashMap<u64, oneshot::Sender<AckResult>>,
    closed: bool,
}

impl PendingAcks {
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, questions: Mutex::default() }
    }

    /// Registers a request. Returns its number and the receiver of its answer; `None` above the limit or after the end.
    pub(crate) fn open(&self) -> Option<(u64, oneshot::Receiver<AckResult>)> {
        let mut questions = self.lock();
        if questions.closed || questions.waiting.len() >= self.limit {
            return None;
        }
        let (sender, receiver) = oneshot::channel();
        let number = questions.next;
        questions.next += 1;
        questions.waiting.insert(number, sender);
        Some((number, receiver))
    }

    /// Delivers an answer. Returns `true` if request `number` was pending.
    pub(crate) fn answer(&self, number: u64, answer: AckResult) -> bool {
        let sender = self.lock().waiting.remove(&number);
        sender.is_some_and(|sender| sender.send(answer).is_ok())
    }

    /// Removes request `number`.
    pub(crate) fn forget(&self, number: u64) {
        self.lock().waiting.remove(&number);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.lock().waiting.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.lock().waiting.len()
    }

    /// Removes all requests after a disconnect.
    pub(crate) fn close(&self) {
        let mut questions = self.lock();
        questions.closed = true;
        questions.waiting = HashMap::new();
    }

    fn lock(&self) -> MutexGuard<'_, AckTable> {
        lock(&self.questions)
    }
}
