//! Time of a broadcast to clients that read, alone, beside some that do not, and beside some that flood.

use std::net::SocketAddr;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::payload::{Payload, Shape};
use crate::wire::{Said, Wires};

use super::echo::expect;
use super::{Crowd, Wrong};

/// Clients of a run.
#[derive(Clone, Copy, Debug)]
pub struct Beside {
    /// Payload.
    pub shape: Shape,
    /// Those who read, and whose time counts; the first of them sends.
    pub readers: usize,
    /// Those who take what they are sent and never read it.
    pub slow: usize,
    /// Those who send events as fast as they are answered.
    pub floods: usize,
    /// For how long it is measured.
    pub lasting: Duration,
}

/// Times of deliveries.
#[derive(Clone, Copy, Debug)]
pub struct Delivered {
    /// Broadcasts.
    pub broadcasts: u64,
    /// Half of the deliveries took no longer.
    pub half: Duration,
    /// 99 of 100 took no longer.
    pub most: Duration,
    /// Events of those who flood that were answered meanwhile.
    pub flooded: u64,
}

/// Answers that one who floods waits for at a time.
const BURST: usize = 256;

impl Beside {
    /// Runs one broadcast after the other.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong.
    pub fn run(self, wires: Wires, server: SocketAddr) -> Result<Delivered, Wrong> {
        let mut crowd = Crowd::new(wires)?;
        crowd.grow(server, self.readers)?;
        crowd.settle()?;
        let mut slow = Crowd::new(wires)?;
        slow.grow(server, self.slow)?;
        slow.settle()?;
        slow.take_little()?;
        let all_are_there = Barrier::new(2);
        let is_over = AtomicBool::new(false);
        let flooded = AtomicU64::new(0);
        let waits = thread::scope(|scope| {
            let floods = scope.spawn(|| {
                let grown = Crowd::new(wires).and_then(|mut crowd| crowd.grow(server, self.floods).map(|()| crowd));
                all_are_there.wait();
                flood(grown?, &is_over, &flooded)
            });
            all_are_there.wait();
            let waits = self.measure(&mut crowd);
            is_over.store(true, Ordering::Relaxed);
            floods.join().unwrap_or_else(|_| Err(Wrong("the flood panicked".to_owned())))?;
            waits
        });
        let mut waits = waits?;
        waits.sort_unstable();
        Ok(Delivered {
            broadcasts: (waits.len() / self.readers) as u64,
            half: waits[waits.len() / 2],
            most: waits[waits.len() - 1 - waits.len() / 100],
            flooded: flooded.load(Ordering::Relaxed),
        })
    }

    fn measure(self, crowd: &mut Crowd) -> Result<Vec<Duration>, Wrong> {
        let mut payload = Payload::new(self.shape, 0);
        let mut waits = Vec::new();
        let begun = Instant::now();
        for number in 0.. {
            if begun.elapsed() > self.lasting {
                break;
            }
            let sent = Instant::now();
            crowd.queue(0, "broadcast", payload.numbered(number));
            crowd.flush(0)?;
            crowd.patience();
            let mut missing = self.readers;
            while missing > 0 {
                crowd.turn(|_, said, data| {
                    expect(&mut payload, number, (&Said::event("broadcast"), &said), data)?;
                    waits.push(sent.elapsed());
                    missing -= 1;
                    Ok(())
                })?;
            }
        }
        Ok(waits)
    }
}

fn flood(mut crowd: Crowd, is_over: &AtomicBool, flooded: &AtomicU64) -> Result<(), Wrong> {
    let mut under_way = vec![0; crowd.len()];
    while !crowd.is_empty() && !is_over.load(Ordering::Relaxed) {
        for (index, under_way) in under_way.iter_mut().enumerate() {
            while *under_way < BURST {
                crowd.queue(index, "echo", b"1");
                *under_way += 1;
            }
            crowd.flush(index)?;
        }
        crowd.turn(|index, said, _| {
            if said == Said::event("echo") {
                under_way[index] -= 1;
                flooded.fetch_add(1, Ordering::Relaxed);
            }
            Ok(())
        })?;
    }
    Ok(())
}
