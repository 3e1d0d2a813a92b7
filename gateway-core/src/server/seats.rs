//! The sockets of one connection. Nearly always one, which then needs no list.

use crate::server::seat::Seat;

#[derive(Debug, Default)]
pub(super) struct Seats {
    first: Option<Seat>,
    others: Vec<Seat>,
}

impl Seats {
    pub(super) fn one(seat: Seat) -> Self {
        Self { first: Some(seat), others: Vec::new() }
    }

    pub(super) fn len(&self) -> usize {
        usize::from(self.first.is_some()) + self.others.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Seat> {
        self.first.iter().chain(&self.others)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Seat> {
        self.first.iter_mut().chain(&mut self.others)
    }

    /// The only one, where there is one.
    pub(super) fn only(&self) -> Option<&Seat> {
        self.first.as_ref().filter(|_| self.others.is_empty())
    }

    pub(super) fn only_mut(&mut self) -> Option<&mut Seat> {
        self.first.as_mut().filter(|_| self.others.is_empty())
    }

    /// The one in this namespace.
    pub(super) fn in_namespace(&mut self, namespace: &str) -> Option<&mut Seat> {
        self.iter_mut().find(|seat| &*seat.session().namespace == namespace)
    }

    pub(super) fn push(&mut self, seat: Seat) {
        if self.first.is_none() {
            self.first = Some(seat);
        } else {
            self.others.push(seat);
        }
    }

    /// Takes out the first that `is_it` says.
    pub(super) fn take(&mut self, is_it: impl Fn(&mut Seat) -> bool) -> Option<Seat> {
        if self.first.as_mut().is_some_and(&is_it) {
            let next = if self.others.is_empty() { None } else { Some(self.others.remove(0)) };
            return std::mem::replace(&mut self.first, next);
        }
        let index = self.others.iter_mut().position(is_it)?;
        Some(self.others.remove(index))
    }
}

impl IntoIterator for Seats {
    type Item = Seat;
    type IntoIter = std::iter::Chain<std::option::IntoIter<Seat>, std::vec::IntoIter<Seat>>;

    fn into_iter(self) -> Self::IntoIter {
        self.first.into_iter().chain(self.others)
    }
}
