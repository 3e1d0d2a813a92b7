//! A concurrency model of outbox and batch: senders on several threads, the connection's task, and a slow client, in
//! thousands of interleavings. Every accepted frame arrives once, in its sender's order, before the close. The model fails
//! if all threads wait.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use http::HeaderMap;
use shuttle::future::block_on;
use shuttle::sync::mpsc::channel;
use shuttle::sync::{Condvar, Mutex};
use shuttle::thread;

use crate::limits::{Limits, Overflow};
use crate::protocol::{Disconnect, EncodeContext, Encoded, OpCode, SharedEvent, WireFormat, close_frame};
use crate::session::{
    Batch, BurstFrames, Delivery, DisconnectReason, JoinedBurst, Leaves, Scope, Session, write_all_soon,
};
use crate::transport::{Broken, Deliver, Direct, Ending, Handshake, SystemWrite, Transport};

/// Interleavings tried per model, half of them random and half with few context switches.
const ORDERS: usize = 4000;

fn check(model: impl Fn() + Send + Sync + Copy + 'static) {
    shuttle::check_random(model, ORDERS / 2);
    shuttle::check_pct(model, ORDERS / 2, 4);
}

/// Bytes in flight to a client: a small buffer like a kernel's.
#[derive(Debug)]
struct ModelPipe {
    state: Mutex<ModelPipeState>,
    readable: Condvar,
}

#[derive(Debug, Default)]
struct ModelPipeState {
    bytes: VecDeque<u8>,
    writer: Option<Waker>,
}

const CAPACITY: usize = 7;

impl ModelPipe {
    fn new() -> Arc<Self> {
        Arc::new(Self { state: Mutex::default(), readable: Condvar::new() })
    }

    fn write(&self, frames: &[u8], waker: Option<&Waker>) -> io::Result<usize> {
        let mut state = self.state.lock().unwrap();
        let room = frames.len().min(CAPACITY - state.bytes.len());
        if room == 0 {
            // As a runtime does: who waited before is forgotten.
            state.writer = waker.cloned().or(state.writer.take());
            return Err(io::ErrorKind::WouldBlock.into());
        }
        state.bytes.extend(&frames[..room]);
        self.readable.notify_one();
        Ok(room)
    }

    /// All there is, which makes room for more.
    fn read(&self) -> VecDeque<u8> {
        let state = self.state.lock().unwrap();
        let mut state = self.readable.wait_while(state, |state| state.bytes.is_empty()).unwrap();
        if let Some(writer) = state.writer.take() {
            writer.wake();
        }
        std::mem::take(&mut state.bytes)
    }
}

/// Bytes that a client has read but not parsed.
struct Reader {
    pipe: Arc<ModelPipe>,
    bytes: VecDeque<u8>,
}

impl Reader {
    fn byte(&mut self) -> u8 {
        if self.bytes.is_empty() {
            self.bytes = self.pipe.read();
        }
        self.bytes.pop_front().expect("there was one")
    }

    /// The payload of the next frame, short and whole; `None` for a close frame.
    fn frame(&mut self) -> Option<(u8, u8)> {
        let first = self.byte();
        let payload: Vec<u8> = (0..self.byte()).map(|_| self.byte()).collect();
        match first {
            0x82 => Some((payload[0], payload[1])),
            // {"event":"0","data":1}
            0x81 => Some((payload[10] - b'0', payload[20] - b'0')),
            0x88 => None,
            other => panic!("{other:x} begins no frame"),
        }
    }
}

impl SystemWrite for ModelPipe {
    fn send(&self, frames: &[u8]) -> io::Result<usize> {
        self.write(frames, None)
    }
}

/// The connection's end of a pipe.
struct Wire {
    pipe: Arc<ModelPipe>,
    is_direct: bool,
}

impl Transport for Wire {
    fn poll_receive(&mut self, _: &mut Context<'_>, _: &mut Deliver<'_>) -> Poll<Result<(), Broken>> {
        Poll::Pending
    }

    fn poll_write(&mut self, context: &mut Context<'_>, frames: &[u8]) -> Poll<io::Result<usize>> {
        match self.pipe.write(frames, Some(context.waker())) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Poll::Pending,
            written => Poll::Ready(written),
        }
    }

    fn poll_flush(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(&mut self, _: &mut Context<'_>, _: Ending) -> Poll<()> {
        Poll::Ready(())
    }

    fn direct(&self) -> Option<Direct> {
        self.is_direct.then(|| Direct::Test(Arc::clone(&self.pipe) as Arc<dyn SystemWrite>))
    }
}

