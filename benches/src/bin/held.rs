//! Counts the bytes that a server holds for a client that sends and never reads, over all families of input, and fails where
//! they are more than two for each byte sent and the stated bounds, or stay when the client is gone.

#![allow(clippy::cast_precision_loss, reason = "figures are read to three digits")]

use std::alloc::System;
use std::process::ExitCode;

use gateway_benches::arguments::{flag, follow, option};
use gateway_benches::cost::{BOUNDS, FAMILIES, Family, Held, Way, hold};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

const USAGE: &str = "held [--short] [--full] [--page] [--only TEXT]";

const MIB: usize = 1 << 20;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Bytes that are allocated and not freed.
fn allocated() -> usize {
    let stats = ALLOCATOR.stats();
    stats.bytes_allocated.saturating_sub(stats.bytes_deallocated)
}

fn main() -> ExitCode {
    follow(USAGE, 0);
    let bytes = match (flag("--short"), flag("--full")) {
        (true, _) => 2 * MIB,
        (false, false) => 8 * MIB,
        (false, true) => 32 * MIB,
    };
    let only: Option<String> = option("--only");
    let is_meant =
        |family: &&Family| only.as_ref().is_none_or(|only| family.name.contains(only) || family.group == only);
    let families: Vec<Family> = FAMILIES.iter().filter(is_meant).copied().collect();
    match hold(&families, bytes, allocated) {
        Ok(held) => {
            let rows: Vec<(Family, Held)> = families.into_iter().zip(held).collect();
            if flag("--page") { page(&rows) } else { list(&rows) }
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// A line for each family.
fn list(rows: &[(Family, Held)]) -> ExitCode {
    println!("bounds beside two bytes for each sent: {}", BOUNDS.join(", "));
    println!("{:<42} {:>9} {:>9} {:>9} {:>9}", "KiB", "sent", "held", "for each", "left");
    let mut within = true;
    for (family, held) in rows {
        let verdict = match (held.is_bounded(), held.is_given_back()) {
            (true, true) => "",
            (false, _) => "HOLDS MORE THAN ITS BOUNDS",
            (true, false) => "STAYS",
        };
        within &= verdict.is_empty();
        let Held { sent, most, left } = held;
        let [sent_kib, most_kib, left_kib] = [sent, most, left].map(|bytes| bytes / 1024);
        println!("{:<42} {sent_kib:>9} {most_kib:>9} {:>9.2} {left_kib:>9} {verdict}", family.name, for_each(held));
    }
    if within { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// A row for each way in: the family that makes the server hold most.
fn page(rows: &[(Family, Held)]) -> ExitCode {
    println!("| way in | most is held for | KiB sent | KiB held | bytes for each byte |");
    println!("| --- | --- | ---: | ---: | ---: |");
    for way in Way::ALL {
        let of_way = rows.iter().filter(|(family, _)| family.way == way);
        if let Some((family, held)) = of_way.max_by_key(|(_, held)| held.most) {
            let Held { sent, most, left: _ } = held;
            println!(
                "| {} | {} | {} | {} | {:.2} |",
                way.text(),
                family.name,
                sent / 1024,
                most / 1024,
                for_each(held)
            );
        }
    }
    let is_within = |(_, held): &(Family, Held)| held.is_bounded() && held.is_given_back();
    if rows.iter().all(is_within) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn for_each(held: &Held) -> f64 {
    held.most as f64 / held.sent.max(1) as f64
}
