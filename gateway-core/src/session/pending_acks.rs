//! Questions of the server that wait for this client's answer.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::protocol::Payload;

/// The client's answer: its data, or the JSON of its error.
pub(crate) type AckResult = Result<Payload<'static>, String>;

/// At most as many questions as the limit; each leaves by answer, by timeout (its receiver is dropped) or by
/// disconnection.
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

    /// A number for a new question and where its answer will arrive; `None` above the limit or after the end.
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

    /// Delivers an answer; returns `true` if `number` was waited for.
    pub(crate) fn answer(&self, number: u64, answer: AckResult) -> bool {
        let sender = self.lock().waiting.remove(&number);
        sender.is_some_and(|sender| sender.send(answer).is_ok())
    }

    /// Nobody waits for `number` any longer.
    pub(crate) fn forget(&self, number: u64) {
        self.lock().waiting.remove(&number);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.lock().waiting.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.lock().waiting.len()
    }

    /// Ends all waits: the client is gone.
    pub(crate) fn close(&self) {
        let mut questions = self.lock();
        questions.closed = true;
        questions.waiting = HashMap::new();
    }

    fn lock(&self) -> MutexGuard<'_, AckTable> {
        // No user code runs under this lock, so a poisoned lock still guards whole data.
        self.questions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
