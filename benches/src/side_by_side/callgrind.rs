//! Instructions of a server, counted by valgrind.

use crate::load::Wrong;

use super::{Running, Spec};

/// All user instructions of the life of a server in which it did this work; `command` is its program with arguments.
///
/// # Errors
///
/// The first thing that is wrong with the work, or a valgrind that says no total.
pub fn callgrind(command: &str, work: impl FnOnce(&Running) -> Result<(), Wrong>) -> Result<f64, Wrong> {
    let log = std::env::temp_dir().join(format!("instructions-{}.log", std::process::id()));
    let valgrind = Spec::new("valgrind", "valgrind")
        .with("--tool=callgrind --callgrind-out-file=/dev/null")
        .with(&format!("--log-file={}", log.display()))
        .with(command);
    let running = Running::start(&valgrind)?;
    work(&running)?;
    running.stop()?;
    let text = std::fs::read_to_string(&log)?;
    std::fs::remove_file(&log)?;
    let total = text.lines().find_map(|line| line.split_once("Collected :")?.1.trim().parse().ok());
    total.ok_or_else(|| Wrong(format!("callgrind says no total:\n{text}")))
}
