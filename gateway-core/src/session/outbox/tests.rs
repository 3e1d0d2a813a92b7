use super::*;
use crate::metrics::Counter;
use crate::protocol::SharedEvent;
use crate::session::DisconnectReason;
use crate::transport::SystemWrite;

/// Creates an outbox whose transport is blocked.
fn outbox(overflow: Overflow) -> Outbox {
    let outbox = roomy(&Limits { outbox_frames: 2, outbox_bytes: 10, overflow, ..Limits::default() });
    outbox.refuse();
    outbox
}

/// A transport that accepts a number of bytes, then blocks.
#[derive(Debug)]
struct Narrow(Mutex<usize>);

impl SystemWrite for Narrow {
    fn send(&self, frames: &[u8]) -> io::Result<usize> {
        let mut room = self.0.lock().unwrap();
        let taken = frames.len().min(*room);
        *room -= taken;
        if taken == 0 { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(taken) }
    }
}

/// A frame of two bytes of header and the text.
fn text(text: &str) -> Encoded {
    Encoded::text(0, |out| out.extend_from_slice(text.as_bytes()))
}

/// Pushes a frame in a separate turn.
fn push(outbox: &Outbox, frame: &str, delivery: Delivery) -> Result<(), SendError> {
    let pushed = outbox.push(text(frame), delivery).map(drop);
    outbox.write_marked();
    pushed
}

/// Returns all written bytes, with `at_once` bytes per write.
fn written(outbox: &Outbox, at_once: usize) -> String {
    let mut out = Vec::new();
    let done = outbox.lock().write(|frames| {
        out.extend_from_slice(&frames[..at_once.min(frames.len())]);
        Poll::Ready(Ok(at_once.min(frames.len())))
    });
    assert!(matches!(done, Poll::Ready(Ok(()))));
    String::from_utf8_lossy(&out).chars().filter(char::is_ascii_alphanumeric).collect()
}

#[test]
fn a_full_outbox_ends_the_connection() {
    let outbox = outbox(Overflow::Close);
    assert_eq!(push(&outbox, "a", Delivery::Event), Ok(()));
    assert_eq!(push(&outbox, "123456789", Delivery::Event), Err(SendError::Full));
    assert_eq!(push(&outbox, "b", Delivery::Event), Err(SendError::Closed));
    assert_eq!(outbox.ended(), Some((DisconnectReason::TooSlow, Scope::Connection)));
}

#[test]
fn the_newest_or_the_oldest_is_dropped_but_never_an_answer() {
    let newest = outbox(Overflow::DropNewest);
    let oldest = outbox(Overflow::DropOldest);
    for outbox in [&newest, &oldest] {
        push(outbox, "a", Delivery::Event).unwrap();
        push(outbox, "b", Delivery::Answer).unwrap();
    }
    assert_eq!(push(&newest, "c", Delivery::Event), Err(SendError::Full));
    assert_eq!(push(&oldest, "c", Delivery::Event), Ok(()));
    assert_eq!(push(&oldest, "d", Delivery::Answer), Ok(()));
    // Reading has stopped: what answers now was under way.
    assert_eq!(push(&oldest, "e", Delivery::Answer), Ok(()));
    assert_eq!(written(&newest, 99), "ab");
    assert_eq!(written(&oldest, 1), "bde");
}

#[test]
fn answers_are_bounded_as_a_burst_is() {
    for overflow in [Overflow::Close, Overflow::DropNewest, Overflow::DropOldest] {
        let outbox = roomy(&Limits { outbox_frames: 2, burst_bytes: 4 * (64 + 3), overflow, ..Limits::default() });
        outbox.refuse();
        for answer in ["a", "b", "c", "d"] {
            assert_eq!(push(&outbox, answer, Delivery::Answer), Ok(()));
        }
        assert_eq!(push(&outbox, "e", Delivery::Answer), Err(SendError::Full));
        assert_eq!(outbox.ended(), Some((DisconnectReason::TooSlow, Scope::Connection)));
        assert_eq!(outbox.telemetry.counters.read(Counter::SlowDisconnects), 1);
    }
}

/// Pushes in one turn until a frame is refused. Returns the number of accepted frames.
fn burst(outbox: &Outbox, most: usize) -> usize {
    let taken = (0..most).take_while(|_| outbox.push(text("x").into_shared(), Delivery::Event).is_ok()).count();
    outbox.write_marked();
    taken
}

fn small() -> Limits {
    Limits { outbox_frames: 4, burst_bytes: 100 * (64 + 3), ..Limits::default() }
}

