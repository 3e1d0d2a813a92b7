//! Frames behind the first, with an index of their keys.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use crate::protocol::{Encoded, Key};
use crate::session::outbox::frame_queue::QueuedFrame;

/// Initial capacity, for a burst.
const BURST: usize = 8;
/// Number of frames up to which a key is searched linearly.
const FEW: usize = 64;

/// A queue of frames with stable numbers: a frame removed from the middle leaves a hole.
#[derive(Debug)]
pub(super) struct Backlog {
    places: VecDeque<Option<QueuedFrame>>,
    holes: usize,
    /// The number of the first entry.
    first: u64,
    /// Number of frames with a key.
    keyed: usize,
    /// Index from key to number. Created by the first search among many frames.
    table: Option<Box<Numbers>>,
}

type Numbers = HashMap<Arc<Key>, u64, BuildHasherDefault<KeyHasher>>;

impl Backlog {
    pub(super) fn new() -> Self {
        Self { places: VecDeque::with_capacity(BURST), holes: 0, first: 0, keyed: 0, table: None }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.places.len() == self.holes
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Encoded> {
        self.places.iter().flatten().map(|(frame, _)| frame)
    }

    #[inline]
    pub(super) fn push_back(&mut self, place: QueuedFrame) {
        if let Some(key) = place.0.key() {
            self.keyed += 1;
            if let Some(table) = &mut self.table {
                table.insert(Arc::clone(key), self.first.wrapping_add(self.places.len() as u64));
            }
        }
        self.places.push_back(Some(place));
    }

    pub(super) fn push_front(&mut self, place: QueuedFrame) {
        self.first = self.first.wrapping_sub(1);
        if let Some(key) = place.0.key() {
            self.keyed += 1;
            if let Some(table) = &mut self.table {
                table.insert(Arc::clone(key), self.first);
            }
        }
        self.places.push_front(Some(place));
    }

    /// The last frame, which is never a hole.
    #[inline]
    pub(super) fn back_mut(&mut self) -> Option<&mut QueuedFrame> {
        self.places.back_mut()?.as_mut()
    }

    pub(super) fn pop_front(&mut self) -> Option<QueuedFrame> {
        while let Some(place) = self.places.pop_front() {
            let number = self.first;
            self.first = self.first.wrapping_add(1);
            match place {
                Some(place) => {
                    self.forget_key(&place.0, number);
                    return Some(place);
                }
                None => self.holes -= 1,
            }
        }
        None
    }

    /// Removes the first frame that matches `is_it`.
    pub(super) fn take_first(&mut self, is_it: impl Fn(&QueuedFrame) -> bool) -> Option<QueuedFrame> {
        let index = self.places.iter().position(|place| place.as_ref().is_some_and(&is_it))?;
        self.take(index)
    }

    /// Removes the frame with the key of `frame`.
    pub(super) fn take_keyed(&mut self, frame: &Encoded) -> Option<QueuedFrame> {
        let key = frame.key().filter(|_| self.keyed > 0)?;
        if self.keyed <= FEW {
            return self.take_first(|(older, _)| older.has_key_of(frame));
        }
        if self.table.is_none() {
            let numbers = (0..).map(|index| self.first.wrapping_add(index)).zip(&self.places);
            let keys = numbers.filter_map(|(number, place)| Some((Arc::clone(place.as_ref()?.0.key()?), number)));
            self.table = Some(Box::new(keys.collect()));
        }
        let number = *self.table.as_ref()?.get(key)?;
        self.take(usize::try_from(number.wrapping_sub(self.first)).ok()?)
    }

    fn take(&mut self, index: usize) -> Option<QueuedFrame> {
        let place = self.places.get_mut(index)?.take()?;
        self.forget_key(&place.0, self.first.wrapping_add(index as u64));
        self.holes += 1;
        while let Some(None) = self.places.back() {
            self.places.pop_back();
            self.holes -= 1;
        }
        // Compacting at more holes than frames makes the cost of a removal constant on average.
        if self.holes > self.places.len() / 2 + BURST {
            self.places.retain(Option::is_some);
            self.holes = 0;
            self.table = None;
        }
        Some(place)
    }

    fn forget_key(&mut self, frame: &Encoded, number: u64) {
        let Some(key) = frame.key() else { return };
        self.keyed -= 1;
        if let Some(table) = &mut self.table
            && table.get(key) == Some(&number)
        {
            table.remove(key);
        }
    }
}

/// A hasher that uses the hash stored in a key.
#[derive(Default)]
struct KeyHasher(u64);

impl Hasher for KeyHasher {
    fn write(&mut self, _: &[u8]) {
        unreachable!("a key is hashed by its number");
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::session::outbox::Delivery;

    fn keyed(number: u8) -> Encoded {
        Encoded::frame(crate::protocol::OpCode::Binary, &[number]).into_keyed(&Key::new("event", &number.to_string()))
    }

    fn plain(number: u8) -> Encoded {
        Encoded::frame(crate::protocol::OpCode::Text, &[number])
    }

    #[derive(Clone, Debug)]
    enum ModelStep {
        Latest(u8),
        Plain(u8),
        Pop,
    }

    fn steps() -> impl Strategy<Value = Vec<ModelStep>> {
        let latest = any::<u8>().prop_map(ModelStep::Latest);
        let plain = any::<u8>().prop_map(ModelStep::Plain);
        proptest::collection::vec(prop_oneof![6 => latest, 2 => plain, 1 => Just(ModelStep::Pop)], 0..900)
    }

    proptest! {
        #[test]
        fn it_holds_what_a_plain_list_holds(steps in steps()) {
            let mut behind = Backlog::new();
            let mut list: Vec<Encoded> = Vec::new();
            for step in steps {
                match step {
                    ModelStep::Latest(number) => {
                        let frame = keyed(number);
                        let older = list.iter().position(|older| older.has_key_of(&frame));
                        let taken = behind.take_keyed(&frame).map(|(frame, _)| frame);
                        prop_assert_eq!(taken.is_some(), older.is_some());
                        if let Some(older) = older {
                            list.remove(older);
                        }
                        list.push(frame.clone());
                        behind.push_back((frame, Delivery::Event));
                    }
                    ModelStep::Plain(number) => {
                        list.push(plain(number));
                        behind.push_back((plain(number), Delivery::Event));
                    }
                    ModelStep::Pop => {
                        let first = (!list.is_empty()).then(|| list.remove(0));
                        let popped = behind.pop_front().map(|(frame, _)| frame);
                        prop_assert_eq!(popped.as_ref().map(Encoded::as_slice), first.as_ref().map(Encoded::as_slice));
                    }
                }
                prop_assert_eq!(behind.is_empty(), list.is_empty());
                prop_assert!(behind.places.len() <= 2 * list.len() + 2 * BURST + 2, "holes are closed");
            }
            prop_assert!(behind.iter().map(Encoded::as_slice).eq(list.iter().map(Encoded::as_slice)));
        }
    }
}
