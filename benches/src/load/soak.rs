//! Connections that come and go for as long as one likes: what of it a server keeps.

use std::net::SocketAddr;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::wire::{Said, Wires};

use super::watcher::Watcher;
use super::{Crowd, Wrong};

/// Parameters of a soak.
#[derive(Clone, Copy, Debug)]
pub struct Soak {
    /// At a time.
    pub connections: usize,
    /// For how long.
    pub lasting: Duration,
}

/// Result of a soak.
#[derive(Clone, Copy, Debug)]
pub struct Soaked {
    /// Number of times that all connections came and went.
    pub rounds: usize,
    /// Growth of resident memory, in KiB an hour.
    pub memory: Slope,
    /// Growth of open files, an hour.
    pub files: Slope,
    /// Resident memory in the end, in KiB.
    pub resident: f64,
    /// Open files after the first round and in the end.
    pub open: (f64, f64),
}

/// A line through points, least squares.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slope {
    /// An hour.
    pub value: f64,
    /// Half of its 95 % confidence interval.
    pub within: f64,
}

impl Soak {
    /// Rounds of connections that come, are sent to, and go in every way there is; each round ends with every gauge at zero.
    ///
    /// # Errors
    ///
    /// The first answer that is wrong, and a gauge that does not come back to zero.
    pub fn run(self, wires: Wires, server: SocketAddr, watcher: Watcher) -> Result<Soaked, Wrong> {
        let begun = Instant::now();
        let (mut memory, mut files) = (Vec::new(), Vec::new());
        let mut rounds = 0;
        while rounds < LEAST || begun.elapsed() < self.lasting {
            self.round(wires, server)?;
            rounds += 1;
            let figures = at_rest(watcher)?;
            let hours = begun.elapsed().as_secs_f64() / 3600.0;
            memory.push((hours, figures.value("process_resident_memory_bytes") / 1024.0));
            files.push((hours, figures.value("process_open_fds")));
        }
        // Until then a server fills what it will always have: threads, buffers, the allocator's own.
        let warm = rounds / 5;
        let (first, last) = (files[0].1, files[rounds - 1].1);
        Ok(Soaked {
            rounds,
            memory: Slope::of(&memory[warm..]),
            files: Slope::of(&files[warm..]),
            resident: memory[rounds - 1].1,
            open: (first, last),
        })
    }

    fn round(self, wires: Wires, server: SocketAddr) -> Result<(), Wrong> {
        let mut crowd = Crowd::new(wires)?;
        crowd.grow(server, self.connections)?;
        crowd.settle()?;
        crowd.queue(0, "broadcast", b"\"to everybody\"");
        crowd.flush(0)?;
        let mut missing = self.connections;
        crowd.patience();
        while missing > 0 {
            crowd.turn(|_, said, _| {
                missing -= usize::from(said == Said::event("broadcast"));
                Ok(())
            })?;
        }
        // Half of them say goodbye; the others are cut off when it is dropped.
        crowd.part(self.connections / 2)
    }
}

/// Rounds below which nothing can be said of a slope.
const LEAST: usize = 5;

/// The figures once nobody is there any more.
fn at_rest(watcher: Watcher) -> Result<super::watcher::Figures, Wrong> {
    let begun = Instant::now();
    loop {
        let figures = watcher.look()?;
        let above = figures.above_zero();
        if above.is_empty() {
            return Ok(figures);
        }
        if begun.elapsed() > REST {
            return Err(Wrong(format!("nobody is there, and these are above zero: {}", above.join(", "))));
        }
        sleep(Duration::from_millis(20));
    }
}

const REST: Duration = Duration::from_secs(30);

impl Slope {
    fn of(points: &[(f64, f64)]) -> Self {
        let count = points.len() as f64;
        let mean = |pick: fn(&(f64, f64)) -> f64| points.iter().map(pick).sum::<f64>() / count;
        let (mean_x, mean_y) = (mean(|point| point.0), mean(|point| point.1));
        let spread: f64 = points.iter().map(|(x, _)| (x - mean_x).powi(2)).sum();
        let value = points.iter().map(|(x, y)| (x - mean_x) * (y - mean_y)).sum::<f64>() / spread;
        let off: f64 = points.iter().map(|(x, y)| (y - mean_y - value * (x - mean_x)).powi(2)).sum();
        // 1.96 is right for many points; a run of a few seconds says little anyway.
        let within = 1.96 * (off / (count - 2.0) / spread).sqrt();
        Self { value, within }
    }
}

#[cfg(test)]
mod tests {
    use super::Slope;

    #[test]
    fn a_slope_is_found_and_knows_how_sure_it_is() {
        let exact = Slope::of(&[(0.0, 1.0), (1.0, 3.0), (2.0, 5.0), (3.0, 7.0)]);
        assert!((exact.value - 2.0).abs() < 1e-9 && exact.within < 1e-9, "{exact:?}");
        let points: Vec<_> = (0..100_u32).map(|at| (f64::from(at), f64::from(at * 7919 % 13))).collect();
        let noise = Slope::of(&points);
        assert!(noise.value.abs() < noise.within, "{noise:?}");
    }
}
