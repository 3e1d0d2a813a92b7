//! The sockets of a multiplexed connection. Nearly always one.

use std::ops::{Deref, DerefMut};

use crate::connection::socket_driver::SocketDriver;
use crate::transport::Direct;

#[derive(Debug, Default)]
pub(super) struct SocketSet {
    sockets: Vec<SocketDriver>,
    /// Set while senders write directly to the transport, which requires that all frames are those of a single socket.
    is_lent: bool,
}

impl SocketSet {
    /// The only socket, if there is exactly one.
    pub(super) fn only(&self) -> Option<&SocketDriver> {
        if let [only] = self.sockets.as_slice() { Some(only) } else { None }
    }

    // These run several times for each message: the usual case is not a loop.

    #[inline]
    pub(super) fn all(&self, is_it: impl Fn(&SocketDriver) -> bool) -> bool {
        match self.sockets.as_slice() {
            [only] => is_it(only),
            sockets => sockets.iter().all(is_it),
        }
    }

    #[inline]
    pub(super) fn any(&self, is_it: impl Fn(&SocketDriver) -> bool) -> bool {
        match self.sockets.as_slice() {
            [only] => is_it(only),
            sockets => sockets.iter().any(is_it),
        }
    }

    #[inline]
    pub(super) fn each(&mut self, mut work: impl FnMut(&mut SocketDriver)) {
        match self.sockets.as_mut_slice() {
            [only] => work(only),
            sockets => sockets.iter_mut().for_each(work),
        }
    }

    /// The socket in this namespace.
    pub(super) fn in_namespace(&mut self, namespace: &str) -> Option<&mut SocketDriver> {
        self.iter_mut().find(|driver| &*driver.session().namespace == namespace)
    }

    #[inline]
    pub(super) fn is_lent(&self) -> bool {
        self.is_lent
    }

    /// Lets senders write directly to the transport, if possible.
    pub(super) fn attach_writer(&mut self, direct: impl FnOnce() -> Option<Direct>) {
        let Some(driver) = self.only().filter(|driver| driver.connect_hooks.is_none()) else { return };
        if let Some(direct) = direct() {
            driver.session().outbox.attach_writer(direct);
            self.is_lent = true;
        }
    }

    /// Lets only the connection's task write from now on.
    fn detach_writer(&mut self) {
        if std::mem::take(&mut self.is_lent) {
            self.iter().for_each(|driver| driver.session().outbox.detach_writer());
        }
    }

    pub(super) fn push(&mut self, driver: SocketDriver) {
        self.detach_writer();
        // Nearly always the only socket: more capacity would be idle memory.
        self.sockets.reserve_exact(1);
        self.sockets.push(driver);
    }

    /// Removes and returns the socket in this namespace.
    pub(super) fn take(&mut self, namespace: &str) -> Option<SocketDriver> {
        self.detach_writer();
        let index = self.iter().position(|driver| &*driver.session().namespace == namespace)?;
        Some(self.sockets.remove(index))
    }
}

impl Deref for SocketSet {
    type Target = [SocketDriver];

    fn deref(&self) -> &[SocketDriver] {
        &self.sockets
    }
}

impl DerefMut for SocketSet {
    fn deref_mut(&mut self) -> &mut [SocketDriver] {
        &mut self.sockets
    }
}

impl IntoIterator for SocketSet {
    type Item = SocketDriver;
    type IntoIter = std::vec::IntoIter<SocketDriver>;

    fn into_iter(self) -> Self::IntoIter {
        self.sockets.into_iter()
    }
}
