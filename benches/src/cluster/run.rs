//! Running all pairs, round after round.

use std::collections::BTreeMap;
use std::process::Stdio;

use serde_json::Value;

use crate::side_by_side::{Course, Figures, LOAD_CORE, QUIET, Summary, beside, on_core};

use super::pairs::{Pair, RunningPair};
use super::redis_server::RedisServer;

/// One thing asked of every pair.
#[derive(Clone, Copy, Debug)]
pub struct ClusterWork {
    /// Title in tables.
    pub title: &'static str,
    /// The arguments of the load generator.
    load: &'static str,
    /// The receivers are not in the room.
    pub is_alone: bool,
}

/// The works, in the order of the page.
#[must_use]
pub fn cluster_works() -> [ClusterWork; 5] {
    let work = |title, load| ClusterWork { title, load, is_alone: false };
    [
        work("32 B, 1 in flight", "--payload text:32 --in-flight 1"),
        work("1 KiB, 1 in flight", "--payload text:1024 --in-flight 1"),
        work("32 B, 8 in flight", "--payload text:32 --in-flight 8"),
        work("1 KiB, 8 in flight", "--payload text:1024 --in-flight 8"),
        ClusterWork {
            title: "32 B to a room without members on the second server",
            load: "--payload text:32 --in-flight 8 --alone",
            is_alone: true,
        },
    ]
}

/// The figures of each pair at each work, round by round.
#[derive(Debug, Default)]
pub struct ClusterTable {
    figures: BTreeMap<(&'static str, &'static str), BTreeMap<String, Figures>>,
    /// Failures: a pair and a work.
    pub failures: Vec<String>,
}

impl ClusterTable {
    /// A figure's summary.
    #[must_use]
    pub fn summary(&self, pair: &str, work: ClusterWork, figure: &str) -> Option<Summary> {
        self.of(pair, work, figure)?.summary()
    }

    /// A figure divided by the same or another figure of another pair in the same round.
    #[must_use]
    pub fn ratio(&self, work: ClusterWork, figure: &str, (pair, other): (&str, &str)) -> Option<Summary> {
        self.of(pair, work, figure)?.over(self.of(other, work, figure)?).summary()
    }

    fn of(&self, pair: &str, work: ClusterWork, figure: &str) -> Option<&Figures> {
        let found = self.figures.iter().find(|((name, title), _)| *name == pair && *title == work.title);
        found?.1.get(figure)
    }

    pub(super) fn take(&mut self, pair: &Pair, work: ClusterWork, figures: &Value) {
        let all = self.figures.entry((pair.name, work.title)).or_default();
        for (name, figure) in figures.as_object().into_iter().flatten() {
            all.entry(name.clone()).or_default().0.extend(figure.as_f64());
        }
    }
}

/// Runs each work on each pair, round after round. A wrong delivery is noted, and what else there is to measure goes on.
#[must_use]
pub fn measure(pairs: &[Pair], redis: &RedisServer, receivers: usize, course: Course) -> ClusterTable {
    let mut table = ClusterTable::default();
    for round in 1..=course.rounds {
        for pair in pairs {
            eprintln!("round {round} of {}: {}", course.rounds, pair.name);
            let running = match pair.start() {
                Ok(running) => running,
                Err(error) => {
                    table.failures.push(format!("{}: {error}", pair.name));
                    continue;
                }
            };
            for work in cluster_works().into_iter().filter(|work| !work.is_alone || pair.is_cluster()) {
                match least_disturbed(&running, work, redis, receivers, course) {
                    Ok(figures) => table.take(pair, work, &figures),
                    Err(error) => table.failures.push(format!("{}, {}: {error}", pair.name, work.title)),
                }
            }
        }
    }
    table
}

/// Measured once more where others used the cores.
fn least_disturbed(
    pair: &RunningPair,
    work: ClusterWork,
    redis: &RedisServer,
    receivers: usize,
    course: Course,
) -> Result<Value, String> {
    let disturbed = |figures: &Value| figures["disturbed"].as_f64().unwrap_or(0.0);
    let first = measured(pair, work, redis, receivers, course)?;
    if disturbed(&first) < QUIET {
        return Ok(first);
    }
    let second = measured(pair, work, redis, receivers, course)?;
    Ok(if disturbed(&second) < disturbed(&first) { second } else { first })
}

fn measured(
    pair: &RunningPair,
    work: ClusterWork,
    redis: &RedisServer,
    receivers: usize,
    course: Course,
) -> Result<Value, String> {
    let [first, second] = pair.servers();
    let pairs = [
        ("--wire", "socket-io".to_owned()),
        ("--server", first.address.to_string()),
        ("--pid", first.process().0.to_string()),
        ("--second", second.address.to_string()),
        ("--second-pid", second.process().0.to_string()),
        ("--redis", redis.address.to_string()),
        ("--redis-pid", redis.process().0.to_string()),
        ("--receivers", receivers.to_string()),
        ("--warm-up", course.warm_up.to_string()),
        ("--measure", course.measure.to_string()),
    ];
    let output = on_core(LOAD_CORE, &beside("load"))
        .arg("across")
        .args(pairs.iter().flat_map(|(name, value)| [*name, value.as_str()]))
        .args(work.load.split_whitespace())
        .stdin(Stdio::null())
        .output()
        .map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
    }
    serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())
}
