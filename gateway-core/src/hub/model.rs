//! A concurrency model of the tasks around one socket: its connection is lost, its client resumes, and other tasks add it
//! to rooms, send to it and disconnect it, in thousands of interleavings. A resumed socket is in its rooms and receives
//! every event; a disconnected socket does not resume; a removed socket leaves nothing behind.

use std::sync::Arc;

use http::HeaderMap;
use shuttle::future::block_on;
use shuttle::thread::{self, JoinHandle};

use crate::hub::{Hub, Resumed, Space, Target};
use crate::limits::Limits;
use crate::protocol::{Disconnect, Encoded, WireFormat};
use crate::session::{DisconnectReason, Recovery, Scope, Session};
use crate::transport::Handshake;

/// Interleavings tried per model, half of them random and half with few context switches.
const ORDERS: usize = 4000;
const AT_MOST: usize = 8;

fn check(model: impl Fn() + Send + Sync + Copy + 'static) {
    shuttle::check_random(model, ORDERS / 2);
    shuttle::check_pct(model, ORDERS / 2, 4);
}

/// A server and the space of its only namespace.
#[derive(Clone)]
struct Place {
    hub: Arc<Hub>,
    space: Arc<Space>,
}

fn session() -> Session {
    let handshake = Handshake::new("/".into(), "", &HeaderMap::new(), None);
    Session::new(&"/".into(), handshake, WireFormat::PlainNumbered, &Limits::default(), &Arc::default())
}

impl Place {
    fn new() -> Self {
        let hub = Hub::new();
        hub.offsets.turn_on();
        let space = hub.space("/");
        Self { hub, space }
    }

    /// Connects a socket and adds it to a room.
    fn enter(&self) -> Arc<Session> {
        let session = Arc::new(session().with_recovery(&Recovery::default(), &self.hub.offsets));
        self.space.enter(&session);
        self.let_in(&session);
        self.space.join(&session.id, "a").unwrap();
        session
    }

    fn let_in(&self, session: &Arc<Session>) {
        session.accept();
        self.hub.resumable.keep(session);
        session.outbox.open(Encoded::nothing());
    }

    /// Resumes the session and connects it, unless it was disconnected meanwhile.
    fn come_back(&self, lost: &Session) -> Option<Arc<Session>> {
        let key = lost.recovery_key().unwrap().as_str();
        let Resumed { session, earlier } = self.hub.resumable.resume(&self.space, key, "0", session())?;
        if let Some(ended) = earlier.ended() {
            block_on(ended.cancelled());
        }
        self.let_in(&session);
        Some(session)
    }

    /// Ends a connection in the steps of `connection/disconnect.rs`.
    fn end(&self, session: &Session, patience: Patience) {
        let is_lost = session.outbox.ended().is_none_or(|(reason, _)| reason.is_a_loss(session.format));
        let is_away = is_lost && session.mark_disconnected();
        let since = if is_away { self.hub.resumable.lose(session, AT_MOST) } else { None };
        if since.is_none() {
            self.hub.resumable.forget(session);
        }
        session.outbox.end(DisconnectReason::Lost, Scope::Socket);
        session.gone.cancel();
        session.end();
        if since.is_some() && patience == Patience::UntilSettled {
            block_on(session.settled());
        }
    }

    /// Removes the session for good.
    fn exit(&self, session: &Arc<Session>) {
        session.outbox.close(None);
        self.hub.resumable.forget(session);
        self.space.exit(session);
        session.end();
    }

    fn connection(&self, session: &Arc<Session>, patience: Patience) -> JoinHandle<()> {
        let (place, session) = (self.clone(), Arc::clone(session));
        thread::spawn(move || {
            place.end(&session, patience);
            place.exit(&session);
        })
    }

    /// Returns `true` if no session and no room is left.
    fn is_empty(&self) -> bool {
        let everybody = Target::all(&self.space).select();
        everybody.len() == 0 && self.space.rooms().is_empty() && self.hub.resumable.counts() == (0, 0)
    }
}

/// Time a disconnected session waits for its client.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Patience {
    UntilSettled,
    /// The time is over at once.
    None,
}

