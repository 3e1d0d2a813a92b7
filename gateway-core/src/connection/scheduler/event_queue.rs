//! A queue bounded in number and bytes. Holds copies, so that queued events do not keep read buffers alive.

use std::collections::VecDeque;

use crate::limits::Limits;

/// A queue whose bounds are checked before reading, not when pushing.
#[derive(Debug)]
pub(crate) struct EventQueue<T> {
    items: VecDeque<(T, usize)>,
    bytes: usize,
}

impl<T> Default for EventQueue<T> {
    fn default() -> Self {
        Self { items: VecDeque::new(), bytes: 0 }
    }
}

impl<T> EventQueue<T> {
    pub(crate) fn has_room(&self, limits: &Limits) -> bool {
        self.items.len() < limits.queued_events && self.bytes < limits.queued_bytes
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }

    pub(crate) fn push(&mut self, item: T, bytes: usize) {
        self.bytes += bytes;
        self.items.push_back((item, bytes));
    }

    /// Items in order of arrival.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.items.iter().map(|(item, _)| item)
    }

    pub(crate) fn pop(&mut self) -> Option<T> {
        self.remove(0)
    }

    pub(crate) fn remove(&mut self, index: usize) -> Option<T> {
        let (item, bytes) = self.items.remove(index)?;
        self.bytes -= bytes;
        if self.items.is_empty() {
            // An idle connection keeps no buffer of a burst.
            self.items = VecDeque::new();
        }
        Some(item)
    }

    /// Removes and returns the items that match `is_it`, in order.
    pub(crate) fn take(&mut self, is_it: impl Fn(&T) -> bool) -> Vec<T> {
        let (taken, left): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.items).into_iter().partition(|(item, _)| is_it(item));
        self.items = left.into();
        self.bytes -= taken.iter().map(|(_, bytes)| bytes).sum::<usize>();
        taken.into_iter().map(|(item, _)| item).collect()
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_and_bytes_bound_it_but_one_item_always_fits() {
        let limits = Limits { queued_events: 2, queued_bytes: 10, ..Limits::default() };
        let mut waiting = EventQueue::default();
        assert!(waiting.has_room(&limits));
        waiting.push("large", 100);
        assert!(!waiting.has_room(&limits));
        assert_eq!(waiting.pop(), Some("large"));
        waiting.push("a", 1);
        assert!(waiting.has_room(&limits));
        waiting.push("b", 1);
        assert!(!waiting.has_room(&limits));
        assert_eq!(waiting.take(|item| *item == "a"), ["a"]);
        assert!(waiting.has_room(&limits));
    }
}
