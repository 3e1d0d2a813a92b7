//! The end of a sender's batch of work: what it sent to many sockets is written when its turn is over, so that several
//! frames for one socket leave together, and no receiver's task is woken for what its sender can write.

use std::cell::RefCell;
use std::sync::Arc;

use crate::session::Session;
use crate::session::sync::thread_local;

thread_local! {
    static BATCH: RefCell<Option<Marked>> = const { RefCell::new(None) };
}

struct Marked {
    /// The session whose turn it is; it writes its own outbox.
    owner: *const Session,
    sessions: Vec<Arc<Session>>,
    lists: Vec<Arc<[Arc<Session>]>>,
}

/// One turn of a connection. Ending it writes what was sent meanwhile.
#[derive(Debug)]
pub(crate) struct Batch {
    outermost: bool,
}

impl Batch {
    /// `owner` is the only session of the connection, where there is one.
    pub(crate) fn begin(owner: Option<&Arc<Session>>) -> Self {
        let owner = owner.map_or(std::ptr::null(), Arc::as_ptr);
        BATCH.with(|batch| {
            let mut batch = batch.borrow_mut();
            let outermost = batch.is_none();
            batch.get_or_insert_with(|| Marked { owner, sessions: Vec::new(), lists: Vec::new() });
            Self { outermost }
        })
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        if !self.outermost {
            return;
        }
        let Some(Marked { sessions, lists, .. }) = BATCH.with(RefCell::take) else { return };
        for session in sessions.iter().chain(lists.iter().flat_map(|list| list.iter())) {
            session.outbox.write_marked();
        }
    }
}

/// Sees to it that what was pushed goes out: at the end of the batch, or now where there is none.
pub(crate) fn write_soon(session: &Arc<Session>) {
    let is_seen_to = BATCH.with(|batch| match &mut *batch.borrow_mut() {
        Some(marked) if marked.owner == Arc::as_ptr(session) => true,
        Some(marked) => {
            marked.sessions.push(Arc::clone(session));
            true
        }
        None => false,
    });
    if !is_seen_to {
        session.outbox.write_marked();
    }
}

/// The same for many; those that were not pushed to are passed over. A list that was marked before is not marked twice.
pub(crate) fn write_all_soon(list: &Arc<[Arc<Session>]>) {
    let is_seen_to = BATCH.with(|batch| match &mut *batch.borrow_mut() {
        Some(marked) => {
            if !marked.lists.iter().any(|other| Arc::ptr_eq(other, list)) {
                marked.lists.push(Arc::clone(list));
            }
            true
        }
        None => false,
    });
    if !is_seen_to {
        for session in list.iter() {
            session.outbox.write_marked();
        }
    }
}