/// The client resumes while its lost connection is detected and other tasks add the socket to rooms and send to it.
fn a_client_comes_back(patience: Patience) {
    let place = Place::new();
    let lost = place.enter();
    let first = place.connection(&lost, patience);
    let busy = {
        let (place, id) = (place.clone(), lost.id.clone());
        thread::spawn(move || {
            let has_joined = place.space.join(&id, "b").is_ok();
            let queued = Target::all(&place.space).to("a").emit("event", &1).queued;
            (has_joined, place.space.leave(&id, "b"), place.space.join(&id, "c").is_ok(), queued)
        })
    };
    let back = place.come_back(&lost);
    let (has_joined, has_left, is_in, queued) = busy.join().unwrap();
    first.join().unwrap();
    let Some(back) = back else {
        assert!(patience == Patience::None, "whoever is waited for resumes");
        return assert!(place.is_empty());
    };
    assert!((has_joined, has_left, is_in) == (true, true, true), "it is always somewhere");
    let mut rooms = place.space.rooms();
    rooms.sort();
    assert_eq!(rooms, [("a".to_owned(), 1), ("c".to_owned(), 1)]);
    assert!(Target::all(&place.space).to("a").select().iter().all(|session| Arc::ptr_eq(session, &back)));
    assert_eq!((queued, back.outbox.load().0), (1, 2), "the event, and the word that it is back");
    // Then the socket ends for good.
    place.end(&back, Patience::None);
    place.exit(&back);
    assert!(place.is_empty());
}

#[test]
fn whoever_is_back_is_in_its_rooms_and_has_heard_everything() {
    check(|| a_client_comes_back(Patience::UntilSettled));
    check(|| a_client_comes_back(Patience::None));
}

/// Two connections resume the session at once; the first may still be open.
fn two_come_back() {
    let place = Place::new();
    let lost = place.enter();
    let (again, itself) = (place.clone(), Arc::clone(&lost));
    let second = thread::spawn(move || again.come_back(&itself).unwrap());
    let waits = {
        // An open connection ends when it is asked to.
        let (place, session) = (place.clone(), Arc::clone(&lost));
        thread::spawn(move || {
            block_on(session.settled());
            assert_eq!(session.outbox.ended().map(|(reason, _)| reason), Some(DisconnectReason::Resumed));
            place.end(&session, Patience::UntilSettled);
            place.exit(&session);
        })
    };
    let resumed = place.hub.resumable.resume(&place.space, lost.recovery_key().unwrap().as_str(), "0", session());
    let Resumed { session: first, earlier } = resumed.expect("its key is known");
    // The first of both never connects.
    let end = place.connection(&first, Patience::UntilSettled);
    let second = if Arc::ptr_eq(&earlier, &lost) {
        second.join().unwrap()
    } else {
        let second = second.join().unwrap();
        assert!(Arc::ptr_eq(&second, &earlier));
        place.come_back(&first).expect("a try that failed uses nothing up")
    };
    waits.join().unwrap();
    end.join().unwrap();
    assert_eq!(place.space.rooms(), [("a".to_owned(), 1)]);
    assert_eq!(place.hub.resumable.counts().0, 1);
    place.end(&second, Patience::None);
    place.exit(&second);
}

#[test]
fn a_session_goes_to_the_latest_of_those_who_claim_it() {
    check(two_come_back);
}

/// A task disconnects the room while the client loses its connection and resumes.
fn a_client_is_disconnected() {
    let place = Place::new();
    let lost = place.enter();
    let first = place.connection(&lost, Patience::UntilSettled);
    let others = place.clone();
    let kick = thread::spawn(move || Target::all(&others.space).to("a").disconnect(Disconnect::default()));
    let back = place.come_back(&lost);
    let count = kick.join().unwrap();
    first.join().unwrap();
    match back {
        Some(back) => {
            let is_told = matches!(back.outbox.ended(), Some((DisconnectReason::Server(_), _)));
            assert_eq!(is_told, count == 1);
            place.end(&back, Patience::None);
            place.exit(&back);
        }
        None => assert_eq!(count, 1),
    }
    assert!(place.is_empty());
}

#[test]
fn whoever_was_disconnected_is_not_back() {
    check(a_client_is_disconnected);
}
