use std::pin::pin;
use std::task::Waker;

use super::*;
use crate::protocol::{CloseCode, Disconnect, Encoded, OpCode, ReceivedMessage, close_frame};
use crate::transport::memory;

fn session() -> (Polling, PollingPeer) {
    let taken = Arc::default();
    Polling::new(CountedPermit::acquire(&taken, 2).unwrap(), CountedPermit::acquire(&taken, 2).unwrap())
}

fn now<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// One receive that pauses after `most` messages.
fn receive(polling: &mut Polling, most: usize) -> (Poll<Result<(), Broken>>, Vec<String>) {
    let mut received = Vec::new();
    let polled = polling.poll_receive(&mut Context::from_waker(Waker::noop()), &mut |message, _| {
        received.push(match message {
            ReceivedMessage::Text(text) => text.to_owned(),
            other => format!("{other:?}"),
        });
        if received.len() == most { Flow::Pause } else { Flow::Continue }
    });
    (polled, received)
}

fn write(polling: &mut Polling, frames: &[&Encoded]) -> Poll<io::Result<usize>> {
    let bytes: Vec<u8> = frames.iter().flat_map(|frame| frame.as_slice().to_vec()).collect();
    polling.poll_write(&mut Context::from_waker(Waker::noop()), &bytes)
}

fn flush(polling: &mut Polling) {
    assert!(polling.poll_flush(&mut Context::from_waker(Waker::noop())).is_ready());
}

fn text(packet: &str) -> Encoded {
    Encoded::frame(OpCode::Text, packet.as_bytes())
}

#[test]
fn frames_are_taken_only_while_a_poll_waits() {
    let (mut polling, peer) = session();
    assert!(write(&mut polling, &[&text("4a")]).is_pending());
    let mut poll = pin!(peer.poll());
    assert!(now(poll.as_mut()).is_pending());
    assert!(write(&mut polling, &[&text("4a"), &Encoded::frame(OpCode::Binary, &[1, 2, 3])]).is_ready());
    assert!(write(&mut polling, &[&text("2")]).is_ready());
    assert!(now(poll.as_mut()).is_pending(), "the turn is not over");
    flush(&mut polling);
    let Poll::Ready(Ok(packets)) = now(poll.as_mut()) else { panic!("not answered") };
    assert_eq!(packets, "4a\u{1e}bAQID\u{1e}2");
    assert!(write(&mut polling, &[&text("4b")]).is_pending());
}

#[test]
fn what_is_written_before_a_poll_takes_it_leaves_with_it() {
    // As several namespaces over one connection do, each in its turn.
    let (mut polling, peer) = session();
    let mut poll = pin!(peer.poll());
    assert!(now(poll.as_mut()).is_pending());
    for packet in ["4a", "4b", "4c"] {
        assert!(write(&mut polling, &[&text(packet)]).is_ready());
        flush(&mut polling);
    }
    let Poll::Ready(Ok(packets)) = now(poll) else { panic!("not answered") };
    assert_eq!(packets, "4a\u{1e}4b\u{1e}4c");
}

#[test]
fn one_answer_carries_a_bounded_number_of_bytes() {
    let (mut polling, peer) = session();
    let mut poll = pin!(peer.poll());
    assert!(now(poll.as_mut()).is_pending());
    let frame = text(&format!("4{}", "x".repeat(100_000)));
    let taken = (0..10).take_while(|_| write(&mut polling, &[&frame]).is_ready()).count();
    assert_eq!(taken, 3);
    let Poll::Ready(Ok(packets)) = now(poll.as_mut()) else { panic!("not answered") };
    assert_eq!(packets.len(), 3 * 100_001 + 2);
}

