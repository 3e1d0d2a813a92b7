//! The page: targets, a table for each work, how it was taken.

use std::fmt::Write;

use crate::report::number;
use crate::side_by_side::Summary;

use super::pairs::{LOCAL, NODE, OURS_PUB_SUB, OURS_SHARDED, OXIDE, Pair};
use super::run::{ClusterTable, ClusterWork, cluster_works};

/// The whole page.
#[must_use]
pub fn page(table: &ClusterTable, pairs: &[Pair], machine: &[String], course: &str) -> String {
    let mut page = String::from(HEAD);
    targets(&mut page, table);
    for work in cluster_works() {
        figures(&mut page, table, pairs, work);
    }
    write!(page, "\n## Where\n\n{course}\n\n").expect("a string takes it");
    for line in machine {
        writeln!(page, "* {line}").expect("a string takes it");
    }
    for failure in &table.failures {
        writeln!(page, "* **failed**: {failure}").expect("a string takes it");
    }
    page.push_str(METHOD);
    page
}

/// A figure of one pair, divided by that of another, and its bound.
struct Bound {
    title: &'static str,
    figure: &'static str,
    of: [&'static str; 2],
    at_most: f64,
}

const BOUNDS: [Bound; 3] = [
    Bound {
        title: "a delivery, × that of one server", figure: "delivery_us", of: [OURS_PUB_SUB, LOCAL], at_most: 1.1
    },
    Bound { title: "publisher, × Node's", figure: "publisher_us", of: [OURS_PUB_SUB, NODE], at_most: 0.15 },
    Bound { title: "publisher, × socketioxide's", figure: "publisher_us", of: [OURS_PUB_SUB, OXIDE], at_most: 0.5 },
];

/// A broadcast that costs a server less than this many microseconds is none to it: its clients' heartbeats cost more.
const NOTHING: f64 = 0.5;

fn targets(page: &mut String, table: &ClusterTable) {
    row(page, &["work", "figure", "to reach", "reached", ""].map(str::to_owned));
    row(page, &["---"; 5].map(str::to_owned));
    for work in cluster_works() {
        for Bound { title, figure, of, at_most } in BOUNDS.iter().filter(|_| !work.is_alone) {
            let Some(ratio) = table.ratio(work, figure, (of[0], of[1])) else { continue };
            let verdict = if ratio.median <= *at_most { "met" } else { "missed" };
            row(page, &[work.title, title, &format!("≤ {at_most}"), &spread(ratio), verdict].map(str::to_owned));
        }
        if work.is_alone
            && let Some(receiver) = table.summary(OURS_SHARDED, work, "receiver_us")
        {
            let verdict = if receiver.median <= NOTHING { "met" } else { "missed" };
            let reached = format!("{} µs", spread(receiver));
            row(page, &[work.title, "second server, sharded", "nothing", &reached, verdict].map(str::to_owned));
        }
    }
}

fn figures(page: &mut String, table: &ClusterTable, pairs: &[Pair], work: ClusterWork) {
    write!(page, "\n## {}\n\n", work.title).expect("a string takes it");
    let columns = ["publisher_us", "receiver_us", "delivery_us", "redis_us", "redis_in", "redis_out", "p50", "p99"];
    let titles = [
        "servers",
        "publisher, µs",
        "second server, µs",
        "of it a delivery, µs",
        "Redis, µs",
        "bytes into Redis",
        "bytes out of it",
        "half of the deliveries within, µs",
        "99 of 100 within, µs",
    ];
    row(page, &titles.map(str::to_owned));
    row(page, &["---"; 9].map(str::to_owned));
    for pair in pairs {
        let shown = columns.map(|column| {
            let is_left_out = match column {
                "publisher_us" | "redis_us" | "redis_in" | "redis_out" => !pair.is_cluster(),
                "delivery_us" | "p50" | "p99" => work.is_alone,
                _ => false,
            };
            let summary = table.summary(pair.name, work, column).filter(|_| !is_left_out);
            summary.map_or("–".to_owned(), |summary| number(summary.median))
        });
        if shown.iter().any(|cell| cell != "–") {
            let cells: Vec<String> = std::iter::once(pair.name.to_owned()).chain(shown).collect();
            row(page, &cells);
        }
    }
}

fn spread(summary: Summary) -> String {
    format!("{} ±{:.0} %", number(summary.median), summary.spread * 50.0)
}

fn row(page: &mut String, cells: &[String]) {
    writeln!(page, "| {} |", cells.join(" | ")).expect("a string takes it");
}

const HEAD: &str = "\
# What a broadcast between servers costs

Written by `cargo run --release -p gateway-benches --bin cluster_cost`; do not edit.

Two servers of each kind over one Redis. A client of the first server sends an event; the server sends it to a room with this
client and 1000 clients of the second server. Figures are for one broadcast: CPU time (user plus system) of the first server, which
publishes, of the second, and of Redis; bytes of Redis; and the time from the client's write to a delivery. *One server* has all
1001 clients, without a cluster. All clients speak Socket.IO over WebSocket. Medians; ± is half the distance of the extremes.

";
const METHOD: &str = "
## How

* Both servers and Redis are pinned to the second core, the load generator to the first. CPU time is that of each process.
* Every delivery is checked for content, order and count.
* The kinds of servers take turns within each round. A ratio is that of two figures of one round. A run in which a server or the load generator
  waited for a core more than a twentieth of its time is repeated once, and the less disturbed one counts.
* The first server's time includes reading the client's message, its own delivery to this client, and on pub/sub its own echo,
  which Redis sends back to it.
* The time to a delivery is mostly that of the 1000 deliveries before it. With eight in flight it is mostly that of the seven broadcasts before.
* Compare ratios, not microseconds, between machines.
";

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::pairs::pairs;
    use super::*;

    #[test]
    fn the_page_has_a_row_for_each_figure_and_says_what_was_missed() {
        let pairs = pairs(Path::new(""), Path::new(""), "redis://localhost", true);
        let mut table = ClusterTable::default();
        let works = cluster_works();
        for (pair, publisher) in pairs.iter().zip([1.0, 16.0, 12.0, 30.0, 100.0, 110.0]) {
            let figures = serde_json::json!({"publisher_us": publisher, "delivery_us": 4.0, "receiver_us": 4000.0});
            table.take(pair, works[0], &figures);
        }
        let page = page(&table, &pairs, &[], "");
        assert!(page.contains("| publisher, × Node's | ≤ 0.15 | 0.16 ±0 % | missed |"), "{page}");
        assert!(page.contains("| a delivery, × that of one server | ≤ 1.1 | 1.00 ±0 % | met |"), "{page}");
        assert!(page.contains("| socketioxide-redis | 30.0 | 4000 | 4.00 | – |"), "{page}");
    }
}
