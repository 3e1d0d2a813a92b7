//! The page: targets, all servers, what grows, how it was taken.

use std::fmt::Write;

use crate::side_by_side::{FLOORS, OURS, PLAIN, SERIES, SOCKET_IO, Summary, Table, Work};

use super::plot::number;

/// The whole page.
#[must_use]
pub fn page(table: &Table, machine: &[String], course: &str) -> String {
    let over = |wire| table.works.iter().filter(move |work| work.grown.is_none() && work.wire == wire).collect();
    let (main, socket_io): (Vec<&Work>, Vec<&Work>) = (over(PLAIN), over(SOCKET_IO));
    let mut page = String::from(HEAD);
    targets(&mut page, table, &main);
    page.push_str(ALL);
    servers(&mut page, table, &main, |server, work| table.ratio(server, work));
    page.push_str("\nThe same in CPU microseconds per message:\n\n");
    servers(&mut page, table, &main, |server, work| table.summary(server, work, "us"));
    idle(&mut page, table, &main);
    if !socket_io.is_empty() {
        page.push_str("\n## Over Socket.IO, ÷ the same floor in this format\n\n");
        servers(&mut page, table, &socket_io, |server, work| table.ratio(server, work));
        page.push_str("\nThe same in CPU microseconds per message:\n\n");
        servers(&mut page, table, &socket_io, |server, work| table.summary(server, work, "us"));
    }
    growth(&mut page, table);
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

fn targets(page: &mut String, table: &Table, works: &[&Work]) {
    head(page, &["work", "to reach", OURS, "", "best peer"]);
    for work in works {
        let Some(ours) = table.ratio(OURS, work) else { continue };
        let peers = table.servers.iter().filter(|name| *name != OURS && !FLOORS.contains(&name.as_str()));
        let best = peers
            .filter_map(|name| Some((table.ratio(name, work)?.median, name)))
            .min_by(|one, other| one.0.total_cmp(&other.0));
        let met = match work.target {
            Some(target) if ours.median <= target => "met",
            Some(_) => "**not met**",
            None => "",
        };
        let target = work.target.map_or(String::new(), |target| format!("≤ {target}"));
        let best = best.map_or(String::new(), |(ratio, name)| format!("{} ({name})", number(ratio)));
        row(page, [work.title.clone(), target, with_spread(Some(ours)), met.to_owned(), best]);
    }
}

fn servers(page: &mut String, table: &Table, works: &[&Work], figure: impl Fn(&str, &Work) -> Option<Summary>) {
    let titles: Vec<&str> = std::iter::once("server").chain(works.iter().map(|work| work.title.as_str())).collect();
    head(page, &titles);
    for server in &table.servers {
        let figures =
            works.iter().map(|work| figure(server, work).map_or("–".to_owned(), |figure| number(figure.median)));
        row(page, std::iter::once(server.clone()).chain(figures));
    }
}

fn idle(page: &mut String, table: &Table, works: &[&Work]) {
    let Some(work) = works.iter().find(|work| work.name == "idle") else { return };
    page.push_str(IDLE);
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
    if table.works.iter().all(|work| work.grown.is_none()) {
        return;
    }
    page.push_str(GROWTH);
    head(page, &["what grows", OURS, "floor", "÷ floor"]);
    for work in table.works.iter().filter(|work| SERIES.iter().any(|series| work.name.starts_with(series))) {
        let us = |server| table.summary(server, work, "us").map_or("–".to_owned(), |figure| number(figure.median));
        row(page, [work.title.clone(), us(OURS), us(FLOORS[0]), with_spread(table.ratio(OURS, work))]);
    }
}

const HEAD: &str = "\
# What a message costs

Written by `cargo run --release -p gateway-benches --bin compare`; do not edit.

Each figure is CPU time of the server (user plus system) per message or per delivery, divided by the same of the *floor* in
the same round: raw epoll, frames by hand, no JSON, one write per message, and *batched* (the works with several messages
in flight) one write per read. Almost all of the floor is the kernel. Medians; ± is half the distance of the extremes.

";
const ALL: &str = "
![echo](echo.svg)
![echo, 16 in flight](echo-16.svg)
![echo of an object](object.svg)
![broadcast](broadcast.svg)

## All servers, ÷ floor

";
const IDLE: &str = "
## Idle connections

![memory](idle.svg)

10 000 connections. What an allocator keeps for later counts as not given back.

";
const GROWTH: &str = "
## As work grows

µs per message or delivery.

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