#[test]
fn a_post_is_answered_once_its_packets_were_taken() {
    let (mut polling, peer) = session();
    let posting = peer.post().unwrap();
    let mut delivering = pin!(posting.deliver("4a\u{1e}4b\u{1e}4c".to_owned()));
    assert!(now(delivering.as_mut()).is_pending());
    let (_, received) = receive(&mut polling, 1);
    assert_eq!(received, ["a"]);
    assert!(now(delivering.as_mut()).is_pending());
    let (_, received) = receive(&mut polling, 2);
    assert_eq!(received, ["b", "c"]);
    assert_eq!(now(delivering), Poll::Ready(true));
    assert!(receive(&mut polling, 1).0.is_pending());
}

/// A client that polls posts again only once its POST was answered, and drops what is volatile until then.
#[test]
fn a_poll_lets_the_answer_of_a_post_go_first() {
    let (mut polling, peer) = session();
    let say = |polling: &mut Polling, packet| {
        assert!(write(polling, &[&text(packet)]).is_ready());
        flush(polling);
    };
    let mut poll = Box::pin(peer.poll());
    assert!(now(poll.as_mut()).is_pending());
    let mut delivering = Box::pin(peer.post().unwrap().deliver("4a".to_owned()));
    assert!(now(delivering.as_mut()).is_pending());
    assert_eq!(receive(&mut polling, 2).1.len(), 1);
    say(&mut polling, "4b");
    assert!(now(poll.as_mut()).is_pending());
    assert_eq!(now(delivering.as_mut()), Poll::Ready(true));
    assert_eq!(now(poll.as_mut()), Poll::Ready(Ok("4b".into())));

    // One whose packets are still to come holds nothing up, nor does one that was given up.
    let posting = peer.post().unwrap();
    let mut poll = Box::pin(peer.poll());
    assert!(now(poll.as_mut()).is_pending());
    say(&mut polling, "4c");
    assert_eq!(now(poll.as_mut()), Poll::Ready(Ok("4c".into())));
    let mut delivering = Box::pin(posting.deliver("4d".to_owned()));
    assert!(now(delivering.as_mut()).is_pending());
    assert_eq!(receive(&mut polling, 2).1.len(), 1);
    let mut poll = Box::pin(peer.poll());
    assert!(now(poll.as_mut()).is_pending());
    say(&mut polling, "4e");
    drop(delivering);
    assert_eq!(now(poll.as_mut()), Poll::Ready(Ok("4e".into())));
}

#[test]
fn a_post_that_was_answered_early_makes_the_next_one_wait() {
    let (mut polling, peer) = session();
    {
        let posting = peer.post().unwrap();
        let mut delivering = pin!(posting.deliver("4a\u{1e}4b".to_owned()));
        assert!(now(delivering.as_mut()).is_pending());
    }
    let posting = peer.post().unwrap();
    {
        let mut turn = pin!(posting.turn());
        assert!(now(turn.as_mut()).is_pending());
        assert_eq!(receive(&mut polling, 9).1, ["a", "b"]);
        assert_eq!(now(turn), Poll::Ready(Ok(())));
    }
}

#[test]
fn what_a_connection_no_longer_takes_holds_no_post_up() {
    let (mut polling, peer) = session();
    let mut delivering = pin!(peer.post().unwrap().deliver("4a\u{1e}4b".to_owned()));
    assert!(now(delivering.as_mut()).is_pending());
    assert_eq!(receive(&mut polling, 1).1, ["a"]);
    polling.stop_reading();
    assert_eq!(now(delivering), Poll::Ready(true));
    let mut late = pin!(peer.post().unwrap().deliver("4c".to_owned()));
    assert_eq!(now(late.as_mut()), Poll::Ready(true));
    assert!(receive(&mut polling, 9).0.is_pending());
}

#[test]
fn what_a_post_brought_before_a_wrong_packet_counts() {
    let (mut polling, peer) = session();
    let posting = peer.post().unwrap();
    let mut delivering = pin!(posting.deliver("4a\u{1e}2\u{1e}4b".to_owned()));
    assert!(now(delivering.as_mut()).is_pending());
    let (polled, received) = receive(&mut polling, 9);
    let Poll::Ready(Err(Broken::Violation(disconnect))) = polled else { panic!("{polled:?}") };
    assert_eq!(disconnect, Disconnect::new(CloseCode::NO_STATUS, "invalid heartbeat direction"));
    assert_eq!(received, ["a"]);
    // Also where the connection is over before the request looks.
    drop(polling);
    assert_eq!(now(delivering), Poll::Ready(false));
}