fn session(frames: usize, overflow: Overflow) -> Arc<Session> {
    let handshake = Handshake::new("/".into(), "", &HeaderMap::new(), None);
    let limits = Limits { outbox_frames: frames, overflow, ..Limits::default() };
    Arc::new(Session::new(&"/".into(), handshake, WireFormat::Plain, &limits, &Arc::default()))
}

/// The number of a sender and of its frame.
fn frame(sender: u8, number: u8) -> Encoded {
    Encoded::frame(OpCode::Binary, &[sender, number])
}

/// The connection's task, turn by turn as `server/connection.rs` has it, until somebody asks for its end. `work` is what
/// its handlers do in the first turn.
fn connection(session: &Arc<Session>, mut wire: Wire, work: impl Fn()) {
    let mut is_first = true;
    block_on(std::future::poll_fn(|task| {
        let _batch = Batch::begin(Some(session));
        session.outbox.register(task);
        loop {
            if std::mem::take(&mut is_first) {
                session.outbox.open(Encoded::nothing());
                if let Some(direct) = wire.direct() {
                    session.outbox.attach_writer(direct);
                }
                work();
            }
            if session.outbox.ended().is_some() {
                return Poll::Ready(());
            }
            if !matches!(session.outbox.poll_write(task, &mut wire), Poll::Ready(Ok(true))) {
                return Poll::Pending;
            }
        }
    }));
    if session.outbox.ended().is_some_and(|(reason, _)| reason == DisconnectReason::TooSlow) {
        session.outbox.discard();
    }
    session.outbox.close(Some(close_frame(None)));
    block_on(std::future::poll_fn(|task| {
        session.outbox.register(task);
        let _ = ready!(session.outbox.poll_write(task, &mut wire));
        Poll::Ready(())
    }));
}

/// The numbers of the frames of each sender.
type Frames = HashMap<u8, Vec<u8>>;

struct Client {
    reader: thread::JoinHandle<Frames>,
    heard: Arc<(Mutex<usize>, Condvar)>,
}

impl Client {
    fn start(pipe: &Arc<ModelPipe>) -> Self {
        let mut stream = Reader { pipe: Arc::clone(pipe), bytes: VecDeque::new() };
        let heard = Arc::<(Mutex<usize>, Condvar)>::default();
        let count = Arc::clone(&heard);
        let reader = thread::spawn(move || {
            let mut frames = Frames::new();
            while let Some((sender, number)) = stream.frame() {
                frames.entry(sender).or_default().push(number);
                *count.0.lock().unwrap() += 1;
                count.1.notify_one();
            }
            frames
        });
        Self { reader, heard }
    }

    /// Waits until it has read so many frames, without doing anything that would wake somebody.
    fn hears(&self, frames: usize) {
        let heard = self.heard.0.lock().unwrap();
        let _heard = self.heard.1.wait_while(heard, |heard| *heard < frames).unwrap();
    }

    /// All it has read, once it has read a close frame.
    fn read(self) -> Frames {
        self.reader.join().unwrap()
    }
}

/// A connection to a client, and its session.
struct Peer {
    session: Arc<Session>,
    client: Client,
    wire: Wire,
}

impl Peer {
    fn new(is_direct: bool, room: usize, overflow: Overflow) -> Self {
        let (session, pipe) = (session(room, overflow), ModelPipe::new());
        Self { session, client: Client::start(&pipe), wire: Wire { pipe, is_direct } }
    }
}

const FRAMES: u8 = 3;

/// Pushes some frames and says which were taken.
fn push_all(session: &Arc<Session>, sender: u8, delivery: Delivery) -> Frames {
    let push = |number: &u8| session.push(frame(sender, *number), delivery).is_ok();
    HashMap::from([(sender, (0..FRAMES).filter(push).collect())])
}

/// A thread that pushes in a batch of other work, as the turn of another connection, or outside of any.
fn sender(session: &Arc<Session>, sender: u8, batch: Option<Arc<Session>>) -> thread::JoinHandle<Frames> {
    let session = Arc::clone(session);
    thread::spawn(move || {
        let _batch = batch.as_ref().map(|owner| Batch::begin(Some(owner)));
        push_all(&session, sender, Delivery::Event)
    })
}

fn end(session: &Session) {
    session.outbox.end(DisconnectReason::Server(Disconnect::default()), Scope::Connection);
}

/// Frames, without those who sent none.
fn some(mut frames: Frames) -> Frames {
    frames.retain(|_, numbers| !numbers.is_empty());
    frames
}

#[derive(Clone, Copy)]
struct Setting {
    is_direct: bool,
    /// Frames that may wait.
    room: usize,
    own: Delivery,
    /// The end comes while they still push.
    is_early: bool,
}

