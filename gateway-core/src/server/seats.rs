//! The sockets of one connection. Nearly always one, which then needs no list.

use std::sync::Arc;

use crate::server::seat::Seat;
use crate::transport::DirectWrite;

#[derive(Debug, Default)]
pub(super) struct Seats {
    first: Option<Seat>,
    others: Vec<Seat>,
    /// Whether senders write straight to the transport. They may while the only socket's frames are all there are.
    is_lent: bool,
}

impl Seats {
    pub(super) fn one(seat: Seat) -> Self {
        Self { first: Some(seat), others: Vec::new(), is_lent: false }
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

    pub(super) fn is_lent(&self) -> bool {
        self.is_lent
    }

    /// Lets senders write straight to the transport, where it can be done.
    pub(super) fn lend(&mut self, direct: impl FnOnce() -> Option<Arc<dyn DirectWrite>>) {
        let Some(seat) = self.only().filter(|seat| seat.admission.is_none()) else { return };
        if let Some(direct) = direct() {
            seat.session().outbox.lend(direct);
            self.is_lent = true;
        }
    }

    /// Only the connection's task writes from now on.
    fn take_back(&mut self) {
        if std::mem::take(&mut self.is_lent) {
            self.iter().for_each(|seat| seat.session().outbox.share());
        }
    }

    pub(super) fn push(&mut self, seat: Seat) {
        self.take_back();
        if self.first.is_none() {
            self.first = Some(seat);
        } else {
            self.others.push(seat);
        }
    }

    /// Takes out the first that `is_it` says.
    pub(super) fn take(&mut self, is_it: impl Fn(&mut Seat) -> bool) -> Option<Seat> {
        self.take_back();
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
