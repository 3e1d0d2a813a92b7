//! Counts the instructions of a message, which do not depend on how busy the machine is, and compares with
//! `baselines.toml`.
//!
//! The server runs under callgrind and does a work twice, with few messages and with many; the difference is what the
//! additional messages took: reading, decoding, routing, extracting, replying, encoding, queueing, writing. Instructions of
//! the kernel are not counted. Ends with 1 when a figure is further above its baseline than the tolerance.

#![allow(clippy::cast_precision_loss, reason = "a few thousand of something")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use gateway_benches::arguments::{flag, follow, names, option};
use gateway_benches::load::{Counted, Crowd, Way, Wrong};
use gateway_benches::payload::Shape;
use gateway_benches::side_by_side::{beside, callgrind};
use gateway_benches::wire::wires;

const BASELINES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/baselines.toml");
/// In hundredths: how hash maps are seeded and how a read splits moves a figure by less.
const TOLERANCE: f64 = 4.0;
/// Number of counts before a figure is taken for a regression.
const TRIES: usize = 4;

const USAGE: &str = "instructions [--server PROGRAM] [--update] [--only NAME,…]";

fn main() -> ExitCode {
    follow(USAGE, 0);
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(Wrong(error)) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<bool, Wrong> {
    let server: PathBuf = option("--server").unwrap_or_else(|| beside("bench"));
    let only = names(USAGE, "--only", &works().map(|(name, ..)| name));
    let baselines = read(&std::fs::read_to_string(BASELINES).unwrap_or_default());
    let mut counted = BTreeMap::new();
    let mut within = true;
    println!("{:<22} {:>12} {:>12} {:>8}", "instructions of", "baseline", "now", "");
    for (name, format, kind) in works() {
        if only.as_ref().is_some_and(|only| !only.iter().any(|one| one == name)) {
            continue;
        }
        let baseline = baselines.get(name).copied();
        let now = lowest(|| count(&server, format, kind), baseline)?;
        let change = baseline.map_or(0.0, |baseline| (now / baseline - 1.0) * 100.0);
        let regressed = change > TOLERANCE || baseline.is_none();
        let verdict = if regressed && !flag("--update") { "  REGRESSION" } else { "" };
        println!("{name:<22} {:>12.0} {now:>12.0} {change:>+7.1}%{verdict}", baseline.unwrap_or(f64::NAN));
        within &= !regressed;
        counted.insert(name.to_owned(), now);
    }
    if flag("--update") {
        let merged = baselines.into_iter().chain(counted).collect();
        std::fs::write(BASELINES, written(&merged))?;
        return Ok(true);
    }
    if !within {
        println!("more than {TOLERANCE} % above a baseline; if that is its price: benches/instructions.sh --update");
    }
    Ok(within)
}

/// Counts again what is too much: how the machine lets client and server take turns adds to a figure, and never takes away.
fn lowest(mut count: impl FnMut() -> Result<f64, Wrong>, baseline: Option<f64>) -> Result<f64, Wrong> {
    let mut lowest = count()?;
    for _ in 0..TRIES {
        if baseline.is_none_or(|baseline| lowest <= baseline * (1.0 + TOLERANCE / 100.0)) {
            break;
        }
        lowest = lowest.min(count()?);
    }
    Ok(lowest)
}

// --- the works -----------------------------------------------------------------------------------

/// A work that is counted: its name, its format, and its kind.
type Work = (&'static str, &'static str, Kind);

#[derive(Clone, Copy)]
enum Kind {
    /// Messages: an answer each, or a delivery to each connection; in so many portions.
    Messages(Counted, u64),
    /// Connections that are opened.
    Handshakes,
}

fn works() -> [Work; 16] {
    let (plain, socket_io) = ("plain", "socket-io");
    [
        ("ask-32-1", plain, ASK_1),
        ("ask-32-16", plain, ASK_16),
        ("broadcast-100", plain, BROADCAST),
        ("broadcast-100-8", plain, BROADCAST_8),
        ("echo-32-1", plain, ECHO_1),
        ("echo-32-16", plain, ECHO_16),
        ("handshake", plain, Kind::Handshakes),
        ("io-ask-32-1", socket_io, ASK_1),
        ("io-ask-32-16", socket_io, ASK_16),
        ("io-broadcast-100", socket_io, BROADCAST),
        ("io-broadcast-100-8", socket_io, BROADCAST_8),
        ("io-echo-32-1", socket_io, ECHO_1),
        ("io-echo-32-16", socket_io, ECHO_16),
        ("io-handshake", socket_io, Kind::Handshakes),
        ("io-object-1k-16", socket_io, OBJECT_16),
        ("object-1k-16", plain, OBJECT_16),
    ]
}

const ECHO_1: Kind = Kind::Messages(echo(Shape::Text(32), 1), 1000);
const ECHO_16: Kind = Kind::Messages(echo(Shape::Text(32), 16), 100);
const OBJECT_16: Kind = Kind::Messages(echo(Shape::Object(1024), 16), 100);
const ASK_1: Kind = Kind::Messages(Counted { way: Way::Ask, ..echo(Shape::Text(32), 1) }, 1000);
const ASK_16: Kind = Kind::Messages(Counted { way: Way::Ask, ..echo(Shape::Text(32), 16) }, 100);
const BROADCAST: Kind = Kind::Messages(broadcast(1), 50);
const BROADCAST_8: Kind = Kind::Messages(broadcast(8), 20);

const fn echo(shape: Shape, portion: u64) -> Counted {
    Counted { way: Way::Event("echo"), shape, connections: 1, portion }
}

const fn broadcast(portion: u64) -> Counted {
    Counted { way: Way::Event("broadcast"), shape: Shape::Text(32), connections: 100, portion }
}

const WARM_UP: u64 = 20;
const HANDSHAKES: usize = 200;

/// Instructions of one answer, delivery or handshake.
fn count(server: &Path, format: &str, kind: Kind) -> Result<f64, Wrong> {
    let wires = wires(format)?;
    let server = &server.display().to_string();
    match kind {
        Kind::Messages(counted, portions) => {
            let total = |portions| callgrind(server, |running| counted.run(wires, running.address, portions));
            let messages = portions * counted.portion * counted.receivers() as u64;
            Ok((total(WARM_UP + portions)? - total(WARM_UP)?) / messages as f64)
        }
        Kind::Handshakes => {
            let total = |count| callgrind(server, |running| Crowd::new(wires)?.grow(running.address, count));
            Ok((total(2 * HANDSHAKES)? - total(HANDSHAKES)?) / HANDSHAKES as f64)
        }
    }
}

// --- the baselines -------------------------------------------------------------------------------

fn read(text: &str) -> BTreeMap<String, f64> {
    let lines = text.lines().filter_map(|line| line.split_once('='));
    lines.filter_map(|(name, figure)| Some((name.trim().to_owned(), figure.trim().parse().ok()?))).collect()
}

fn written(baselines: &BTreeMap<String, f64>) -> String {
    let lines = baselines.iter().map(|(name, figure)| format!("{name} = {figure:.0}\n"));
    let head =
        "# User instructions of one answer, delivery or handshake; written by benches/instructions.sh --update.\n\n";
    head.to_owned() + "[instructions]\n" + &lines.collect::<String>()
}
