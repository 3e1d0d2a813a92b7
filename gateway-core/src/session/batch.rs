//! Batched writes: frames sent during one turn of a connection are written at its end. Several frames for one socket
//! leave in one write, and the sender writes without waking the receiver's task.

use std::cell::RefCell;
use std::sync::Arc;

use crate::session::{BurstFrames, Session};
use crate::sync::thread_local;

thread_local! {
    static BATCH: RefCell<Option<Marked>> = const { RefCell::new(None) };
}

struct Marked {
    /// The session of the current turn; its own task writes its outbox.
    owner: *const Session,
    sessions: Vec<Arc<Session>>,
    lists: Vec<BroadcastList>,
}

/// The recipients of a broadcast: a list of sessions except one.
struct BroadcastList {
    sessions: Arc<[Arc<Session>]>,
    except: *const Session,
    burst: BurstFrames,
}

/// A shared list of sessions, and the excluded one.
type Listed<'a> = (&'a Arc<[Arc<Session>]>, Option<&'a Arc<Session>>);

/// One turn of a connection. Its end writes the frames sent during the turn.
#[derive(Debug)]
pub(crate) struct Batch {
    outermost: bool,
}

impl Batch {
    /// Begins a turn. `owner` is the connection's session, if it has exactly one.
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

impl Batch {
    /// Writes what was sent during the turn so far.
    pub(crate) fn write_now() {
        let marked = BATCH.with(|batch| {
            batch.borrow_mut().as_mut().map(|marked| {
                let (sessions, lists) = (std::mem::take(&mut marked.sessions), std::mem::take(&mut marked.lists));
                Marked { owner: marked.owner, sessions, lists }
            })
        });
        if let Some(marked) = marked {
            marked.write();
        }
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        if !self.outermost {
            return;
        }
        if let Some(marked) = BATCH.with(RefCell::take) {
            marked.write();
        }
    }
}

/// Writes pushed frames at the end of the batch, or at once without a batch.
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
        write_marked(std::slice::from_ref(session));
    }
}

/// Writes to all marked sessions and counts the written bytes in one step.
fn write_marked(sessions: &[Arc<Session>]) {
    let mut bytes = 0;
    for_each(sessions, |session| bytes += session.outbox.write_marked());
    if let Some(meter) = sessions.first().and_then(|session| session.telemetry.wire()) {
        meter.send(bytes);
    }
}

/// The burst that these sessions were sent in this batch so far.
pub(crate) fn burst_to(listed: Listed<'_>) -> BurstFrames {
    if !BurstFrames::pay(listed.0.len()) {
        return BurstFrames::default();
    }
    BATCH.with(|batch| {
        let mut batch = batch.borrow_mut();
        let list = batch.as_mut().and_then(|marked| marked.list(listed));
        list.map(|list| std::mem::take(&mut list.burst)).unwrap_or_default()
    })
}

/// Schedules the writes of a broadcast's recipients; sessions without a pushed frame are skipped.
pub(crate) fn write_all_soon(listed: Listed<'_>, burst: BurstFrames) {
    let (sessions, except) = listed;
    let is_seen_to = BATCH.with(|batch| {
        let mut batch = batch.borrow_mut();
        let Some(marked) = batch.as_mut() else { return false };
        if let Some(list) = marked.list(listed) {
            list.burst = burst;
        } else {
            let except = except.map_or(std::ptr::null(), Arc::as_ptr);
            marked.lists.push(BroadcastList { sessions: Arc::clone(sessions), except, burst });
        }
        true
    });
    if !is_seen_to {
        write_marked(sessions);
    }
}

/// Visits many sessions. They are rarely in the cache, so the memory of several is prefetched together.
pub(crate) fn for_each(sessions: &[Arc<Session>], mut visit: impl FnMut(&Arc<Session>)) {
    for few in sessions.chunks(8) {
        for session in few {
            session.outbox.prefetch();
        }
        for session in few {
            visit(session);
        }
    }
}

impl Marked {
    fn write(self) {
        if !self.sessions.is_empty() {
            write_marked(&self.sessions);
        }
        for list in self.lists {
            write_marked(&list.sessions);
        }
    }

    fn list(&mut self, (sessions, except): Listed<'_>) -> Option<&mut BroadcastList> {
        let except = except.map_or(std::ptr::null(), Arc::as_ptr);
        self.lists.iter_mut().find(|list| Arc::ptr_eq(&list.sessions, sessions) && list.except == except)
    }
}
