//! The bounded queue of messages to the engine.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::hub::cluster::log_fate::LogFate;
use crate::protocol::cluster::ClusterMessage;
use crate::sync::lock;

/// Messages in the order in which they are published. Those that the publisher holds count until they are published.
#[derive(Debug)]
pub(super) struct Queue {
    most_messages: usize,
    most_bytes: usize,
    waiting: Mutex<Waiting>,
    /// Notified when a message is added.
    filled: Notify,
    /// Notified when the last message is published.
    emptied: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    messages: VecDeque<(ClusterMessage, MessageNote)>,
    count: usize,
    bytes: usize,
}

/// Size and age of a queued message.
#[derive(Clone, Debug)]
pub(super) struct MessageNote {
    pub(super) bytes: usize,
    pub(super) since: Instant,
    /// Where the outcome is noted, for a message whose place in the log is awaited.
    pub(super) fate: Option<Arc<LogFate>>,
}

impl Queue {
    pub(super) fn new(most_messages: usize, most_bytes: usize) -> Self {
        Self { most_messages, most_bytes, waiting: Mutex::default(), filled: Notify::new(), emptied: Notify::new() }
    }

    /// Adds a message of about this size. Returns `false` if the queue is full.
    pub(super) fn push(&self, message: ClusterMessage, bytes: usize, fate: Option<Arc<LogFate>>) -> bool {
        let mut waiting = self.lock();
        // A message that is larger than the whole queue is accepted alone.
        let is_full = waiting.count >= self.most_messages || waiting.bytes.saturating_add(bytes) > self.most_bytes;
        if is_full && waiting.count > 0 {
            return false;
        }
        waiting.count += 1;
        waiting.bytes += bytes;
        waiting.messages.push_back((message, MessageNote { bytes, since: Instant::now(), fate }));
        drop(waiting);
        self.filled.notify_one();
        true
    }

    /// Moves messages from the front to the end of two lists, until the lists have `most` elements.
    pub(super) fn take(&self, messages: &mut Vec<ClusterMessage>, notes: &mut Vec<MessageNote>, most: usize) {
        let mut waiting = self.lock();
        let count = most.saturating_sub(messages.len()).min(waiting.messages.len());
        for (message, note) in waiting.messages.drain(..count) {
            messages.push(message);
            notes.push(note);
        }
    }

    /// Frees the space of messages that were published.
    pub(super) fn free(&self, published: &[MessageNote]) {
        let mut waiting = self.lock();
        waiting.count = waiting.count.saturating_sub(published.len());
        waiting.bytes = waiting.bytes.saturating_sub(published.iter().map(|note| note.bytes).sum());
        if waiting.count == 0 {
            drop(waiting);
            self.emptied.notify_waiters();
        }
    }

    /// Completes when a message has been added.
    pub(super) async fn filled(&self) {
        self.filled.notified().await;
    }

    /// Completes when every message is published.
    pub(super) async fn emptied(&self) {
        loop {
            let emptied = self.emptied.notified();
            if self.load().0 == 0 {
                return;
            }
            emptied.await;
        }
    }

    /// Number and bytes of the messages that are not published yet.
    pub(super) fn load(&self) -> (usize, usize) {
        let waiting = self.lock();
        (waiting.count, waiting.bytes)
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        lock(&self.waiting)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::cluster::{MessageBody, Question};

    fn message(number: usize) -> ClusterMessage {
        let body = MessageBody::Ask { request: number.to_string(), question: Question::Rooms };
        ClusterMessage { namespace: "/".into(), body }
    }

    #[test]
    fn it_is_bounded_in_messages_and_in_bytes_until_they_are_published() {
        let queue = Queue::new(3, 100);
        assert_eq!([60, 40, 1].map(|bytes| queue.push(message(0), bytes, None)), [true, true, false]);
        let (mut messages, mut notes) = (Vec::new(), Vec::new());
        queue.take(&mut messages, &mut notes, 10);
        assert_eq!((messages.len(), queue.load()), (2, (2, 100)));
        assert!(!queue.push(message(0), 1, None), "what the publisher holds counts");
        queue.free(&notes[..1]);
        assert_eq!([10, 10, 10].map(|bytes| queue.push(message(0), bytes, None)), [true, true, false]);
        assert_eq!(queue.load(), (3, 60));
    }

    #[test]
    fn a_message_larger_than_the_queue_is_taken_alone() {
        let queue = Queue::new(3, 100);
        assert!(queue.push(message(0), 1000, None));
        assert!(!queue.push(message(1), 1, None));
    }

    #[test]
    fn the_rest_stays_before_what_came_later() {
        let queue = Queue::new(10, 1000);
        let (mut messages, mut notes) = (Vec::new(), Vec::new());
        (0..3).for_each(|number| assert!(queue.push(message(number), 1, None)));
        queue.take(&mut messages, &mut notes, 2);
        assert_eq!(messages, [message(0), message(1)]);
        messages.remove(0);
        queue.free(&notes[..1]);
        notes.remove(0);
        assert!(queue.push(message(3), 1, None));
        queue.take(&mut messages, &mut notes, 5);
        assert_eq!(messages, [message(1), message(2), message(3)]);
    }
}
