//! Running all of it, and the figures of each server at each work.

use std::collections::BTreeMap;
use std::fmt;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::Stdio;

use serde_json::Value;

use super::server::on_core;
use super::{Figures, Floor, Running, Spec, Summary, Work};

/// All figures of a run.
#[derive(Debug)]
pub struct Table {
    /// The servers, the floors first.
    pub servers: Vec<String>,
    /// The works.
    pub works: Vec<Work>,
    /// By server, work and what was measured: `us`, `kib`, `kept_kib`, `base_kib`, `per_second`.
    figures: BTreeMap<(String, String, String), Figures>,
    /// What went wrong: a server and a work.
    pub failures: Vec<String>,
}

/// The names of the floors.
pub const FLOORS: [&str; 2] = ["floor", "floor batched"];

impl Table {
    /// A figure's summary.
    #[must_use]
    pub fn summary(&self, server: &str, work: &Work, what: &str) -> Option<Summary> {
        self.of(server, work, what)?.summary()
    }

    /// The ratio of the CPU per message to the work's floor.
    #[must_use]
    pub fn ratio(&self, server: &str, work: &Work) -> Option<Summary> {
        let floor = match work.floor {
            Floor::Single => FLOORS[0],
            Floor::Batched => FLOORS[1],
        };
        self.of(server, work, "us")?.over(self.of(floor, work, "us")?).summary()
    }

    fn of(&self, server: &str, work: &Work, what: &str) -> Option<&Figures> {
        self.figures.get(&(server.to_owned(), work.name.clone(), what.to_owned()))
    }

    fn take(&mut self, server: &str, work: &Work, figures: &Value) {
        let members = figures.as_object().into_iter().flatten();
        for (what, figure) in members.filter_map(|(what, figure)| Some((what, figure.as_f64()?))) {
            let key = (server.to_owned(), work.name.clone(), what.clone());
            self.figures.entry(key).or_default().0.push(figure);
        }
    }
}

/// Runs each work on the floors and on each server, `rounds` times.
///
/// # Errors
///
/// When a server does not start. A wrong answer is noted in the table, and the server's work left out.
pub fn compare(specs: &[Spec], works: &[Work], rounds: u32, measure: u32) -> Result<Table, String> {
    let floor = beside("floor");
    let mut all = vec![Spec::new(FLOORS[0], &floor), Spec::new(FLOORS[1], &floor).with("--batched")];
    all.extend_from_slice(specs);
    let mut table = Table {
        servers: all.iter().map(|spec| spec.name.clone()).collect(),
        works: works.to_vec(),
        figures: BTreeMap::new(),
        failures: Vec::new(),
    };
    let total = rounds as usize * works.len() * all.len();
    let mut done = 0;
    for round in 1..=rounds {
        for work in works {
            for spec in &all {
                done += 1;
                if std::io::stderr().is_terminal() {
                    eprint!("\r\x1b[K{done}/{total} round {round}: {} on {}", work.name, spec.name);
                }
                match least_disturbed(spec, work, measure) {
                    Ok(figures) => table.take(&spec.name, work, &figures),
                    Err(error) => table.failures.push(format!("{}, {}: {error}", spec.name, work.name)),
                }
            }
            if !std::io::stderr().is_terminal() {
                eprintln!("{done}/{total} round {round}: {}", work.name);
            }
        }
    }
    if std::io::stderr().is_terminal() {
        eprint!("\r\x1b[K");
    }
    Ok(table)
}

/// Measured again, a few times, where others used the cores.
fn least_disturbed(spec: &Spec, work: &Work, measure: u32) -> Result<Value, String> {
    let disturbed = |figures: &Value| figures["disturbed"].as_f64().unwrap_or(0.0);
    let mut best = measured(spec, work, measure)?;
    for _ in 0..TRIES {
        if disturbed(&best) < QUIET {
            break;
        }
        let again = measured(spec, work, measure)?;
        if disturbed(&again) < disturbed(&best) {
            best = again;
        }
    }
    Ok(best)
}

const LOAD_CORE: usize = 0;
const TRIES: usize = 2;
/// The part of the time in which server or load generator could have run and did not.
const QUIET: f64 = 0.05;

fn measured(spec: &Spec, work: &Work, measure: u32) -> Result<Value, String> {
    let server = Running::start(spec).map_err(|error| error.to_string())?;
    let output = on_core(LOAD_CORE, &beside("load"))
        .args(work.load.split_whitespace())
        .args(["--server", &server.address.to_string(), "--pid", &server.process().0.to_string()])
        .args(["--measure", &measure.to_string()])
        .stdin(Stdio::null())
        .output()
        .map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
    }
    serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())
}

/// A program that was built with this one.
fn beside(name: &str) -> PathBuf {
    std::env::current_exe().unwrap_or_default().with_file_name(name)
}

impl fmt::Display for Table {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for work in &self.works {
            let target = work.target.map_or(String::new(), |target| format!(" (to reach: {target})"));
            writeln!(formatter, "{}{target}", work.title)?;
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
        }
        for failure in &self.failures {
            writeln!(formatter, "FAILED: {failure}")?;
        }
        Ok(())
    }
}
