//! Connections that do nothing: what opening them costs, what they hold, and what is given back.

use std::net::SocketAddr;
use std::thread::sleep;
use std::time::Duration;

use crate::process::Process;
use crate::wire::Wires;

use super::window::Start;
use super::{Crowd, Measured, Wrong};

/// The memory of idle connections.
#[derive(Clone, Copy, Debug)]
pub struct Idle {
    /// Resident memory before, in KiB.
    pub base: u64,
    /// With the connections open.
    pub open: u64,
    /// After all were closed.
    pub after: u64,
    /// Cost of opening the connections.
    pub handshakes: Measured,
    /// Number of connections.
    pub connections: usize,
}

impl Idle {
    /// Opens connections, waits, closes them.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong.
    pub fn run(wires: Wires, server: SocketAddr, process: Process, connections: usize) -> Result<Self, Wrong> {
        // What a first connection makes a server allocate once is no part of what each costs.
        visit(wires, server)?;
        let base = process.resident_kib()?;
        let (crowd, handshakes) = open(wires, server, process, connections)?;
        sleep(SETTLE);
        let open = process.resident_kib()?;
        crowd.close()?;
        sleep(SETTLE);
        // Some allocators give memory back when they are asked for more.
        visit(wires, server)?;
        Ok(Self { base, open, after: process.resident_kib()?, handshakes, connections })
    }

    /// KiB of each.
    #[must_use]
    pub fn each(&self) -> f64 {
        self.open.saturating_sub(self.base) as f64 / self.connections as f64
    }

    /// KiB of each that were not given back.
    #[must_use]
    pub fn kept(&self) -> f64 {
        self.after.saturating_sub(self.base) as f64 / self.connections as f64
    }
}

/// A few connections come and go.
fn visit(wires: Wires, server: SocketAddr) -> Result<(), Wrong> {
    let mut few = Crowd::new(wires)?;
    few.grow(server, 100)?;
    few.close()?;
    sleep(SETTLE);
    Ok(())
}

/// Measures the cost of opening connections.
///
/// # Errors
///
/// The first thing that is wrong.
pub fn handshakes(wires: Wires, server: SocketAddr, process: Process, count: usize) -> Result<Measured, Wrong> {
    open(wires, server, process, count).map(|(_, measured)| measured)
}

fn open(wires: Wires, server: SocketAddr, process: Process, count: usize) -> Result<(Crowd, Measured), Wrong> {
    let mut crowd = Crowd::new(wires)?;
    let start = Start::now(process)?;
    crowd.grow(server, count)?;
    // The last ones may still be at work on the server's side.
    sleep(Duration::from_millis(20));
    let measured = start.measured(count as u64)?;
    Ok((crowd, measured))
}

const SETTLE: Duration = Duration::from_millis(500);