#[test]
fn one_turn_may_queue_a_burst_where_nothing_was_refused() {
    for overflow in [Overflow::Close, Overflow::DropNewest, Overflow::DropOldest] {
        let outbox = roomy(&Limits { overflow, ..small() });
        assert_eq!(burst(&outbox, 100), 100, "{overflow:?}");
        assert_eq!(outbox.telemetry.counters.read(Counter::DroppedFrames), 0);
        assert_eq!(written(&outbox, 99).len(), 100);
    }
    let held = Outbox::new(WireFormat::Plain, &small(), &Arc::default());
    assert_eq!(burst(&held, 101), 100, "before it opens, too");
}

#[test]
fn a_turn_that_begins_within_the_bounds_may_queue_a_burst_whatever_was_refused() {
    let outbox = roomy(&small());
    outbox.refuse();
    assert_eq!(burst(&outbox, 50), 50);
    // A quarter of the bounds may come behind it, then it is too much.
    assert_eq!([burst(&outbox, 1), burst(&outbox, 1)], [1, 0]);
    assert_eq!(outbox.ended(), Some((DisconnectReason::TooSlow, Scope::Connection)));
}

#[test]
fn what_leaves_of_a_burst_makes_room() {
    let outbox = roomy(&small());
    assert_eq!(burst(&outbox, 50), 50);
    outbox.refuse();
    outbox.lock().advance(10 * 3);
    assert_eq!(burst(&outbox, 20), 11);
    assert!(outbox.ended().is_some());
}

#[test]
fn a_client_that_takes_nothing_has_one_burst_at_most() {
    let outbox = roomy(&small());
    outbox.refuse();
    let taken: usize = (0..100).map(|_| burst(&outbox, 3)).sum();
    assert_eq!(taken, 7, "four that fit, two more of the turn in which they did, one behind them");
}

#[test]
fn whoever_stopped_reading_is_woken_when_little_waits_whoever_wrote() {
    let outbox = roomy(&small());
    let stream = Arc::new(Narrow(Mutex::new(0)));
    outbox.attach_writer(Direct::Test(Arc::clone(&stream) as Arc<dyn SystemWrite>));
    let woken = Arc::new(Woken::default());
    outbox.register(&Context::from_waker(&Arc::clone(&woken).into()));
    for _ in 0..4 {
        outbox.push(text("x").into_shared(), Delivery::Event).unwrap();
    }
    assert!(outbox.holds_back());
    *stream.0.lock().unwrap() = 99;
    outbox.write_marked();
    assert!(woken.0.load(Ordering::SeqCst));
    assert!(!outbox.holds_back());
}

#[test]
fn what_one_read_may_bring_is_answered_by_one_write() {
    let outbox = Outbox::new(WireFormat::Plain, &Limits::default(), &Arc::default());
    outbox.open(Encoded::nothing());
    for _ in 0..60 {
        push(&outbox, &"x".repeat(1024), Delivery::Answer).unwrap();
    }
    let mut writes = Vec::new();
    let done = outbox.lock().write(|frames| {
        writes.push(frames.len());
        Poll::Ready(Ok(frames.len()))
    });
    assert!(matches!(done, Poll::Ready(Ok(()))));
    assert_eq!(writes, [60 * (1024 + 4)]);
}

#[test]
fn a_volatile_frame_waits_for_nobody() {
    let outbox = outbox(Overflow::Close);
    assert_eq!(push(&outbox, "a", Delivery::Volatile), Ok(()));
    assert_eq!(push(&outbox, "b", Delivery::Volatile), Err(SendError::Full));
    assert_eq!(outbox.telemetry.counters.read(Counter::DroppedFrames), 1);
    assert_eq!(outbox.ended(), None);
}

#[test]
fn a_frame_larger_than_the_budget_goes_out_alone() {
    let outbox = outbox(Overflow::DropNewest);
    assert_eq!(push(&outbox, "12345678901", Delivery::Event), Ok(()));
    assert_eq!(push(&outbox, "a", Delivery::Event), Err(SendError::Full));
    assert_eq!(written(&outbox, 3), "12345678901");
}

#[test]
fn pongs_overtake_what_waits_and_split_no_message() {
    for (at_once, expected) in [(1, "bc12d"), (99, "bcd12")] {
        let outbox = roomy(&Limits::default());
        push(&outbox, "abc", Delivery::Event).unwrap();
        // An answer, as events leave in one piece.
        push(&outbox, "d", Delivery::Answer).unwrap();
        outbox.lock().advance(3);
        outbox.push_pong(Encoded::frame(crate::protocol::OpCode::Pong, b"1"));
        outbox.push_pong(Encoded::frame(crate::protocol::OpCode::Pong, b"2"));
        assert_eq!(written(&outbox, at_once), expected);
    }
}

#[test]
fn pings_of_a_client_that_does_not_read_take_no_room() {
    let outbox = outbox(Overflow::Close);
    for _ in 0..1000 {
        outbox.push_pong(Encoded::frame(crate::protocol::OpCode::Pong, &[b'x'; 125]));
        let blocked = outbox.lock().write(|_| Poll::Pending);
        assert!(blocked.is_pending());
    }
    let queue = outbox.lock();
    assert!(queue.waiting.is_empty());
    assert!(queue.pongs().is_some_and(|pongs| pongs.rest().len() <= 4096));
}

