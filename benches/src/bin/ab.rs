//! Compares a few server binaries, nothing else built or written: for daily work on the core.
//! The floors run with them; each line is CPU µs per message, the ratio to the floor and the spread of the ratio.

use std::process::ExitCode;

use gateway_benches::arguments::{follow, names, option, refuse};
use gateway_benches::side_by_side::{Course, Spec, compare, growth, works};

const USAGE: &str = "ab NAME=PROGRAM… [--works NAME,…] [--rounds N] [--warm-up MS] [--measure MS]

  --works     these works, such as echo-32-1,echo-32-16 (all)
  --rounds    how often each is done (5)
  --warm-up   milliseconds before a measurement (300)
  --measure   milliseconds of a measurement (700)";

fn main() -> ExitCode {
    follow(USAGE, usize::MAX);
    let specs: Vec<Spec> = std::env::args()
        .skip(1)
        .filter_map(|argument| argument.split_once('=').map(|(name, program)| Spec::new(name, program).ours()))
        .collect();
    if specs.is_empty() {
        refuse(USAGE, "no program is named");
    }
    let mut works: Vec<_> = works().into_iter().chain(growth()).collect();
    let chosen = names(USAGE, "--works", &works.iter().map(|work| &*work.name).collect::<Vec<_>>());
    works.retain(|work| chosen.as_ref().is_none_or(|chosen| chosen.contains(&work.name)));
    let course = Course {
        rounds: option("--rounds").unwrap_or(5),
        warm_up: option("--warm-up").unwrap_or(300),
        measure: option("--measure").unwrap_or(700),
    };
    let table = compare(&specs, &works, course);
    print!("{table}");
    if table.failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
