//! A model of coming back: senders on several threads, and a client whose connection is lost and which becomes the same
//! socket again, in thousands of orders. Whatever was sent reaches it once, in each sender's order.

use std::collections::HashMap;
use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::HeaderMap;
use shuttle::future::block_on;
use shuttle::thread;

use crate::limits::Limits;
use crate::session::{Offset, Offsets, Recovery, Session};
use crate::transport::{Broken, Deliver, Ending, Handshake, Transport};
use crate::wire::{Encoded, OpCode, WireFormat};

const ORDERS: usize = 4000;
const EVENTS: u8 = 3;

fn session() -> Session {
    let handshake = Handshake::new("/".into(), "", &HeaderMap::new(), None);
    Session::new(&"/".into(), handshake, WireFormat::SocketIo, &Limits::default(), &Arc::default())
}

/// Keeps what is written.
#[derive(Default)]
struct Paper(Vec<u8>);

impl Transport for Paper {
    fn poll_receive(&mut self, _: &mut Context<'_>, _: &mut Deliver<'_>) -> Poll<Result<(), Broken>> {
        Poll::Pending
    }

    fn poll_write(&mut self, _: &mut Context<'_>, frames: &[u8]) -> Poll<io::Result<usize>> {
        self.0.extend_from_slice(frames);
        Poll::Ready(Ok(frames.len()))
    }

    fn poll_flush(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(&mut self, _: &mut Context<'_>, _: Ending) -> Poll<()> {
        Poll::Ready(())
    }
}

/// All events that wait for a client, in order: sender and number of each, with its offset. The greeting is none.
fn read(session: &Session) -> Vec<(u8, u8, u8)> {
    let mut paper = Paper::default();
    let written = block_on(poll_fn(|task| session.outbox.poll_write(task, &mut paper)));
    assert!(written.is_ok());
    let mut rest = &paper.0[..];
    let mut events = Vec::new();
    while let [head, length, behind @ ..] = rest {
        let (payload, behind) = behind.split_at(usize::from(*length));
        if head & 0x0f == OpCode::Binary as u8 {
            events.push((payload[0], payload[1], payload[2]));
        }
        rest = behind;
    }
    events
}

fn event(sender: u8, number: u8, offset: Offset) -> Encoded {
    let offset: u8 = offset.to_string().parse().unwrap();
    Encoded::frame(OpCode::Binary, &[sender, number, offset]).into_shared()
}

fn sender(session: &Arc<Session>, offsets: &Arc<Offsets>, sender: u8) -> thread::JoinHandle<()> {
    let (session, offsets) = (Arc::clone(session), Arc::clone(offsets));
    thread::spawn(move || {
        for number in 0..EVENTS {
            let offset = offsets.next().unwrap();
            session.push_event(event(sender, number, offset), offset).unwrap();
        }
    })
}

/// The client hears the first event, and as many more as have come when its connection is lost.
fn a_client_is_lost_and_comes_back() {
    let offsets = Arc::new(Offsets::default());
    offsets.turn_on();
    let lost = Arc::new(session().with_recovery(&Recovery::default(), &offsets));
    lost.outbox.open(Encoded::nothing());
    let first = offsets.next().unwrap();
    lost.push_event(event(9, 0, first), first).unwrap();
    let threads = [sender(&lost, &offsets, 0), sender(&lost, &offsets, 1)];

    let mut heard = read(&lost);
    assert!(lost.go_away());
    let offset = heard.last().unwrap().2.to_string();
    let back = session().in_place_of(&lost, &offset).expect("its last event is known");
    back.outbox.open(Encoded::nothing());
    heard.extend(read(&back));
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    heard.extend(read(&back));

    let mut numbers: HashMap<u8, Vec<u8>> = HashMap::new();
    heard.iter().for_each(|(sender, number, _)| numbers.entry(*sender).or_default().push(*number));
    let all: Vec<_> = (0..EVENTS).collect();
    assert_eq!((&numbers[&0], &numbers[&1], &numbers[&9]), (&all, &all, &vec![0]));
}

#[test]
fn whatever_is_sent_reaches_a_client_that_comes_back_once_and_in_order() {
    shuttle::check_random(a_client_is_lost_and_comes_back, ORDERS / 2);
    shuttle::check_pct(a_client_is_lost_and_comes_back, ORDERS / 2, 4);
}
