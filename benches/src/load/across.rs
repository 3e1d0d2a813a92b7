//! One client of one server sends to a room; the others in it are connected to another server of the cluster.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::payload::{Payload, Shape};
use crate::process::Process;
use crate::wire::{Said, Wires};

use super::echo::{expect, silence};
use super::{Crowd, Window, Wrong};

/// A server of the cluster.
#[derive(Clone, Copy, Debug)]
pub struct Node {
    /// Where it listens.
    pub address: SocketAddr,
    /// Its process.
    pub process: Process,
}

/// Room that is sent to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Audience {
    /// That of all clients.
    Everybody,
    /// That of the sender: the other server has no one in it.
    Alone,
}

/// A broadcast from one server to the clients of another.
#[derive(Clone, Copy, Debug)]
pub struct Across {
    /// Payload.
    pub shape: Shape,
    /// Clients of the second server.
    pub receivers: usize,
    /// Broadcasts in flight.
    pub in_flight: u64,
    /// Room.
    pub audience: Audience,
}

/// Resources that were used, and the time of deliveries.
#[derive(Clone, Debug)]
pub struct Crossed<T> {
    /// Broadcasts that reached everyone.
    pub broadcasts: u64,
    /// Wall-clock time.
    pub elapsed: Duration,
    /// User plus system time of the first server and of the second.
    pub cpu: [Duration; 2],
    /// Time that servers and load generator waited for a core that other processes used.
    pub waited: Duration,
    /// Half of the deliveries took no longer.
    pub half: Duration,
    /// 99 of 100 took no longer.
    pub most: Duration,
    /// Readings of the caller's meter, at the beginning and at the end.
    pub read: [T; 2],
}

impl Across {
    /// Runs for the window, then waits for all that is in flight and looks that nothing else comes. `meter` is read when the
    /// time that counts begins and when it ends. Both nodes may be one.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong.
    pub fn run<T>(
        self,
        wires: Wires,
        nodes: [Node; 2],
        window: Window,
        mut meter: impl FnMut() -> Result<T, Wrong>,
    ) -> Result<Crossed<T>, Wrong> {
        let mut sender = Crowd::new(wires)?;
        sender.grow(nodes[0].address, 1)?;
        let mut receivers = Crowd::new(wires)?;
        receivers.grow(nodes[1].address, self.receivers)?;
        sender.settle()?;
        receivers.settle()?;
        let mut course = Course::new(self);
        let begun = Instant::now();
        let mut start: Option<(Snapshot, u64, T)> = None;
        sender.patience();
        receivers.patience();
        loop {
            course.fill(&mut sender)?;
            course.turn(&mut sender, &mut receivers)?;
            match &start {
                None if begun.elapsed() >= window.warm_up => {
                    course.waits.clear();
                    start = Some((Snapshot::take(nodes)?, course.finished, meter()?));
                }
                Some((snapshot, before, _))
                    if snapshot.at.elapsed() >= window.measured && course.finished > *before =>
                {
                    break;
                }
                _ => {}
            }
        }
        let (start, before, read) = start.ok_or_else(|| Wrong("the time that counts did not begin".to_owned()))?;
        let (end, read) = (Snapshot::take(nodes)?, [read, meter()?]);
        let broadcasts = course.finished - before;
        let mut waits = std::mem::take(&mut course.waits);
        while course.finished < course.sent {
            course.turn(&mut sender, &mut receivers)?;
        }
        silence(&mut sender)?;
        silence(&mut receivers)?;
        waits.sort_unstable();
        let wait = |place: usize| waits.get(place).copied().unwrap_or_default();
        Ok(Crossed {
            broadcasts,
            elapsed: end.at - start.at,
            cpu: [0, 1].map(|node| end.cpu[node].saturating_sub(start.cpu[node])),
            waited: end.waited.saturating_sub(start.waited),
            half: wait(waits.len() / 2),
            most: wait(waits.len().saturating_sub(1 + waits.len() / 100)),
            read,
        })
    }
}

/// Resources used so far.
struct Snapshot {
    at: Instant,
    cpu: [Duration; 2],
    waited: Duration,
}

impl Snapshot {
    fn take(nodes: [Node; 2]) -> Result<Self, Wrong> {
        let [first, second] = nodes.map(|node| node.process);
        let waited = Process(std::process::id()).waited()? + first.waited()? + second.waited()?;
        Ok(Self { at: Instant::now(), cpu: [first.cpu()?, second.cpu()?], waited })
    }
}

/// Broadcasts that each client has received.
struct Course {
    across: Across,
    payload: Payload,
    /// Broadcasts received by each client of the second server, and last by the sender.
    heard: Vec<u64>,
    sent: u64,
    finished: u64,
    /// The broadcasts in flight from the oldest on: when they were sent, and how many clients have them.
    under_way: VecDeque<(Instant, usize)>,
    waits: Vec<Duration>,
}

impl Course {
    fn new(across: Across) -> Self {
        let heard = vec![0; across.receivers + 1];
        let payload = Payload::new(across.shape, 0);
        Self { across, payload, heard, sent: 0, finished: 0, under_way: VecDeque::new(), waits: Vec::new() }
    }

    /// Sends until there are enough in flight.
    fn fill(&mut self, sender: &mut Crowd) -> Result<(), Wrong> {
        let event = match self.across.audience {
            Audience::Everybody => "broadcast",
            Audience::Alone => "alone",
        };
        while self.sent - self.finished < self.across.in_flight {
            sender.queue(0, event, self.payload.numbered(self.sent));
            self.under_way.push_back((Instant::now(), 0));
            self.sent += 1;
        }
        sender.flush(0)
    }

    fn turn(&mut self, sender: &mut Crowd, receivers: &mut Crowd) -> Result<(), Wrong> {
        let last = self.across.receivers;
        sender.turn(|_, said, data| self.delivered(last, &said, data))?;
        if self.across.audience == Audience::Alone {
            receivers.patience();
        }
        receivers.turn(|index, said, data| self.delivered(index, &said, data))?;
        Ok(())
    }

    fn delivered(&mut self, index: usize, said: &Said<'_>, data: &[u8]) -> Result<(), Wrong> {
        let is_sender = index == self.across.receivers;
        if self.across.audience == Audience::Alone && !is_sender {
            return Err(Wrong(format!("connection {index} is not in the room and has {said}")));
        }
        let number = self.heard[index];
        if number >= self.sent {
            return Err(Wrong(format!("connection {index}: more deliveries than broadcasts: doubled or out of place")));
        }
        expect(&mut self.payload, number, (&Said::event("broadcast"), said), data)?;
        self.heard[index] += 1;
        let place = usize::try_from(number - self.finished).expect("few are in flight");
        let (sent, have) = &mut self.under_way[place];
        *have += 1;
        if !is_sender {
            self.waits.push(sent.elapsed());
        }
        let everyone = match self.across.audience {
            Audience::Everybody => self.heard.len(),
            Audience::Alone => 1,
        };
        // Each client has them in order, so the oldest is complete first.
        while self.under_way.front().is_some_and(|(_, have)| *have == everyone) {
            self.under_way.pop_front();
            self.finished += 1;
        }
        Ok(())
    }
}
