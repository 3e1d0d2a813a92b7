//! Running all of it, and the figures of each server at each work.

use std::collections::BTreeMap;
use std::fmt;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::Stdio;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::server::on_core;
use super::{By, FLOORS, Figures, Measure, Running, Spec, Summary, Work};

/// All figures of a run.
#[derive(Debug, Deserialize, Serialize)]
pub struct Table {
    /// The servers, the floors first.
    pub servers: Vec<String>,
    /// The works.
    pub works: Vec<Work>,
    /// By server and work, then by what was measured: `us`, `kib`, `kept_kib`, `base_kib`, `per_second`.
    figures: BTreeMap<String, BTreeMap<String, Figures>>,
    /// Failures: a server and a work.
    pub failures: Vec<String>,
}

impl Table {
    /// A work by its short name.
    #[must_use]
    pub fn work(&self, name: &str) -> Option<&Work> {
        self.works.iter().find(|work| work.name == name)
    }

    /// A figure's summary.
    #[must_use]
    pub fn summary(&self, server: &str, work: &Work, what: &str) -> Option<Summary> {
        self.of(server, work, what)?.summary()
    }

    /// The ratio of the CPU per message to the work's floor.
    #[must_use]
    pub fn ratio(&self, server: &str, work: &Work) -> Option<Summary> {
        self.of(server, work, "us")?.over(self.of(work.floor_name()?, work, "us")?).summary()
    }

    /// Figure that a target refers to.
    #[must_use]
    pub fn measured(&self, server: &str, work: &Work, measure: &Measure) -> Option<Summary> {
        let us = self.of(server, work, "us")?;
        match measure {
            Measure::Floor => self.ratio(server, work),
            Measure::Work(name) => us.over(self.of(OURS, self.work(name)?, "us")?).summary(),
            Measure::Server(name) => us.over(self.of(name, work, "us")?).summary(),
            Measure::Milliseconds => us.summary(),
            Measure::Kib => self.summary(server, work, "kib"),
        }
    }

    /// Figure of the floor for a work, measured like a server: none is below it.
    #[must_use]
    pub fn limit(&self, work: &Work, measure: &Measure) -> Option<Summary> {
        match measure {
            Measure::Server(_) | Measure::Milliseconds => self.measured(work.floor_name()?, work, measure),
            Measure::Floor | Measure::Work(_) | Measure::Kib => None,
        }
    }

    /// The CPU of one work divided by that of another, both of the framework.
    #[must_use]
    pub fn between(&self, work: &Work, other: &Work) -> Option<Summary> {
        self.of(OURS, work, "us")?.over(self.of(OURS, other, "us")?).summary()
    }

    /// The median of all that was measured of one kind.
    #[must_use]
    pub fn median(&self, what: &str) -> Option<f64> {
        let all = self.figures.values().filter_map(|figures| figures.get(what)).flat_map(|figures| &figures.0);
        Figures(all.copied().collect()).summary().map(|summary| summary.median)
    }

    fn of(&self, server: &str, work: &Work, what: &str) -> Option<&Figures> {
        self.figures.get(&key(server, work))?.get(what)
    }

    /// Works that were done again take the place of their older figures.
    pub fn replace(&mut self, again: Self) {
        let is_again = |key: &str| again.works.iter().any(|work| key.ends_with(&format!(": {}", work.name)));
        self.figures.retain(|key, _| !is_again(key));
        self.figures.extend(again.figures);
        for work in again.works {
            match self.works.iter_mut().find(|other| other.name == work.name) {
                Some(other) => *other = work,
                None => self.works.push(work),
            }
        }
        for (place, server) in again.servers.into_iter().enumerate() {
            if !self.servers.contains(&server) {
                self.servers.insert(place.min(self.servers.len()), server);
            }
        }
        self.failures.extend(again.failures);
    }

    fn take(&mut self, server: &str, work: &Work, figures: &Value) {
        let all = self.figures.entry(key(server, work)).or_default();
        for (what, figure) in figures.as_object().into_iter().flatten() {
            all.entry(what.clone()).or_default().0.extend(figure.as_f64());
        }
    }
}

fn key(server: &str, work: &Work) -> String {
    format!("{server}: {}", work.name)
}

/// Extent of a run.
#[derive(Clone, Copy, Debug)]
pub struct Course {
    /// Number of times that each work is done on each server.
    pub rounds: u32,
    /// Milliseconds before a measurement.
    pub warm_up: u32,
    /// Milliseconds of a measurement.
    pub measure: u32,
}

