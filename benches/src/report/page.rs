//! The page: targets, all servers, what grows, how it was taken.

use std::fmt::Write;

use crate::side_by_side::{
    FLOORS, MIXED, Measure, OURS, PLAIN, POLLING, SERIES, SOCKET_IO, Summary, Table, Target, WORKERS, Work,
};

use super::plot::number;

/// The whole page.
#[must_use]
pub fn page(table: &Table, machine: &[String], course: &str) -> String {
    let over = |wires: &[&str]| -> Vec<&Work> {
        table.works.iter().filter(|work| !work.is_grown() && wires.contains(&work.wire.as_str())).collect()
    };
    let (plain, socket_io) = (over(&[PLAIN]), over(&[SOCKET_IO, MIXED, POLLING]));
    let mut page = String::from(HEAD);
    targets(&mut page, table, &plain);
    page.push_str(PLOTS);
    if !socket_io.is_empty() {
        page.push_str(SOCKET_IO_HEAD);
        targets(&mut page, table, &socket_io);
        page.push_str(SOCKET_IO_PLOTS);
    }
    page.push_str("\n## All servers, ÷ floor\n\n");
    both(&mut page, table, &plain);
    idle(&mut page, table, "idle", IDLE);
    if !socket_io.is_empty() {
        page.push_str("\n## All servers over Socket.IO, ÷ the same floor in this format\n\n");
        both(&mut page, table, &socket_io);
        idle(&mut page, table, "io-idle", SOCKET_IO_IDLE);
    }
    growth(&mut page, table);
    workers(&mut page, table);
    write!(page, "\n## Where\n\n{course}\n\n").expect("a string takes it");
    for line in machine {
        writeln!(page, "* {line}").expect("a string takes it");
    }
    let disturbed = table.median("disturbed").unwrap_or(0.0) * 100.0;
    writeln!(page, "* server and load generator waited for a core {disturbed:.1} % of the time (median of all runs)")
        .expect("a string takes it");
    for failure in &table.failures {
        writeln!(page, "* **failed**: {failure}").expect("a string takes it");
    }
    page.push_str(METHOD);
    page
}

fn row(page: &mut String, cells: impl IntoIterator<Item = String>) {
    let cells: Vec<String> = cells.into_iter().collect();
    writeln!(page, "| {} |", cells.join(" | ")).expect("a string takes it");
}

fn head(page: &mut String, cells: &[&str]) {
    row(page, cells.iter().map(ToString::to_string));
    row(page, cells.iter().map(|_| "---".to_owned()));
}

fn with_spread(summary: Option<Summary>) -> String {
    summary.map_or("–".to_owned(), |figure| format!("{} ±{:.0} %", number(figure.median), figure.spread * 50.0))
}

/// A row for each bound, and one for each work without.
fn targets(page: &mut String, table: &Table, works: &[&Work]) {
    head(page, &["work", "to reach", OURS, "", "best peer"]);
    for work in works {
        for target in &work.targets {
            let Some(ours) = table.measured(OURS, work, &target.of) else { continue };
            let best = best_peer(table, |server| table.measured(server, work, &target.of));
            let title = if matches!(target.of, Measure::Kib) { "idle connection" } else { &work.title };
            let verdict = verdict(table, work, target, ours);
            row(page, [title.to_owned(), target.to_string(), with_spread(Some(ours)), verdict, best]);
        }
        if work.targets.is_empty() && work.floor.is_some() {
            let Some(ours) = table.ratio(OURS, work) else { continue };
            let best = best_peer(table, |server| table.ratio(server, work));
            row(page, [work.title.clone(), String::new(), with_spread(Some(ours)), String::new(), best]);
        }
    }
}

/// Judges a figure against its target. A figure below the floor is not to be had on that machine.
fn verdict(table: &Table, work: &Work, target: &Target, ours: Summary) -> String {
    if ours.median <= target.at_most {
        return "met".to_owned();
    }
    match table.limit(work, &target.of).filter(|limit| limit.median > target.at_most) {
        Some(limit) => format!("the floor has {}", number(limit.median)),
        None => "**not met**".to_owned(),
    }
}

fn best_peer(table: &Table, figure: impl Fn(&str) -> Option<Summary>) -> String {
    let peers = table.servers.iter().filter(|name| !name.starts_with(OURS) && !FLOORS.contains(&name.as_str()));
    let best =
        peers.filter_map(|name| Some((figure(name)?.median, name))).min_by(|one, other| one.0.total_cmp(&other.0));
    best.map_or(String::new(), |(figure, name)| format!("{} ({name})", number(figure)))
}

fn both(page: &mut String, table: &Table, works: &[&Work]) {
    let with_floor: Vec<&Work> = works.iter().copied().filter(|work| work.floor.is_some()).collect();
    servers(page, table, &with_floor, |server, work| table.ratio(server, work));
    page.push_str("\nThe same in CPU microseconds per message:\n\n");
    servers(page, table, works, |server, work| table.summary(server, work, "us"));
}

