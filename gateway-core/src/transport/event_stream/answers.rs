//! Answers to the requests of a client whose connection carries events alone: each goes to the POST that asked.

use std::collections::{HashMap, VecDeque};
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::sync::lock;

/// Items of a stream of replies that wait for one POST; then the stream pauses.
const WAITING_ITEMS: usize = 16;

/// Requests that wait for their answers, by id.
#[derive(Debug, Default)]
pub(crate) struct Answers(Mutex<AnswerTable>);

#[derive(Debug, Default)]
struct AnswerTable {
    waiting: HashMap<String, PendingAnswer>,
    /// Ids of requests whose POST has gone before its answer.
    abandoned: Vec<String>,
    is_over: bool,
    /// Waker of the connection's task.
    task: Option<Waker>,
}

#[derive(Debug, Default)]
struct PendingAnswer {
    frames: VecDeque<AnswerFrame>,
    is_ended: bool,
    waker: Option<Waker>,
}

/// A frame of an answer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct AnswerFrame {
    /// JSON, as plain WebSocket has it.
    pub(crate) json: Bytes,
    pub(crate) is_last: bool,
}

/// Members of an answer that say where it goes.
#[derive(Deserialize)]
struct AnswerMembers<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(default)]
    more: bool,
}

impl Answers {
    /// Begins to wait for the answer to the request with this id. `None` if another one has the id.
    pub(super) fn expect(self: &Arc<Self>, id: &str) -> Option<AwaitedAnswer> {
        let mut table = self.lock();
        if table.waiting.contains_key(id) {
            return None;
        }
        let is_ended = table.is_over;
        table.waiting.insert(id.to_owned(), PendingAnswer { is_ended, ..PendingAnswer::default() });
        Some(AwaitedAnswer { answers: Arc::clone(self), id: id.to_owned(), is_over: false })
    }

    /// Delivers an answer. One to a request whose POST has gone is dropped.
    pub(crate) fn deliver(&self, frame: &[u8]) {
        self.put(frame, usize::MAX);
    }

    /// Delivers an item of a stream. Returns `false` if the POST has as many as it may have; the connection's task is woken
    /// when it takes more.
    pub(crate) fn offer(&self, frame: &[u8]) -> bool {
        self.put(frame, WAITING_ITEMS)
    }

    /// Ends all requests: no answer will come any more.
    pub(crate) fn end(&self) {
        let mut table = self.lock();
        table.is_over = true;
        for pending in table.waiting.values_mut() {
            pending.is_ended = true;
            wake(&mut pending.waker);
        }
    }

    /// Ids of requests that nobody waits for any more.
    pub(super) fn take_abandoned(&self, context: &Context<'_>) -> Vec<String> {
        let mut table = self.lock();
        table.task = Some(context.waker().clone());
        mem::take(&mut table.abandoned)
    }

    fn put(&self, frame: &[u8], most: usize) -> bool {
        let Ok(AnswerMembers { id: Some(id), more }) = serde_json::from_slice(frame) else { return true };
        let mut table = self.lock();
        let Some(pending) = table.waiting.get_mut(id.get()).filter(|pending| !pending.is_ended) else { return true };
        if pending.frames.len() >= most {
            return false;
        }
        pending.frames.push_back(AnswerFrame { json: Bytes::copy_from_slice(frame), is_last: !more });
        pending.is_ended = !more;
        wake(&mut pending.waker);
        true
    }

    fn lock(&self) -> MutexGuard<'_, AnswerTable> {
        lock(&self.0)
    }
}

fn wake(waker: &mut Option<Waker>) {
    if let Some(waker) = waker.take() {
        waker.wake();
    }
}

/// The answer that a POST waits for. Dropping it before the answer's end cancels the request.
#[derive(Debug)]
pub(crate) struct AwaitedAnswer {
    answers: Arc<Answers>,
    id: String,
    is_over: bool,
}

impl AwaitedAnswer {
    /// The next frame; `None` if the socket ended without one.
    pub(crate) fn poll_next(&mut self, context: &Context<'_>) -> Poll<Option<AnswerFrame>> {
        let mut table = self.answers.lock();
        let Some(pending) = table.waiting.get_mut(&self.id) else { return Poll::Ready(None) };
        let Some(frame) = pending.frames.pop_front() else {
            self.is_over = pending.is_ended;
            if pending.is_ended {
                return Poll::Ready(None);
            }
            pending.waker = Some(context.waker().clone());
            return Poll::Pending;
        };
        self.is_over = frame.is_last;
        if pending.frames.len() + 1 == WAITING_ITEMS {
            wake(&mut table.task);
        }
        Poll::Ready(Some(frame))
    }
}

impl Drop for AwaitedAnswer {
    fn drop(&mut self) {
        let mut table = self.answers.lock();
        table.waiting.remove(&self.id);
        if !self.is_over && !table.is_over {
            table.abandoned.push(mem::take(&mut self.id));
            wake(&mut table.task);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::task::noop_waker_ref;

    use super::*;

    fn next(awaited: &mut AwaitedAnswer) -> Poll<Option<(String, bool)>> {
        let polled = awaited.poll_next(&Context::from_waker(noop_waker_ref()));
        polled.map(|frame| frame.map(|frame| (String::from_utf8(frame.json.to_vec()).unwrap(), frame.is_last)))
    }

    fn abandoned(answers: &Answers) -> Vec<String> {
        answers.take_abandoned(&Context::from_waker(noop_waker_ref()))
    }

    #[test]
    fn an_answer_goes_to_the_request_with_its_id() {
        let answers = Arc::<Answers>::default();
        let mut seven = answers.expect("7").unwrap();
        let mut text = answers.expect("\"7\"").unwrap();
        assert!(answers.expect("7").is_none());
        answers.deliver(br#"{"event":"a","data":1,"id":"7"}"#);
        assert_eq!((next(&mut seven), abandoned(&answers)), (Poll::Pending, vec![]));
        assert_eq!(next(&mut text), Poll::Ready(Some((r#"{"event":"a","data":1,"id":"7"}"#.into(), true))));
        assert_eq!(next(&mut text), Poll::Ready(None));
        drop(text);
        assert!(abandoned(&answers).is_empty());
        drop(seven);
        assert_eq!(abandoned(&answers), ["7"]);
        assert!(answers.expect("7").is_some());
    }

    #[test]
    fn items_wait_within_a_bound_and_their_end_is_never_refused() {
        let answers = Arc::<Answers>::default();
        let mut awaited = answers.expect("1").unwrap();
        let item = br#"{"event":"a","data":1,"id":1,"more":true}"#;
        for _ in 0..WAITING_ITEMS {
            assert!(answers.offer(item));
        }
        assert!(!answers.offer(item));
        answers.deliver(br#"{"event":"a","id":1,"end":true}"#);
        let mut lasts = Vec::new();
        while let Poll::Ready(Some((_, is_last))) = next(&mut awaited) {
            lasts.push(is_last);
        }
        assert_eq!((lasts.len(), lasts.last()), (WAITING_ITEMS + 1, Some(&true)));
        // Nothing comes behind the end.
        answers.deliver(item);
        assert_eq!(next(&mut awaited), Poll::Ready(None));
    }

    #[test]
    fn the_end_of_the_socket_ends_what_waits_and_what_comes_later() {
        let answers = Arc::<Answers>::default();
        let mut awaited = answers.expect("1").unwrap();
        answers.end();
        assert_eq!(next(&mut awaited), Poll::Ready(None));
        assert_eq!(next(&mut answers.expect("2").unwrap()), Poll::Ready(None));
    }
}
