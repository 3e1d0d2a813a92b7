//! The sockets of one connection. Nearly always one.

use std::ops::{Deref, DerefMut};

use crate::server::seat::Seat;
use crate::transport::Direct;

#[derive(Debug, Default)]
pub(super) struct Seats {
    seats: Vec<Seat>,
    /// Whether senders write straight to the transport. They may while the only socket's frames are all there are.
    is_lent: bool,
}

impl Seats {
    pub(super) fn one(seat: Seat) -> Self {
        Self { seats: vec![seat], is_lent: false }
    }

    /// The only one, where there is one.
    pub(super) fn only(&self) -> Option<&Seat> {
        if let [only] = self.seats.as_slice() { Some(only) } else { None }
    }

    pub(super) fn only_mut(&mut self) -> Option<&mut Seat> {
        if let [only] = self.seats.as_mut_slice() { Some(only) } else { None }
    }

    // These run several times for each message: the usual case is not a loop.

    #[inline]
    pub(super) fn all(&self, is_it: impl Fn(&Seat) -> bool) -> bool {
        match self.seats.as_slice() {
            [only] => is_it(only),
            seats => seats.iter().all(is_it),
        }
    }

    #[inline]
    pub(super) fn any(&self, is_it: impl Fn(&Seat) -> bool) -> bool {
        match self.seats.as_slice() {
            [only] => is_it(only),
            seats => seats.iter().any(is_it),
        }
    }

    #[inline]
    pub(super) fn each(&mut self, mut work: impl FnMut(&mut Seat)) {
        match self.seats.as_mut_slice() {
            [only] => work(only),
            seats => seats.iter_mut().for_each(work),
        }
    }

    /// The one in this namespace.
    pub(super) fn in_namespace(&mut self, namespace: &str) -> Option<&mut Seat> {
        self.iter_mut().find(|seat| &*seat.session().namespace == namespace)
    }

    #[inline]
    pub(super) fn is_lent(&self) -> bool {
        self.is_lent
    }

    /// Lets senders write straight to the transport, where it can be done.
    pub(super) fn lend(&mut self, direct: impl FnOnce() -> Option<Direct>) {
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
        // Nearly always the only one: room for more would be idle memory.
        self.seats.reserve_exact(1);
        self.seats.push(seat);
    }

    /// Takes out the one in this namespace.
    pub(super) fn take(&mut self, namespace: &str) -> Option<Seat> {
        self.take_back();
        let index = self.iter().position(|seat| &*seat.session().namespace == namespace)?;
        Some(self.seats.remove(index))
    }
}

impl Deref for Seats {
    type Target = [Seat];

    fn deref(&self) -> &[Seat] {
        &self.seats
    }
}

impl DerefMut for Seats {
    fn deref_mut(&mut self) -> &mut [Seat] {
        &mut self.seats
    }
}

impl IntoIterator for Seats {
    type Item = Seat;
    type IntoIter = std::vec::IntoIter<Seat>;

    fn into_iter(self) -> Self::IntoIter {
        self.seats.into_iter()
    }
}
