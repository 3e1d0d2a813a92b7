//! Messages that the client library has read and that are not handed on yet.

use std::convert::Infallible;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redis::{PushInfo, Value};
use tokio::sync::Notify;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::link::{PushReceiver, Pushed};

/// Messages of one connection in the order of their arrival. Those that came in one read are handed on together by a task of
/// their own, so that a client that gets several of them gets them in one write.
pub(super) struct Inbox {
    receiver: Arc<dyn PushReceiver>,
    waiting: Mutex<Waiting>,
    /// Locked while messages are handed on, so that they keep their order.
    handing_on: Mutex<()>,
    arrived: Notify,
}

/// An inbox with its task, which ends when this is dropped.
pub(super) struct OpenInbox {
    inbox: Arc<Inbox>,
    _task: DropGuard,
}

#[derive(Default)]
struct Waiting {
    messages: Vec<PushInfo>,
    bytes: usize,
}

/// Maximum number of messages that wait. The one that reaches it is handed on with all before it at once: the connection is not
/// read meanwhile.
const MOST_MESSAGES: usize = 64;
/// The same for the sum of their bytes. A client's queue takes several times as much.
const MOST_BYTES: usize = 64 * 1024;

impl OpenInbox {
    /// Starts the task.
    pub(super) fn start(receiver: Arc<dyn PushReceiver>) -> Self {
        let (waiting, handing_on) = Default::default();
        let inbox = Arc::new(Inbox { receiver, waiting, handing_on, arrived: Notify::new() });
        let ending = CancellationToken::new();
        let task = ending.clone().drop_guard();
        let emptied = Arc::clone(&inbox);
        tokio::spawn(async move {
            let handing_on = async {
                loop {
                    emptied.arrived.notified().await;
                    emptied.hand_on();
                }
            };
            // One wait for the end, and not one for each message.
            let _: Option<Infallible> = ending.run_until_cancelled(handing_on).await;
            emptied.hand_on();
        });
        Self { inbox, _task: task }
    }
}

impl Deref for OpenInbox {
    type Target = Inbox;

    fn deref(&self) -> &Inbox {
        &self.inbox
    }
}

impl Inbox {
    /// Adds a message.
    pub(super) fn add(&self, message: PushInfo) {
        let mut waiting = self.lock();
        waiting.bytes += message.data.iter().map(size).sum::<usize>();
        waiting.messages.push(message);
        let (count, bytes) = (waiting.messages.len(), waiting.bytes);
        drop(waiting);
        if count >= MOST_MESSAGES || bytes >= MOST_BYTES {
            self.hand_on();
        } else if count == 1 {
            self.arrived.notify_one();
        }
    }

    /// Hands on all that waits.
    pub(super) fn hand_on(&self) {
        let _in_order = self.handing_on.lock().unwrap_or_else(PoisonError::into_inner);
        let messages = std::mem::take(&mut *self.lock()).messages;
        if messages.is_empty() {
            return;
        }
        self.receiver.receive_together(&mut || {
            for PushInfo { kind, data } in &messages {
                if let Some(pushed) = Pushed::read(kind, data) {
                    self.receiver.receive(pushed);
                }
            }
        });
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn size(value: &Value) -> usize {
    match value {
        Value::BulkString(bytes) => bytes.len(),
        Value::SimpleString(text) => text.len(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use redis::PushKind;

    use super::*;

    #[derive(Default)]
    struct Received(Mutex<Vec<String>>);

    impl PushReceiver for Received {
        fn receive(&self, pushed: Pushed<'_>) {
            self.0.lock().unwrap().push(String::from_utf8_lossy(pushed.payload).into_owned());
        }

        fn receive_together(&self, receive: &mut dyn FnMut()) {
            receive();
            self.0.lock().unwrap().push("|".to_owned());
        }
    }

    fn message(payload: &str) -> PushInfo {
        let text = |text: &str| Value::BulkString(text.as_bytes().to_vec());
        PushInfo { kind: PushKind::Message, data: vec![text("channel"), text(payload)] }
    }

    fn taken(received: &Received) -> String {
        std::mem::take(&mut *received.0.lock().unwrap()).concat()
    }

    #[tokio::test]
    async fn what_comes_in_one_read_is_handed_on_together() {
        let received = Arc::new(Received::default());
        let inbox = OpenInbox::start(Arc::<Received>::clone(&received));
        for payload in ["a", "b", "c"] {
            inbox.add(message(payload));
        }
        assert_eq!(taken(&received), "", "the rest of the read comes first");
        tokio::task::yield_now().await;
        assert_eq!(taken(&received), "abc|");
        inbox.add(message("d"));
        tokio::task::yield_now().await;
        assert_eq!(taken(&received), "d|");
    }

    #[tokio::test]
    async fn it_is_bounded_and_nothing_is_lost_at_its_end() {
        let received = Arc::new(Received::default());
        let inbox = OpenInbox::start(Arc::<Received>::clone(&received));
        (0..MOST_MESSAGES).for_each(|_| inbox.add(message("x")));
        assert_eq!(taken(&received).len(), MOST_MESSAGES + 1);
        inbox.add(message(&"y".repeat(MOST_BYTES)));
        assert_eq!(taken(&received).len(), MOST_BYTES + 1);
        inbox.add(message("last"));
        drop(inbox);
        tokio::task::yield_now().await;
        assert_eq!(taken(&received), "last|");
    }
}
