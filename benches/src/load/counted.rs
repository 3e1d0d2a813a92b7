//! A fixed number of messages, always in the same portions: for counting instructions instead of time.

use std::net::SocketAddr;

use crate::payload::{Payload, Shape};
use crate::wire::Wires;

use super::echo::{Way, expect, silence};
use super::{Crowd, Wrong};

/// Messages of one connection, portion after portion; the next when all of the last has come.
#[derive(Clone, Copy, Debug)]
pub struct Counted {
    /// The event `echo` or `broadcast`, or the request.
    pub way: Way,
    /// Payload.
    pub shape: Shape,
    /// Connections; the first sends, and all receive a broadcast.
    pub connections: usize,
    /// Messages sent together.
    pub portion: u64,
}

impl Counted {
    /// Number of receivers of a message.
    #[must_use]
    pub fn receivers(self) -> usize {
        if self.way == Way::Event("broadcast") { self.connections } else { 1 }
    }

    /// Sends so many portions.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong.
    pub fn run(self, wires: Wires, server: SocketAddr, portions: u64) -> Result<(), Wrong> {
        let mut crowd = Crowd::new(wires)?;
        crowd.grow(server, self.connections)?;
        crowd.settle()?;
        let mut payload = Payload::new(self.shape, 0);
        let mut heard = vec![0; self.connections];
        let receivers = self.receivers();
        let mut sent = 0;
        for _ in 0..portions {
            for _ in 0..self.portion {
                self.way.queue(&mut crowd, 0, sent, payload.numbered(sent));
                sent += 1;
            }
            crowd.flush(0)?;
            while heard[..receivers].iter().any(|heard| *heard < sent) {
                crowd.turn(|index, said, data| {
                    expect(&mut payload, heard[index], (&self.way.answer(heard[index]), &said), data)?;
                    heard[index] += 1;
                    Ok(())
                })?;
            }
        }
        silence(&mut crowd)
    }
}
