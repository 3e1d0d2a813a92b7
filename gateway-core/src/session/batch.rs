//! The end of a sender's batch of work: what it sent to many sockets is written when its turn is over, so that several
//! frames for one socket leave together, and no receiver's task is woken for what its sender can write.

use std::cell::RefCell;
use std::sync::Arc;

use crate::protocol::PreviousFrames;
use crate::session::Session;
use crate::session::sync::thread_local;

thread_local! {
    static BATCH: RefCell<Option<Marked>> = const { RefCell::new(None) };
}

struct Marked {
    /// The session whose turn it is; it writes its own outbox.
    owner: *const Session,
    sessions: Vec<Arc<Session>>,
    lists: Vec<BroadcastList>,
}

/// Many sessions that were sent the same, but for one of them.
struct BroadcastList {
    sessions: Arc<[Arc<Session>]>,
    except: *const Session,
    latest: PreviousFrames,
}

/// Sessions that are sent the same, and the one of them that is not.
type Listed<'a> = (&'a Arc<[Arc<Session>]>, Option<&'a Arc<Session>>);

/// From so many sessions on it pays to join what is sent to them in a burst.
const MANY: usize = 16;

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
        if !sessions.is_empty() {
            write_marked(&sessions);
        }
        for list in lists {
            write_marked(&list.sessions);
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
        write_marked(std::slice::from_ref(session));
    }
}

/// Writes to all of these that were pushed to, and counts what went out once for all.
fn write_marked(sessions: &[Arc<Session>]) {
    let mut bytes = 0;
    for_each(sessions, |session| bytes += session.outbox.write_marked());
    if let Some(meter) = sessions.first().and_then(|session| session.counters.wire()) {
        meter.send(bytes);
    }
}

/// Frames that these sessions were last sent in this batch.
pub(crate) fn latest_of(listed: Listed<'_>) -> PreviousFrames {
    if listed.0.len() < MANY {
        return PreviousFrames::default();
    }
    BATCH.with(|batch| {
        let mut batch = batch.borrow_mut();
        let list = batch.as_mut().and_then(|marked| marked.list(listed));
        list.map(|list| std::mem::take(&mut list.latest)).unwrap_or_default()
    })
}

/// Schedules the write of many sessions that were sent the same; those that were not pushed to are skipped.
pub(crate) fn write_all_soon(listed: Listed<'_>, latest: PreviousFrames) {
    let (sessions, except) = listed;
    let is_seen_to = BATCH.with(|batch| {
        let mut batch = batch.borrow_mut();
        let Some(marked) = batch.as_mut() else { return false };
        if let Some(list) = marked.list(listed) {
            list.latest = latest;
        } else {
            let except = except.map_or(std::ptr::null(), Arc::as_ptr);
            marked.lists.push(BroadcastList { sessions: Arc::clone(sessions), except, latest });
        }
        true
    });
    if !is_seen_to {
        write_marked(sessions);
    }
}

/// Visits thousands of sessions, which are rarely in a cache: those of a few are fetched at the same time.
pub(crate) fn for_each(sessions: &[Arc<Session>], mut visit: impl FnMut(&Arc<Session>)) {
    for few in sessions.chunks(8) {
        for session in few {
            session.outbox.touch();
        }
        for session in few {
            visit(session);
        }
    }
}

impl Marked {
    fn list(&mut self, (sessions, except): Listed<'_>) -> Option<&mut BroadcastList> {
        let except = except.map_or(std::ptr::null(), Arc::as_ptr);
        self.lists.iter_mut().find(|list| Arc::ptr_eq(&list.sessions, sessions) && list.except == except)
    }
}