fn servers(page: &mut String, table: &Table, works: &[&Work], figure: impl Fn(&str, &Work) -> Option<Summary>) {
    let titles: Vec<&str> = std::iter::once("server").chain(works.iter().map(|work| work.title.as_str())).collect();
    head(page, &titles);
    for server in &table.servers {
        let figures: Vec<_> = works.iter().map(|work| figure(server, work)).collect();
        if figures.iter().all(Option::is_none) {
            continue;
        }
        let figures = figures.into_iter().map(|figure| figure.map_or("–".to_owned(), |figure| number(figure.median)));
        row(page, std::iter::once(server.clone()).chain(figures));
    }
}

fn idle(page: &mut String, table: &Table, name: &str, about: &str) {
    let Some(work) = table.work(name) else { return };
    page.push_str(about);
    head(page, &["server", "KiB per connection", "of it not given back", "MiB without connections"]);
    for server in &table.servers {
        let of = |what| table.summary(server, work, what).map(|figure| figure.median);
        let Some(each) = of("kib") else { continue };
        let kept = of("kept_kib").unwrap_or(0.0);
        let base = of("base_kib").unwrap_or(0.0) / 1024.0;
        row(page, [server.clone(), number(each), number(kept), number(base)]);
    }
}

fn growth(page: &mut String, table: &Table) {
    if !table.works.iter().any(Work::is_grown) {
        return;
    }
    page.push_str(GROWTH);
    head(page, &["what grows", OURS, "floor", "÷ floor"]);
    for work in table.works.iter().filter(|work| SERIES.iter().any(|series| work.name.starts_with(series))) {
        let us = |server| table.summary(server, work, "us").map_or("–".to_owned(), |figure| number(figure.median));
        row(page, [work.title.clone(), us(OURS), us(FLOORS[0]), with_spread(table.ratio(OURS, work))]);
    }
}

fn workers(page: &mut String, table: &Table) {
    let of = |workers| table.works.iter().filter(move |work| work.name.starts_with(WORKERS) && work.workers == workers);
    if of(2).next().is_none() {
        return;
    }
    page.push_str(TWO_WORKERS);
    head(page, &["work", "one worker, µs", "two workers, µs", "two cores do so many times as much"]);
    for (one, two) in of(1).zip(of(2)) {
        let us = |work| table.summary(OURS, work, "us").map_or("–".to_owned(), |figure| number(figure.median));
        let gain = table.between(one, two).map(|ratio| Summary { median: ratio.median * 2.0, ..ratio });
        row(page, [one.title.clone(), us(one), us(two), with_spread(gain)]);
    }
}

const HEAD: &str = "\
# What a message costs

Written by `cargo run --release -p gateway-benches --bin compare`; do not edit.

Each figure is CPU time of the server (user plus system) per message or per delivery, divided by the same of the *floor* in
the same round: raw epoll, frames by hand, no JSON, one write per message, and *batched* (the works with several messages
in flight) one write per read. Almost all of the floor is the kernel. Medians; ± is half the distance of the extremes.

";
const PLOTS: &str = "
![echo](echo.svg)
![echo, 16 in flight](echo-16.svg)
![echo of an object](object.svg)
![broadcast](broadcast.svg)
";
const SOCKET_IO_HEAD: &str = "
## Over Socket.IO

The same server and the same handlers. *× plain* is the CPU divided by that of the same work in the plain format, in the same
round; *× socketioxide* by that of the nearest Rust server. In a mixed room half of the receivers speak each format. Without
a target a figure is divided by the floor's. Where the floor itself is above a target, its figure is given: no server could be below.
Long polling has no floor: an echo takes two requests there.

";
const SOCKET_IO_PLOTS: &str = "
![echo over Socket.IO](socket-io-echo.svg)
![echo over Socket.IO, 16 in flight](socket-io-echo-16.svg)
![broadcast over Socket.IO](socket-io-broadcast.svg)
";
const IDLE: &str = "
## Idle connections

![memory](idle.svg)

10 000 connections. What an allocator keeps for later, after a hundred more have come and gone, counts as not given back:
[memory](../deploy.md#memory) says what can be done about it.

";
const SOCKET_IO_IDLE: &str = "
## Idle connections of Socket.IO

![memory](socket-io-idle.svg)

10 000 connections over WebSocket, each in the namespace `/`.

";
const GROWTH: &str = "
## As work grows

µs per message or delivery.

";
const TWO_WORKERS: &str = "
## Two workers

The load generator needs a core too, so what two workers do is computed: twice what one core does at the CPU time that a message
takes with two.

";
const METHOD: &str = "
## How

* The server is pinned to the second core with one worker, the load generator to the first. It never sleeps, so that a slow
  server does not also pay for waking it.
* Every answer and delivery is checked for content, order and count; a server that drops, doubles, alters or swaps one
  message in 5000 fails the run (`benches/tests/faults.rs`).
* All servers parse the envelope and route by the event's name, the floors excepted. What they do with the data is what
  their documentation does: most parse it; *tungstenite tuned* and the framework pass it on raw.
* 100 connections echo; a broadcast goes to one room of all, the sender included. Servers take turns within each round, so
  that what disturbs the machine disturbs all alike; a run in which server or load generator waited for a core more than a
  twentieth of its time is repeated once, and the less disturbed one counts.
* Compare ratios, not microseconds, between machines.
";
