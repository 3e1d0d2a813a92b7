//! Counts the instructions that a byte of input takes, over many families of input, and fails where a family takes more than
//! its like or grows with its size.
//!
//! The server runs in memory under callgrind, with its clients: what is counted is the way of a message from the client's
//! hand to its answer, so it does not depend on how busy the machine is.

#![allow(clippy::cast_precision_loss, reason = "figures are read to three digits")]

use std::collections::BTreeMap;
use std::process::ExitCode;

use gateway_benches::arguments::{flag, follow, option};
use gateway_benches::cost::{FAMILIES, Family, SIZES, count_here, count_under_callgrind};

const USAGE: &str = "cost [--short] [--full] [--page] [--only TEXT] [--count]";

/// A byte takes at most so many times the instructions in a message of eight times the size: what is quadratic takes eight.
const GROWTH: f64 = 2.0;

fn main() -> ExitCode {
    follow(USAGE, 0);
    let sizes = match (flag("--short"), flag("--full")) {
        (true, _) => &SIZES[1..3],
        (false, false) => &SIZES[..3],
        (false, true) => &SIZES[..],
    };
    let only: Option<String> = option("--only");
    let is_meant =
        |family: &&Family| only.as_ref().is_none_or(|only| family.name.contains(only) || family.group == only);
    let families: Vec<Family> = FAMILIES.iter().filter(is_meant).copied().collect();
    let done = if flag("--count") { count_here(&families, sizes).map(|()| true) } else { compare(&families, sizes) };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn compare(families: &[Family], sizes: &[usize]) -> Result<bool, Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).chain(["--count".to_owned()]).collect();
    let counted = count_under_callgrind(&arguments, families.len(), sizes.len())?;
    let per_byte = |(family, counts): (&Family, Vec<u64>)| {
        let figures = counts.iter().zip(sizes).map(|(count, size)| *count as f64 / family.bytes(*size) as f64);
        (*family, figures.collect::<Vec<f64>>())
    };
    let rows: Vec<_> = families.iter().zip(counted).map(per_byte).collect();
    let mut cheapest: BTreeMap<&str, f64> = BTreeMap::new();
    for (family, figures) in &rows {
        let least = cheapest.entry(family.group).or_insert(f64::INFINITY);
        *least = least.min(last(figures));
    }
    head(sizes);
    let mut within = true;
    for (family, figures) in &rows {
        let times = last(figures) / cheapest[family.group];
        let growth = last(figures) / figures[figures.len() - 2];
        let verdict = match (times > family.most, growth > GROWTH) {
            (false, false) => "",
            (true, _) => "DEARER THAN ITS LIKE",
            (false, true) => "GROWS",
        };
        within &= verdict.is_empty();
        row(family, figures, times, verdict);
    }
    Ok(within)
}

fn last(figures: &[f64]) -> f64 {
    figures.last().copied().unwrap_or_default()
}

fn head(sizes: &[usize]) {
    let sizes: Vec<String> = sizes.iter().map(|size| format!("{} KiB", size / 1024)).collect();
    if flag("--page") {
        println!("| instructions for a byte | like | {} | times its cheapest like |", sizes.join(" | "));
        println!("| --- | --- | {}--- |", "---: | ".repeat(sizes.len()));
    } else {
        let sizes = sizes.iter().map(|size| format!("{size:>9}")).collect::<Vec<_>>().concat();
        println!("{:<42} {:<10}{sizes} {:>6}", "instructions for a byte", "like", "times");
    }
}

fn row(family: &Family, figures: &[f64], times: f64, verdict: &str) {
    if flag("--page") {
        let figures: Vec<String> = figures.iter().map(|figure| format!("{figure:.1}")).collect();
        println!("| {} | {} | {} | {times:.1} of {} |", family.name, family.group, figures.join(" | "), family.most);
    } else {
        let figures = figures.iter().map(|figure| format!("{figure:>9.1}")).collect::<Vec<_>>().concat();
        println!("{:<42} {:<10}{figures} {times:>6.1} {verdict}", family.name, family.group);
    }
}
