//! Each connection keeps some messages in flight; each comes back as it was sent, as an event or as the reply to a request.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::payload::{Payload, Shape};
use crate::process::Process;
use crate::wire::{Said, Wires};

use super::window::Watch;
use super::{Crowd, Measured, Window, Wrong};

/// Way of a message and its answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Way {
    /// An event of this name, which comes back as an event of the same name.
    Event(&'static str),
    /// The request `ask`, which is answered by a reply.
    Ask,
}

impl Way {
    /// Puts message `number` behind what member `index` has to send.
    pub(super) fn queue(self, crowd: &mut Crowd, index: usize, number: u64, data: &[u8]) {
        match self {
            Self::Event(name) => crowd.queue(index, name, data),
            Self::Ask => crowd.ask(index, "ask", number, data),
        }
    }

    /// Answer to message `number`.
    pub(super) fn answer(self, number: u64) -> Said<'static> {
        match self {
            Self::Event(name) => Said::event(name),
            Self::Ask => Said::Reply(number),
        }
    }
}

/// The echo.
#[derive(Clone, Copy, Debug)]
pub struct Echo {
    /// Way of the messages.
    pub way: Way,
    /// Payload.
    pub shape: Shape,
    /// Connections that send.
    pub connections: usize,
    /// Messages in flight on each.
    pub in_flight: u64,
    /// Connections that are open and silent.
    pub neighbours: usize,
}

/// One side of an echo: what was sent and what is awaited.
struct Talk {
    payload: Payload,
    sent: u64,
    heard: u64,
    /// Answers of this turn, each to be followed by a message.
    fresh: u64,
}

impl Echo {
    /// Runs for the window, then waits for all that is in flight and looks that nothing else comes.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong.
    pub fn run(self, wires: Wires, server: SocketAddr, process: Process, window: Window) -> Result<Measured, Wrong> {
        let mut crowd = Crowd::new(wires)?;
        crowd.grow(server, self.connections + self.neighbours)?;
        crowd.settle()?;
        let mut talks: Vec<Talk> = (0..self.connections)
            .map(|index| Talk { payload: Payload::new(self.shape, index), sent: 0, heard: 0, fresh: self.in_flight })
            .collect();
        let mut fresh: Vec<usize> = (0..self.connections).collect();
        let mut answers = 0;
        let mut watch = Watch::new(process, window);
        crowd.patience();
        let measured = loop {
            for index in fresh.drain(..) {
                let talk = &mut talks[index];
                for _ in 0..std::mem::take(&mut talk.fresh) {
                    self.way.queue(&mut crowd, index, talk.sent, talk.payload.numbered(talk.sent));
                    talk.sent += 1;
                }
                crowd.flush(index)?;
            }
            crowd.turn(|index, said, data| {
                answers += 1;
                self.answer(&mut talks, &mut fresh, (index, &said), data)
            })?;
            if let Some(measured) = watch.look(answers)? {
                break measured;
            }
        };
        self.drain(&mut crowd, &mut talks, &mut fresh)?;
        Ok(measured)
    }
}

impl Echo {
    fn answer(
        self,
        talks: &mut [Talk],
        fresh: &mut Vec<usize>,
        (index, said): (usize, &Said<'_>),
        data: &[u8],
    ) -> Result<(), Wrong> {
        let talk =
            talks.get_mut(index).ok_or_else(|| Wrong(format!("connection {index} sent nothing and was answered")))?;
        expect(&mut talk.payload, talk.heard, (&self.way.answer(talk.heard), said), data)?;
        talk.heard += 1;
        if talk.heard > talk.sent {
            return Err(Wrong(format!("connection {index}: more answers than messages")));
        }
        if talk.fresh == 0 {
            fresh.push(index);
        }
        talk.fresh += 1;
        Ok(())
    }

    fn drain(self, crowd: &mut Crowd, talks: &mut [Talk], fresh: &mut Vec<usize>) -> Result<(), Wrong> {
        // Answers that were counted wait for a message that is never sent.
        while talks.iter().any(|talk| talk.heard < talk.sent) {
            crowd.turn(|index, said, data| self.answer(talks, fresh, (index, &said), data))?;
        }
        silence(crowd)
    }
}

/// The data as it was sent, or at least the same JSON: some servers write it anew.
pub(super) fn expect(
    payload: &mut Payload,
    number: u64,
    (wanted, said): (&Said<'_>, &Said<'_>),
    data: &[u8],
) -> Result<(), Wrong> {
    if wanted != said {
        return Err(Wrong(format!("{said} instead of {wanted}: lost, doubled, altered or out of place")));
    }
    let wanted = payload.numbered(number);
    if wanted == data || same_json(wanted, data) {
        return Ok(());
    }
    let (wanted, data) = (String::from_utf8_lossy(wanted), String::from_utf8_lossy(data));
    Err(Wrong(format!("lost, doubled, altered or out of place:\n  wanted {wanted}\n  came   {data}")))
}

fn same_json(one: &[u8], other: &[u8]) -> bool {
    let read = |bytes| serde_json::from_slice::<serde_json::Value>(bytes).ok();
    read(one).is_some_and(|one| read(other).is_some_and(|other| one == other))
}

/// A doubled last answer comes late.
pub(super) fn silence(crowd: &mut Crowd) -> Result<(), Wrong> {
    let end = Instant::now() + Duration::from_millis(50);
    while Instant::now() < end {
        crowd.turn(|index, said, _| Err(Wrong(format!("connection {index}: {said} came though all was answered"))))?;
    }
    Ok(())
}
