//! One connection sends to a room of all; each broadcast reaches each connection once, in order.

use std::net::SocketAddr;

use crate::payload::{Payload, Shape};
use crate::process::Process;
use crate::wire::{Said, Wires};

use super::echo::{expect, silence};
use super::window::Watch;
use super::{Crowd, Measured, Window, Wrong};

/// The broadcast.
#[derive(Clone, Copy, Debug)]
pub struct Broadcast {
    /// Payload.
    pub shape: Shape,
    /// Connections in the room, the sender among them.
    pub receivers: usize,
    /// Broadcasts in flight.
    pub in_flight: u64,
}

/// Broadcasts that each member has received.
struct Room {
    payload: Payload,
    heard: Vec<u64>,
    sent: u64,
    /// Members that have received the oldest broadcast in flight, the one after it, and so on.
    complete: std::collections::VecDeque<usize>,
    finished: u64,
    deliveries: u64,
}

impl Broadcast {
    /// Runs for the window, then waits for all that is in flight and looks that nothing else comes.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong.
    pub fn run(self, wires: Wires, server: SocketAddr, process: Process, window: Window) -> Result<Measured, Wrong> {
        let mut crowd = Crowd::new(wires)?;
        crowd.grow(server, self.receivers)?;
        crowd.settle()?;
        self.enter(&mut crowd)?;
        let mut room = Room {
            payload: Payload::new(self.shape, 0),
            heard: vec![0; self.receivers],
            sent: 0,
            complete: std::collections::VecDeque::new(),
            finished: 0,
            deliveries: 0,
        };
        let mut watch = Watch::new(process, window);
        crowd.patience();
        let measured = loop {
            while room.sent - room.finished < self.in_flight {
                crowd.queue(0, "broadcast", room.payload.numbered(room.sent));
                room.complete.push_back(0);
                room.sent += 1;
            }
            crowd.flush(0)?;
            crowd.turn(|index, said, data| room.delivered(index, &said, data))?;
            if let Some(measured) = watch.look(room.deliveries)? {
                break measured;
            }
        };
        while room.finished < room.sent {
            crowd.turn(|index, said, data| room.delivered(index, &said, data))?;
        }
        silence(&mut crowd)?;
        Ok(measured)
    }
}

impl Broadcast {
    /// An upgrade is answered before its connection is in the room. One that was given an answer since is.
    fn enter(self, crowd: &mut Crowd) -> Result<(), Wrong> {
        let mut payload = Payload::new(self.shape, 0);
        let mut awaited = self.receivers;
        for index in 0..self.receivers {
            crowd.queue(index, "echo", payload.numbered(0));
            crowd.flush(index)?;
        }
        crowd.patience();
        while awaited > 0 {
            crowd.turn(|_, said, data| {
                awaited -= 1;
                expect(&mut payload, 0, (&Said::event("echo"), &said), data)
            })?;
        }
        Ok(())
    }
}

impl Room {
    fn delivered(&mut self, index: usize, said: &Said<'_>, data: &[u8]) -> Result<(), Wrong> {
        let number = self.heard[index];
        if number >= self.sent {
            return Err(Wrong(format!(
                "connection {index}: more deliveries than broadcasts: lost, doubled, altered or out of place"
            )));
        }
        expect(&mut self.payload, number, (&Said::event("broadcast"), said), data)?;
        self.heard[index] += 1;
        self.deliveries += 1;
        let place = usize::try_from(number - self.finished).expect("few are in flight");
        self.complete[place] += 1;
        // Each connection has them in order, so the oldest is complete first.
        while self.complete.front() == Some(&self.heard.len()) {
            self.complete.pop_front();
            self.finished += 1;
        }
        Ok(())
    }
}