#[test]
fn an_answer_that_nobody_reads_any_more_ends_the_session() {
    let (mut polling, peer) = session();
    {
        let mut poll = pin!(peer.poll());
        assert!(now(poll.as_mut()).is_pending());
        assert!(write(&mut polling, &[&text("4a")]).is_ready());
        flush(&mut polling);
    }
    assert!(matches!(write(&mut polling, &[&text("4b")]), Poll::Ready(Err(_))));
    assert!(matches!(receive(&mut polling, 1).0, Poll::Ready(Err(Broken::Aborted))));
    assert_eq!(peer.standing(), Err(SessionError::Over));
}

#[test]
fn a_goodbye_waits_for_a_poll() {
    let (mut polling, peer) = session();
    assert!(write(&mut polling, &[&close_frame(None)]).is_pending());
    let mut poll = pin!(peer.poll());
    assert!(now(poll.as_mut()).is_pending());
    assert!(write(&mut polling, &[&close_frame(None)]).is_ready());
    let Poll::Ready(Ok(packets)) = now(poll) else { panic!("not answered") };
    assert_eq!(packets, "6\u{1e}1");

    let (mut polling, peer) = session();
    let mut poll = pin!(peer.poll());
    assert!(now(poll.as_mut()).is_pending());
    assert!(write(&mut polling, &[&close_frame(None)]).is_ready());
    assert!(matches!(now(poll), Poll::Ready(Ok(packets)) if packets == "1"));
}

#[test]
fn a_server_that_stops_says_no_goodbye() {
    // Clients of Python take one for good.
    let stops = || close_frame(Some(&Disconnect::new(CloseCode::GOING_AWAY, "")));
    let (mut polling, peer) = session();
    let mut poll = pin!(peer.poll());
    assert!(now(poll.as_mut()).is_pending());
    assert!(matches!(write(&mut polling, &[&text("4a"), &stops()]), Poll::Ready(Ok(4))));
    assert!(matches!(now(poll), Poll::Ready(Ok(packets)) if packets == "4a"));
    let mut poll = pin!(peer.poll());
    assert!(now(poll.as_mut()).is_pending());
    assert!(write(&mut polling, &[&stops()]).is_ready());
    assert!(matches!(now(poll), Poll::Ready(Err(SessionError::Stopping))));
}

#[test]
fn a_goodbye_goes_alone() {
    // The npm client takes a goodbye at once and messages in its next turn, when nobody listens any more.
    let (mut polling, peer) = session();
    {
        let mut poll = pin!(peer.poll());
        assert!(now(poll.as_mut()).is_pending());
        let written = write(&mut polling, &[&text("4a"), &text("4b"), &close_frame(None)]);
        assert!(matches!(written, Poll::Ready(Ok(8))), "{written:?}");
        assert!(write(&mut polling, &[&close_frame(None)]).is_pending());
        assert!(matches!(now(poll), Poll::Ready(Ok(packets)) if packets == "4a\u{1e}4b"));
    }
    let mut poll = pin!(peer.poll());
    assert!(now(poll.as_mut()).is_pending());
    assert!(write(&mut polling, &[&close_frame(None)]).is_ready());
    assert!(matches!(now(poll), Poll::Ready(Ok(packets)) if packets == "6\u{1e}1"));
}