/// Three senders push to one socket: the turn of another connection, a thread outside of any, and the socket's own
/// handlers. What was taken is read, and before the end comes, which would wake the task.
fn three_senders(setting: Setting) {
    let Setting { is_direct, room, own, is_early } = setting;
    let Peer { session, client, wire } = Peer::new(is_direct, room, Overflow::DropNewest);
    let other = self::session(room, Overflow::Close);
    let threads = [sender(&session, 0, Some(other)), sender(&session, 1, None)];
    let (tell, told) = channel();
    let itself = Arc::clone(&session);
    let task = thread::spawn(move || connection(&itself, wire, || tell.send(push_all(&itself, 2, own)).unwrap()));
    if is_early {
        end(&session);
    }
    let mut taken = told.recv().unwrap();
    for thread in threads {
        taken.extend(thread.join().unwrap());
    }
    if !is_early {
        client.hears(taken.values().map(Vec::len).sum());
        end(&session);
    }
    task.join().unwrap();
    assert_eq!(some(client.read()), some(taken));
}

const ROOMY: Setting = Setting { is_direct: true, room: 1024, own: Delivery::Event, is_early: false };

#[test]
fn what_is_sent_straight_arrives() {
    check(|| three_senders(ROOMY));
}

#[test]
fn what_only_the_own_task_can_write_arrives() {
    check(|| three_senders(Setting { is_direct: false, ..ROOMY }));
}

#[test]
fn what_finds_room_in_a_small_outbox_arrives() {
    check(|| three_senders(Setting { room: 2, ..ROOMY }));
    check(|| three_senders(Setting { room: 2, is_direct: false, ..ROOMY }));
}

#[test]
fn a_volatile_frame_that_was_taken_arrives() {
    check(|| three_senders(Setting { own: Delivery::Volatile, ..ROOMY }));
}

#[test]
fn what_was_taken_arrives_before_the_close() {
    check(|| three_senders(Setting { is_early: true, ..ROOMY }));
    check(|| three_senders(Setting { is_early: true, is_direct: false, room: 2, ..ROOMY }));
}

/// Two connections broadcast to both.
fn each_to_all(is_direct: bool) {
    let peers = [0, 1].map(|_| Peer::new(is_direct, 1024, Overflow::Close));
    let list: Arc<[Arc<Session>]> = peers.iter().map(|peer| Arc::clone(&peer.session)).collect();
    let start = |(number, Peer { session, client, wire }): (u8, Peer)| {
        let everybody = Arc::clone(&list);
        let task = thread::spawn(move || {
            connection(&session, wire, || {
                let mut latest = BurstFrames::default();
                for broadcast in 0..FRAMES {
                    let (event, data) = (number.to_string(), broadcast.to_string());
                    let shared = SharedEvent::new(EncodeContext::new("/"), &event, data.as_str().into(), None);
                    let burst = JoinedBurst::new(&shared, latest);
                    for session in everybody.iter() {
                        burst.push(&session.outbox, Leaves::default()).unwrap();
                    }
                    latest = burst.into_frames();
                    write_all_soon((&everybody, None), BurstFrames::default());
                }
            });
        });
        (task, client)
    };
    let started: Vec<_> = (0..).zip(peers).map(start).collect();
    for (_, client) in &started {
        client.hears(2 * usize::from(FRAMES));
    }
    list.iter().for_each(|session| end(session));
    for (task, client) in started {
        task.join().unwrap();
        let all: Vec<u8> = (0..FRAMES).collect();
        assert_eq!(client.read(), HashMap::from([(0, all.clone()), (1, all)]));
    }
}

#[test]
fn connections_that_broadcast_to_each_other_hear_everything() {
    check(|| each_to_all(true));
    check(|| each_to_all(false));
}

/// Nobody has to end a connection that is too slow: it ends, and what its client has read until then has no gap.
fn too_slow(is_direct: bool) {
    let Peer { session, client, wire } = Peer::new(is_direct, 1, Overflow::Close);
    let threads = [0, 1].map(|number| sender(&session, number, None));
    let itself = Arc::clone(&session);
    let task = thread::spawn(move || connection(&itself, wire, || {}));
    let mut taken = Frames::new();
    for thread in threads {
        taken.extend(thread.join().unwrap());
    }
    let is_slow = taken.values().map(Vec::len).sum::<usize>() < 2 * usize::from(FRAMES);
    if !is_slow {
        end(&session);
    }
    task.join().unwrap();
    for (sender, numbers) in client.read() {
        assert!(if is_slow { taken[&sender].starts_with(&numbers) } else { taken[&sender] == numbers });
    }
}

#[test]
fn a_client_that_is_too_slow_is_let_go() {
    check(|| too_slow(true));
    check(|| too_slow(false));
}