#[test]
fn before_it_opens_only_pongs_go_out() {
    let outbox = Outbox::new(WireFormat::Plain, &Limits::default(), &Arc::default());
    push(&outbox, "a", Delivery::Event).unwrap();
    push(&outbox, "b", Delivery::Event).unwrap();
    outbox.push_pong(Encoded::frame(crate::protocol::OpCode::Pong, b"1"));
    assert_eq!(written(&outbox, 99), "1");
    outbox.open(Encoded::nothing());
    assert_eq!(written(&outbox, 99), "ab");
}

#[test]
fn a_push_that_finds_the_stream_blocked_wakes_the_task_that_waits_for_it() {
    let outbox = roomy(&small());
    outbox.attach_writer(Direct::Test(Arc::new(Narrow(Mutex::new(1)))));
    let woken = Arc::new(Woken::default());
    outbox.register(&Context::from_waker(&Arc::clone(&woken).into()));
    // More than fits: what waits is written, as far as the stream takes it.
    for _ in 0..5 {
        outbox.push(text("x").into_shared(), Delivery::Event).unwrap();
    }
    assert!(!woken.0.load(Ordering::SeqCst), "the senders' batch is not over");
    outbox.write_marked();
    assert!(woken.0.load(Ordering::SeqCst));
}

#[derive(Default)]
struct Woken(std::sync::atomic::AtomicBool);

impl std::task::Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Says `event` to it, right behind what it was told before.
fn tell(outbox: &Outbox, event: &str, before: BurstFrames) -> (Result<Pushed, SendError>, BurstFrames) {
    let shared = SharedEvent::new(crate::protocol::EncodeContext::new("/"), event, "1".into(), None);
    let burst = JoinedBurst::new(&shared, before);
    (burst.push(outbox, Leaves::default()), burst.into_frames())
}

fn roomy(limits: &Limits) -> Outbox {
    let outbox = Outbox::new(WireFormat::Plain, limits, &Arc::default());
    outbox.open(Encoded::nothing());
    outbox
}

#[test]
fn a_burst_of_broadcasts_waits_as_one_piece() {
    let outbox = roomy(&Limits::default());
    let mut latest = BurstFrames::default();
    for event in ["a", "b", "c"] {
        latest = tell(&outbox, event, latest).1;
        assert!(outbox.lock().waiting.is_alone());
    }
    assert_eq!(outbox.lock().waiting.len(), 3);
    assert_eq!(written(&outbox, 5), "eventadata1eventbdata1eventcdata1");
    assert_eq!(outbox.lock().waiting.len(), 0);
    assert_eq!(outbox.lock().waiting.bytes(), 0);
}

#[test]
fn a_burst_is_not_joined_with_what_is_not_the_broadcast_before() {
    let outbox = roomy(&Limits::default());
    let (_, latest) = tell(&outbox, "a", BurstFrames::default());
    push(&outbox, "x", Delivery::Event).unwrap();
    let (_, latest) = tell(&outbox, "b", latest);
    assert_eq!(outbox.lock().waiting.len(), 3);
    assert_eq!(written(&outbox, 99), "eventadata1xeventbdata1");
    // What was written does not wait any more.
    tell(&outbox, "c", latest).0.unwrap();
    assert_eq!(written(&outbox, 99), "eventcdata1");
}

#[test]
fn a_burst_that_is_begun_goes_on_alone() {
    let outbox = roomy(&Limits::default());
    let (_, latest) = tell(&outbox, "a", BurstFrames::default());
    outbox.lock().advance(15);
    tell(&outbox, "b", latest).0.unwrap();
    assert!(!outbox.lock().waiting.is_alone());
    assert_eq!(written(&outbox, 99), "data1eventbdata1");
}

#[test]
fn each_message_of_a_burst_counts() {
    for overflow in [Overflow::DropNewest, Overflow::DropOldest] {
        let outbox = roomy(&Limits { outbox_frames: 2, overflow, ..Limits::default() });
        outbox.refuse();
        let (_, latest) = tell(&outbox, "a", BurstFrames::default());
        outbox.write_marked();
        let (_, latest) = tell(&outbox, "b", latest);
        outbox.write_marked();
        let (third, _) = tell(&outbox, "c", latest);
        assert_eq!(outbox.telemetry.counters.read(Counter::DroppedFrames), 1);
        let is_dropped = overflow == Overflow::DropNewest;
        assert_eq!(third.is_err(), is_dropped);
        let expected = if is_dropped { "eventadata1eventbdata1" } else { "eventbdata1eventcdata1" };
        assert_eq!(written(&outbox, 99), expected);
    }
}
