//! Each connection keeps some messages in flight; each comes back as it was sent.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::payload::{Payload, Shape};
use crate::process::Process;
use crate::wire::Wire;

use super::window::Watch;
use super::{Crowd, Measured, Window, Wrong};

/// The echo.
#[derive(Clone, Copy, Debug)]
pub struct Echo {
    /// What is sent.
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
    pub fn run<W: Wire>(
        self,
        wire: W,
        server: SocketAddr,
        process: Process,
        window: Window,
    ) -> Result<Measured, Wrong> {
        let mut crowd = Crowd::new(wire)?;
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
                    crowd.queue(index, "echo", talk.payload.numbered(talk.sent));
                    talk.sent += 1;
                }
                crowd.flush(index)?;
            }
            crowd.turn(|index, name, data| {
                answers += 1;
                answer(&mut talks, &mut fresh, index, name, data)
            })?;
            if let Some(measured) = watch.look(answers)? {
                break measured;
            }
        };
        drain(&mut crowd, &mut talks, &mut fresh)?;
        Ok(measured)
    }
}

fn answer(talks: &mut [Talk], fresh: &mut Vec<usize>, index: usize, name: &str, data: &[u8]) -> Result<(), Wrong> {
    let talk =
        talks.get_mut(index).ok_or_else(|| Wrong(format!("connection {index} sent nothing and was answered")))?;
    expect(&mut talk.payload, talk.heard, ("echo", name), data)?;
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

/// The data as it was sent, or at least the same JSON: some servers write it anew.
pub(super) fn expect(payload: &mut Payload, number: u64, name: (&str, &str), data: &[u8]) -> Result<(), Wrong> {
    if name.0 != name.1 {
        return Err(Wrong(format!("the event `{}` instead of `{}`", name.1, name.0)));
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

fn drain<W: Wire>(crowd: &mut Crowd<W>, talks: &mut [Talk], fresh: &mut Vec<usize>) -> Result<(), Wrong> {
    // Answers that were counted wait for a message that is never sent.
    while talks.iter().any(|talk| talk.heard < talk.sent) {
        crowd.turn(|index, name, data| answer(talks, fresh, index, name, data))?;
    }
    silence(crowd)
}

/// A doubled last answer comes late.
pub(super) fn silence<W: Wire>(crowd: &mut Crowd<W>) -> Result<(), Wrong> {
    let end = Instant::now() + Duration::from_millis(50);
    while Instant::now() < end {
        crowd
            .turn(|index, name, _| Err(Wrong(format!("connection {index}: `{name}` came though all was answered"))))?;
    }
    Ok(())
}
