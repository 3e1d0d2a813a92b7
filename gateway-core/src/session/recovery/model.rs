//! A model of resuming: senders on several threads, and a client of either format whose connection is lost and which
//! becomes the same socket again, in thousands of orders. Whatever was sent reaches it once, in each sender's order.

use std::collections::HashMap;
use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::HeaderMap;
use serde_json::Value;
use shuttle::future::block_on;
use shuttle::thread;

use crate::limits::Limits;
use crate::protocol::{Encoded, Outgoing, WireFormat};
use crate::session::replay::NextOffset;
use crate::session::{Offset, Offsets, Recovery, Session};
use crate::transport::{Broken, Deliver, Ending, Handshake, Transport};

const ORDERS: usize = 4000;
const EVENTS: u64 = 3;

fn session(format: WireFormat) -> Session {
    let handshake = Handshake::new("/".into(), "", &HeaderMap::new(), None);
    Session::new(&"/".into(), handshake, format, &Limits::default(), &Arc::default())
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

/// One event: its sender, its number, and its offset.
type Heard = (String, u64, String);

/// Everything that waits for a client, in order; `None` is the word that it was let in.
fn read(session: &Session) -> Vec<Option<Heard>> {
    let mut paper = Paper::default();
    let written = block_on(poll_fn(|task| session.outbox.poll_write(task, &mut paper)));
    assert!(written.is_ok());
    let mut heard = Vec::new();
    let mut rest = &paper.0[..];
    // Short text frames.
    while let [0x81, length, behind @ ..] = rest {
        let (payload, next) = behind.split_at(usize::from(*length));
        heard.push(parse(std::str::from_utf8(payload).unwrap()));
        rest = next;
    }
    assert!(rest.is_empty());
    heard
}

fn parse(text: &str) -> Option<Heard> {
    let members = match text.strip_prefix("42") {
        Some(list) => serde_json::from_str::<[Value; 3]>(list).unwrap(),
        None if text.starts_with("40") => return None,
        None => {
            let mut frame: Value = serde_json::from_str(text).unwrap();
            if frame["session"].is_object() {
                return None;
            }
            ["event", "data", "offset"].map(|member| frame[member].take())
        }
    };
    let [sender, number, offset] = members;
    let offset = offset.as_u64().map_or_else(|| offset.as_str().unwrap().to_owned(), |offset| offset.to_string());
    Some((sender.as_str().unwrap().to_owned(), number.as_u64().unwrap(), offset))
}

fn event(session: &Session, sender: u8, number: u64, offset: Offset) -> Encoded {
    let (sender, number, offset) = (sender.to_string(), number.to_string(), offset.position().text(session.format));
    let outgoing = Outgoing::Event { event: &sender, content: (&*number).into(), offset: Some(&offset) };
    session.encode(&outgoing).into_shared()
}

fn sender(session: &Arc<Session>, offsets: &Arc<Offsets>, sender: u8) -> thread::JoinHandle<()> {
    let (session, offsets) = (Arc::clone(session), Arc::clone(offsets));
    thread::spawn(move || {
        for number in 0..EVENTS {
            let offset = assigned(offsets.next());
            session.push_event(event(&session, sender, number, offset), offset).unwrap();
        }
    })
}

/// The client hears the first event, and as many more as have come when its connection is lost.
fn a_client_is_lost_and_comes_back(format: WireFormat) {
    let offsets = Arc::new(Offsets::default());
    offsets.turn_on();
    let lost = Arc::new(session(format).with_recovery(&Recovery::default(), &offsets));
    lost.outbox.open(Encoded::nothing());
    let first = assigned(offsets.next());
    lost.push_event(event(&lost, 9, 0, first), first).unwrap();
    let threads = [sender(&lost, &offsets, 0), sender(&lost, &offsets, 1)];

    let mut heard = read(&lost);
    assert!(lost.mark_disconnected());
    let offset = heard.last().unwrap().as_ref().unwrap().2.clone();
    let back = session(format).resume_from(&lost, &offset).expect("its last event is known");
    back.outbox.open(Encoded::nothing());
    heard.extend(read(&back));
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    heard.extend(read(&back));

    let words = heard.len();
    let events: Vec<_> = heard.into_iter().flatten().collect();
    assert_eq!(words - events.len(), 1, "it was let in once");
    let mut numbers: HashMap<String, Vec<u64>> = HashMap::new();
    events.into_iter().for_each(|(sender, number, _)| numbers.entry(sender).or_default().push(number));
    let all: Vec<_> = (0..EVENTS).collect();
    assert_eq!((&numbers["0"], &numbers["1"], &numbers["9"]), (&all, &all, &vec![0]));
}

#[test]
fn whatever_is_sent_reaches_a_client_that_comes_back_once_and_in_order() {
    for format in [WireFormat::SocketIo, WireFormat::PlainNumbered] {
        shuttle::check_random(move || a_client_is_lost_and_comes_back(format), ORDERS / 2);
        shuttle::check_pct(move || a_client_is_lost_and_comes_back(format), ORDERS / 2, 4);
    }
}

/// The offset that a hub without a log assigns.
fn assigned(next: NextOffset) -> Offset {
    match next {
        NextOffset::Assigned(offset) => offset,
        _ => panic!("offsets are on, and there is no log"),
    }
}
