use http::HeaderMap;

use super::*;
use crate::limits::Limits;
use crate::protocol::{Compress, Disconnect, Encoded, RawArgs, ToArgs, WireFormat};
use crate::session::{Delivery, LoggedDelivery, LoggedEvent, Recovery, SendError, Session};
use crate::transport::Handshake;

fn enter(space: &Space) -> Arc<Session> {
    let handshake = Handshake::new("/".into(), "", &HeaderMap::new(), None);
    let session = Arc::new(Session::new(
        &"/chat".into(),
        handshake,
        WireFormat::Plain,
        &Limits { rooms_per_socket: 2, ..Limits::default() },
        &Arc::default(),
    ));
    space.enter(&session);
    session
}

fn hub() -> Arc<Hub> {
    Hub::new()
}

#[test]
fn overlapping_rooms_mean_a_socket_once() {
    let space = hub().space("/");
    let (ann, bob, cid) = (enter(&space), enter(&space), enter(&space));
    for (session, room) in [(&ann, "a"), (&ann, "b"), (&bob, "b"), (&cid, "c")] {
        space.join(&session.id, room).unwrap();
    }
    let all = Target::all(&space);
    assert_eq!(all.clone().to("a").to("b").emit("x", &1).queued, 2);
    assert_eq!(all.clone().to("a").to("b").except("a").count(), 1);
    assert_eq!(all.clone().except(bob.id.as_str()).count(), 2);
    assert_eq!(all.clone().to(bob.id.as_str()).to("c").count(), 2);
    assert_eq!(all.count(), 3);
}

/// A broadcast on another thread has listed its recipients when a socket leaves.
#[test]
fn what_is_sent_to_a_room_is_not_queued_after_a_leave() {
    let space = hub().space("/");
    let (ann, bob) = (enter(&space), enter(&space));
    for (session, room) in [(&ann, "a"), (&ann, "b"), (&bob, "a")] {
        space.join(&session.id, room).unwrap();
    }
    let to_a = Target::all(&space).to("a");
    let say = |target: &Target, recipients: &_| target.say_to(recipients, "x", 1.to_args(), None, None);
    let (listed, either) = (to_a.select(), to_a.clone().to("b").select());
    assert!(space.leave(&ann.id, "a"));
    assert_eq!(say(&to_a, &listed), BroadcastResult { queued: 1, skipped: 1, not_published: false });
    assert_eq!(say(&to_a.clone().volatile(), &listed), BroadcastResult { queued: 0, skipped: 2, not_published: false });
    assert_eq!(ann.outbox.load().0, 0);
    let question = Encoded::text(0, |out| out.extend_from_slice(b"x"));
    let ask = |target: &Target, session| target.push_frame((session, listed.leaves), &question, Delivery::Answer);
    assert_eq!((ask(&to_a, &ann), ask(&to_a, &bob)), (Err(SendError::Closed), Ok(())));
    assert_eq!(ann.outbox.load().0, 0);
    // A socket that is also in another of the rooms is still selected.
    assert_eq!(say(&to_a.clone().to("b"), &either), BroadcastResult { queued: 2, skipped: 0, not_published: false });
    assert_eq!(ann.outbox.load().0, 1);
    space.join(&ann.id, "a").unwrap();
    assert_eq!(say(&to_a, &listed), BroadcastResult { queued: 2, skipped: 0, not_published: false });
}

/// The list names the session of the lost connection, and the leave is noted with the one that came back.
#[test]
fn what_is_sent_to_a_room_is_not_queued_after_a_leave_of_a_socket_that_has_resumed() {
    let hub = hub();
    hub.offsets.turn_on();
    let space = hub.space("/");
    let session = || {
        let handshake = Handshake::new("/".into(), "", &HeaderMap::new(), None);
        Session::new(&"/".into(), handshake, WireFormat::PlainNumbered, &Limits::default(), &Arc::default())
    };
    let lost = Arc::new(session().with_recovery(&Recovery::default(), &hub.offsets));
    space.enter(&lost);
    hub.resumable.keep(&lost);
    space.join(&lost.id, "a").unwrap();
    let to_a = Target::all(&space).to("a");
    let listed = to_a.select();
    let key = lost.recovery_key().unwrap().as_str();
    let back = hub.resumable.resume(&space, key, "0", session()).unwrap().session;
    let before = back.outbox.load().0;
    assert!(space.leave(&back.id, "a"));
    let sent = to_a.say_to(&listed, "x", 1.to_args(), None, None);
    assert_eq!(sent, BroadcastResult { queued: 0, skipped: 1, not_published: false });
    let content = RawArgs::default().into_content();
    let (namespace, event) = (Arc::clone(&space.name), "x".to_owned());
    let event = Arc::new(LoggedEvent { namespace, event, content, key: None, worth: Compress::Compressing });
    assert_eq!(LoggedDelivery(&event).hold(&lost, listed.leaves).unwrap_err(), SendError::Closed);
    assert_eq!(back.outbox.load().0, before);
}

#[test]
fn a_list_is_shared_by_all_who_leave_one_socket_out() {
    let space = hub().space("/");
    let (ann, bob, cid) = (enter(&space), enter(&space), enter(&space));
    let all = Target::all(&space);
    let lists = [&ann, &bob].map(|session| all.clone().except(session.id.as_str()).except("nobody").select());
    assert!(Arc::ptr_eq(lists[0].list().0, lists[1].list().0));
    assert_eq!(lists.map(|list| (list.len(), list.iter().count())), [(2, 2); 2]);
    space.join(&cid.id, "a").unwrap();
    assert_eq!(all.clone().to("a").except(ann.id.as_str()).count(), 1);
    assert_eq!(all.clone().to("a").except(cid.id.as_str()).count(), 0);
    assert_eq!(all.clone().except(ann.id.as_str()).except("a").count(), 1);
    assert_eq!(all.clone().to("a").to("a").to("a").count(), 1);
    assert_eq!(
        all.except(ann.id.as_str()).emit("x", &1),
        BroadcastResult { queued: 2, skipped: 0, not_published: false }
    );
}

#[test]
fn rooms_and_namespaces_end_with_their_last_member() {
    let hub = hub();
    let space = hub.space("/chat/1");
    let ann = enter(&space);
    space.join(&ann.id, "a").unwrap();
    assert_eq!(space.rooms(), [("a".to_owned(), 1)]);
    space.exit(&ann);
    assert_eq!(space.rooms(), []);
    assert_eq!(space.join(&ann.id, "a"), Err(JoinError::Gone));
    drop(space);
    assert_eq!(hub.spaces().len(), 0);
    assert_eq!(hub.lock().len(), 0);
}

#[test]
fn a_socket_may_not_join_the_room_of_another_nor_too_many() {
    let space = hub().space("/");
    let (ann, bob) = (enter(&space), enter(&space));
    assert_eq!(space.join(&ann.id, bob.id.as_str()), Err(JoinError::Private));
    assert_eq!(space.join(&ann.id, ann.id.as_str()), Ok(()));
    assert_eq!(space.join(&ann.id, "a").and_then(|()| space.join(&ann.id, "b")), Ok(()));
    assert_eq!(space.join(&ann.id, "c"), Err(JoinError::TooMany));
    assert_eq!(space.join(&ann.id, "a"), Ok(()));
}

#[test]
fn a_disconnected_target_takes_nothing_more() {
    let space = hub().space("/");
    enter(&space);
    let all = Target::all(&space);
    assert_eq!(all.disconnect(Disconnect::default()), 1);
    assert_eq!(all.emit("x", &1), BroadcastResult { queued: 0, skipped: 1, not_published: false });
}