/// Runs each work on its floor and on each server, round after round. A wrong answer is noted, and what else there is to
/// measure goes on.
#[must_use]
pub fn compare(specs: &[Spec], works: &[Work], course: Course) -> Table {
    let floor = beside("floor");
    let floors = [Spec::new(FLOORS[0], &floor), Spec::new(FLOORS[1], &floor).with("--batched")];
    let all = [&floors, specs].concat();
    let mut table = Table {
        servers: all.iter().map(|spec| spec.name.clone()).collect(),
        works: works.to_vec(),
        figures: BTreeMap::new(),
        failures: Vec::new(),
    };
    let runs: Vec<(&Work, Spec)> = works.iter().flat_map(|work| runs(work, &all)).collect();
    let total = course.rounds as usize * runs.len();
    for (done, (work, spec)) in (0..course.rounds).flat_map(|_| &runs).enumerate() {
        progress(&format!("{}/{total} {} on {}", done + 1, work.name, spec.name), done % EACH == 0);
        match least_disturbed(spec, work, course) {
            Ok(figures) => table.take(&spec.name, work, &figures),
            Err(error) => table.failures.push(format!("{}, {}: {error}", spec.name, work.name)),
        }
    }
    progress("", false);
    table
}

/// Servers that do this work, its floor among them.
fn runs<'a>(work: &'a Work, all: &[Spec]) -> Vec<(&'a Work, Spec)> {
    let does = |spec: &&Spec| match &work.by {
        _ if FLOORS.contains(&spec.name.as_str()) => work.floor_name() == Some(&spec.name),
        _ if !(spec.only.is_empty() || spec.only.contains(&work.name.as_str())) => false,
        By::Everybody => spec.wires.contains(&work.wire.as_str()),
        By::Ours => spec.wires.contains(&work.wire.as_str()) && spec.is_ours,
        By::Grown(_) => false,
    };
    let mut specs: Vec<Spec> = all.iter().filter(does).cloned().collect();
    if let By::Grown(arguments) = &work.by {
        specs.push(Spec { workers: work.workers, ..Spec::new(OURS, beside("grown")).with(arguments) });
    }
    specs.into_iter().map(|spec| (work, spec)).collect()
}

/// The framework's name in tables.
pub const OURS: &str = "gateway-core";

/// Number of runs for one line of progress where the output is no terminal.
const EACH: usize = 20;

fn progress(text: &str, due: bool) {
    if std::io::stderr().is_terminal() {
        eprint!("\r\x1b[K{text}");
    } else if due {
        eprintln!("{text}");
    }
}

/// Measured again, a few times, where others used the cores.
fn least_disturbed(spec: &Spec, work: &Work, course: Course) -> Result<Value, String> {
    let disturbed = |figures: &Value| figures["disturbed"].as_f64().unwrap_or(0.0);
    let mut best = measured(spec, work, course)?;
    for _ in 0..TRIES {
        if disturbed(&best) < QUIET {
            break;
        }
        let again = measured(spec, work, course)?;
        if disturbed(&again) < disturbed(&best) {
            best = again;
        }
    }
    Ok(best)
}

/// Core of the load generator.
pub(crate) const LOAD_CORE: usize = 0;
const TRIES: usize = 1;
/// The part of the time in which server or load generator could have run and did not.
pub(crate) const QUIET: f64 = 0.05;

fn measured(spec: &Spec, work: &Work, course: Course) -> Result<Value, String> {
    let server = Running::start(spec).map_err(|error| error.to_string())?;
    let output = on_core(LOAD_CORE, &beside("load"))
        .args(work.load.split_whitespace())
        .args(["--wire", &work.wire])
        .args(["--server", &server.address.to_string(), "--pid", &server.process().0.to_string()])
        .args(["--warm-up", &course.warm_up.to_string(), "--measure", &course.measure.to_string()])
        .stdin(Stdio::null())
        .output()
        .map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
    }
    serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())
}

/// A program that was built with this one.
#[must_use]
pub fn beside(name: &str) -> PathBuf {
    std::env::current_exe().unwrap_or_default().with_file_name(name)
}

impl fmt::Display for Table {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for work in &self.works {
            writeln!(formatter, "{} ({})", work.title, work.name)?;
            for server in &self.servers {
                let Some(cost) = self.summary(server, work, "us") else { continue };
                write!(formatter, "  {server:<20} {:8.3} us ±{:3.0} %", cost.median, cost.spread * 50.0)?;
                if let Some(ratio) = self.ratio(server, work) {
                    write!(formatter, "   × {:6.3} ±{:3.0} %", ratio.median, ratio.spread * 50.0)?;
                }
                if let Some(each) = self.summary(server, work, "kib") {
                    let kept = self.summary(server, work, "kept_kib").map_or(0.0, |kept| kept.median);
                    write!(formatter, "   {:.2} KiB each, {kept:.2} kept after close", each.median)?;
                }
                writeln!(formatter)?;
            }
            for target in &work.targets {
                let Some(figure) = self.measured(OURS, work, &target.of) else { continue };
                let verdict = if figure.median <= target.at_most { "met" } else { "NOT MET" };
                writeln!(
                    formatter,
                    "  to reach {target}: {:.3} ±{:.0} %, {verdict}",
                    figure.median,
                    figure.spread * 50.0
                )?;
            }
        }
        for failure in &self.failures {
            writeln!(formatter, "FAILED: {failure}")?;
        }
        Ok(())
    }
}
