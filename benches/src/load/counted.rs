//! A fixed number of messages, always in the same portions: for counting instructions instead of time.

use std::net::SocketAddr;

use crate::payload::{Payload, Shape};
use crate::wire::Wire;

use super::echo::{expect, silence};
use super::{Crowd, Wrong};

/// What one connection sends, portion after portion; the next when all of the last has come.
#[derive(Clone, Copy, Debug)]
pub struct Counted {
    /// `echo` or `broadcast`.
    pub event: &'static str,
    /// What is sent.
    pub shape: Shape,
    /// Connections; the first sends, and all receive a broadcast.
    pub connections: usize,
    /// Messages sent together.
    pub portion: u64,
}

impl Counted {
    /// Sends so many portions.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong.
    pub fn run<W: Wire>(self, wire: W, server: SocketAddr, portions: u64) -> Result<(), Wrong> {
        let mut crowd = Crowd::new(wire)?;
        crowd.grow(server, self.connections)?;
        crowd.settle()?;
        let mut payload = Payload::new(self.shape, 0);
        let mut heard = vec![0; self.connections];
        let receivers = if self.event == "broadcast" { self.connections } else { 1 };
        let mut sent = 0;
        for _ in 0..portions {
            for _ in 0..self.portion {
                crowd.queue(0, self.event, payload.numbered(sent));
                sent += 1;
            }
            crowd.flush(0)?;
            while heard[..receivers].iter().any(|heard| *heard < sent) {
                crowd.turn(|index, name, data| {
                    expect(&mut payload, heard[index], (self.event, name), data)?;
                    heard[index] += 1;
                    Ok(())
                })?;
            }
        }
        silence(&mut crowd)
    }
}
