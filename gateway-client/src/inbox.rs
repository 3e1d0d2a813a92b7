//! Items that arrived and were not read yet.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use crate::wire::Data;

/// A bounded queue of items with one reader. `E` is the failure that may end it.
pub(crate) struct Inbox<E> {
    state: Mutex<State<E>>,
    most: usize,
    most_bytes: usize,
}

struct State<E> {
    items: VecDeque<Data>,
    bytes: usize,
    failure: Option<E>,
    is_ended: bool,
    reader: Option<Waker>,
}

impl<E> Inbox<E> {
    pub(crate) fn new(most: usize, most_bytes: usize) -> Self {
        let state = State { items: VecDeque::new(), bytes: 0, failure: None, is_ended: false, reader: None };
        Self { state: Mutex::new(state), most, most_bytes }
    }

    /// Adds an item. Returns `false` if it does not fit: the inbox then ends with `overflow` after the items before.
    pub(crate) fn push(&self, item: Data, overflow: impl FnOnce() -> E) -> bool {
        let mut state = self.lock();
        if state.is_ended {
            return true;
        }
        let bytes = state.bytes + item.kept();
        let fits = state.items.len() < self.most && (bytes <= self.most_bytes || state.items.is_empty());
        if fits {
            state.bytes = bytes;
            state.items.push_back(item);
        } else {
            state.is_ended = true;
            state.failure = Some(overflow());
        }
        wake(state);
        fits
    }

    /// Ends the inbox after the items that it has.
    pub(crate) fn end(&self, failure: Option<E>) {
        let mut state = self.lock();
        if !state.is_ended {
            state.is_ended = true;
            state.failure = failure;
            wake(state);
        }
    }

    /// Returns `true` if it takes no more items.
    pub(crate) fn is_ended(&self) -> bool {
        self.lock().is_ended
    }

    pub(crate) fn poll_next(&self, context: &mut Context<'_>) -> Poll<Option<Result<Data, E>>> {
        let mut state = self.lock();
        if let Some(item) = state.items.pop_front() {
            state.bytes -= item.kept();
            return Poll::Ready(Some(Ok(item)));
        }
        if state.is_ended {
            return Poll::Ready(state.failure.take().map(Err));
        }
        state.reader = Some(context.waker().clone());
        Poll::Pending
    }

    // No user code runs under this lock, so a poisoned lock still guards whole data.
    fn lock(&self) -> MutexGuard<'_, State<E>> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Wakes the reader after the lock is released.
fn wake<E>(mut state: MutexGuard<'_, State<E>>) {
    let reader = state.reader.take();
    drop(state);
    if let Some(reader) = reader {
        reader.wake();
    }
}

impl<E> fmt::Debug for Inbox<E> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Inbox").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(inbox: &Inbox<&'static str>) -> Poll<Option<Result<String, &'static str>>> {
        let read = inbox.poll_next(&mut Context::from_waker(Waker::noop()));
        read.map(|item| item.map(|item| item.map(|data| data.json().to_owned())))
    }

    #[test]
    fn what_does_not_fit_ends_it_after_the_items_before() {
        let inbox = Inbox::new(2, 1000);
        assert!(inbox.push(Data::null(), || "full") && inbox.push(Data::null(), || "full"));
        assert!(!inbox.push(Data::null(), || "full"));
        inbox.end(Some("lost"));
        for expected in [Some(Ok("null".to_owned())), Some(Ok("null".to_owned())), Some(Err("full")), None, None] {
            assert_eq!(next(&inbox), Poll::Ready(expected));
        }
    }

    #[test]
    fn one_item_fits_however_large() {
        let inbox = Inbox::new(2, 1);
        assert!(inbox.push(Data::null(), || "full"));
        assert!(!inbox.push(Data::null(), || "full"));
        assert_eq!(next(&inbox), Poll::Ready(Some(Ok("null".to_owned()))));
        assert_eq!(next(&inbox), Poll::Ready(Some(Err("full"))));
    }
}