#[test]
fn a_connection_that_ends_without_a_word_lets_everybody_go() {
    let (polling, peer) = session();
    let mut poll = pin!(peer.poll());
    assert!(now(poll.as_mut()).is_pending());
    let posting = peer.post().unwrap();
    let probe = peer.probe().unwrap();
    let mut delivering = pin!(posting.deliver("4a".to_owned()));
    assert!(now(delivering.as_mut()).is_pending());
    drop(polling);
    assert!(matches!(now(poll), Poll::Ready(Ok(packets)) if packets == "1"));
    assert_eq!(now(delivering), Poll::Ready(true));
    assert!(probe.poll_over(&Context::from_waker(Waker::noop())).is_ready());
    assert!(probe.complete(Box::new(memory::pair().0)).is_err());
    assert!(matches!(peer.post(), Err(SessionError::Over)));
}

#[test]
fn a_session_that_moved_writes_to_its_websocket_at_once() {
    let (mut polling, peer) = session();
    assert!(write(&mut polling, &[&text("4a")]).is_pending());
    let (websocket, client) = memory::pair();
    let probe = peer.probe().unwrap();
    assert!(peer.probe().is_none(), "one at a time");
    assert!(probe.complete(Box::new(websocket)).is_ok());
    assert_eq!(peer.standing(), Err(SessionError::Moved));
    // Also where the connection does not read just now.
    assert!(write(&mut polling, &[&text("4a")]).is_ready());
    let received = client.poll_receive(&mut Context::from_waker(Waker::noop()));
    assert!(matches!(received, Poll::Ready(Ok(message)) if message == "4a".into()));
    client.send(memory::ClientFrame::Message("4b".into()));
    assert_eq!(receive(&mut polling, 1).1, ["4b"]);
}

/// A GET that was sent behind the upgrade may be read before it.
#[test]
fn a_poll_that_has_overtaken_the_upgrade_is_turned_away_and_none_that_has_a_message() {
    for (is_beside, has_message) in [(false, false), (true, false), (false, true), (true, true)] {
        let (mut polling, peer) = session();
        let mut poll = pin!(peer.poll());
        if !is_beside {
            assert!(now(poll.as_mut()).is_pending());
        }
        let probe = peer.probe().unwrap();
        assert!(now(poll.as_mut()).is_pending());
        probe.answered();
        if has_message {
            assert!(write(&mut polling, &[&text("4a")]).is_ready());
        }
        assert!(probe.complete(Box::new(memory::pair().0)).is_ok());
        let expected = match (is_beside, has_message) {
            (_, true) => Ok("4a".into()),
            (true, false) => Err(SessionError::Moved),
            (false, false) => Ok("6".into()),
        };
        assert_eq!(now(poll.as_mut()), Poll::Ready(expected), "{is_beside} {has_message}");
    }
}

#[test]
fn a_poll_is_served_during_a_probe_and_let_go_when_it_is_time() {
    let (mut polling, peer) = session();
    let probe = peer.probe().unwrap();
    let mut poll = Box::pin(peer.poll());
    assert!(now(poll.as_mut()).is_pending());
    assert!(write(&mut polling, &[&text("4a")]).is_ready());
    flush(&mut polling);
    assert_eq!(now(poll.as_mut()), Poll::Ready(Ok("4a".into())));
    let mut poll = Box::pin(peer.poll());
    assert!(now(poll.as_mut()).is_pending());
    probe.release_poll();
    assert_eq!(now(poll.as_mut()), Poll::Ready(Ok("6".into())));
    probe.release_poll();
    let mut poll = Box::pin(peer.poll());
    assert!(now(poll.as_mut()).is_pending(), "nobody waited then");
}

#[test]
fn places_are_given_up_when_they_are_no_longer_needed() {
    let (places, unclaimed) = (Arc::default(), Arc::default());
    let open = || {
        let place = CountedPermit::acquire(&places, 1)?;
        Some(Polling::new(place, CountedPermit::acquire(&unclaimed, 1)?))
    };
    let (mut first, peer) = open().unwrap();
    assert!(open().is_none());
    first.greet();
    assert!(CountedPermit::acquire(&unclaimed, 1).is_some());
    assert!(open().is_none());
    let probe = peer.probe().unwrap();
    assert!(probe.complete(Box::new(memory::pair().0)).is_ok());
    let _ = receive(&mut first, 1);
    assert!(open().is_some());
}
