//! Compares a few server binaries, nothing else built or written: for daily work on the core.
//!
//! ```text
//! ab NAME=PROGRAM… [--works echo-32-1,echo-32-16] [--rounds 5] [--measure MS]
//! ```
//!
//! The floors run with them; each line is CPU µs per message, the ratio to the floor and the spread of the ratio.

use std::process::ExitCode;

use gateway_benches::arguments::option;
use gateway_benches::side_by_side::{Course, Spec, compare, growth, works};

fn main() -> ExitCode {
    let specs: Vec<Spec> = std::env::args()
        .skip(1)
        .filter_map(|argument| argument.split_once('=').map(|(name, program)| Spec::new(name, program).ours()))
        .collect();
    let chosen: Option<String> = option("--works");
    let is_chosen = |name: &str| chosen.as_ref().is_none_or(|chosen| chosen.split(',').any(|one| one == name));
    let works: Vec<_> = works().into_iter().chain(growth()).filter(|work| is_chosen(&work.name)).collect();
    let course = Course {
        rounds: option("--rounds").unwrap_or(5),
        warm_up: option("--warm-up").unwrap_or(300),
        measure: option("--measure").unwrap_or(700),
    };
    let table = compare(&specs, &works, course);
    print!("{table}");
    if table.failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
