//! Builds everything, runs all servers side by side and writes `docs/performance/`.
//! Without node its peers are left out.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::{fs, io};

use gateway_benches::arguments::{flag, follow, names, option};
use gateway_benches::report::{Bar, Line, bars, lines, machine, page};
use gateway_benches::side_by_side::{
    Course, FLOORS, OURS, POLLING, SOCKET_IO, Spec, Table, beside, compare, growth, works,
};

const USAGE: &str = "compare [--quick] [--only NAME,…] [--works NAME,… [--again]] [--rounds N] [--render]

  --quick     one short round without what grows, in 4 minutes in place of 20 to 40
  --only      these servers; prints instead of writing the page
  --works     these works; prints instead of writing the page
  --again     with --works: their figures take the place of those in the page
  --rounds    how often each work is done (3)
  --render    writes the page from the figures of the last run";

fn main() -> ExitCode {
    follow(USAGE, 0);
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> io::Result<bool> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let out = here.join("../docs/performance");
    if flag("--render") {
        write(&out, &serde_json::from_slice(&fs::read(out.join("figures.json"))?)?)?;
        return Ok(true);
    }
    let mut specs = servers(here);
    let mut all = works();
    let known: Vec<_> = specs.iter().map(|spec| &*spec.name).collect();
    let only = names(USAGE, "--only", &known);
    let chosen = names(USAGE, "--works", &all.iter().chain(&growth()).map(|work| &*work.name).collect::<Vec<_>>());
    let among =
        |list: &Option<Vec<String>>, name: &str| list.as_ref().is_none_or(|list| list.iter().any(|one| one == name));
    build(here)?;
    specs.retain(|spec| among(&only, &spec.name));
    if !flag("--quick") && among(&only, OURS) {
        all.extend(growth());
    }
    all.retain(|work| among(&chosen, &work.name));
    let course = if flag("--quick") {
        Course { rounds: 1, warm_up: 300, measure: 300 }
    } else {
        // A just-in-time compiler needs a second to be at its best.
        Course { rounds: option("--rounds").unwrap_or(3), warm_up: 800, measure: 500 }
    };
    let table = compare(&specs, &all, course);
    print!("{table}");
    if only.is_none() && chosen.is_none() && !flag("--quick") {
        let about = format!("{} rounds of {} ms each, after {} ms.", course.rounds, course.measure, course.warm_up);
        let run = Run { machine: machine(), about, table };
        fs::create_dir_all(&out)?;
        fs::write(out.join("figures.json"), serde_json::to_string(&run)?)?;
        write(&out, &run)?;
        return Ok(run.table.failures.is_empty());
    }
    let is_whole = table.failures.is_empty();
    if flag("--again") && only.is_none() {
        let mut run: Run = serde_json::from_slice(&fs::read(out.join("figures.json"))?)?;
        let names: Vec<_> = table.works.iter().map(|work| &*work.name).collect();
        let again = format!(" Again, in {} rounds of their own: {}.", course.rounds, names.join(", "));
        run.about.push_str(&again);
        run.table.replace(table);
        fs::write(out.join("figures.json"), serde_json::to_string(&run)?)?;
        write(&out, &run)?;
    }
    Ok(is_whole)
}

#[derive(serde::Deserialize, serde::Serialize)]
struct Run {
    machine: Vec<String>,
    about: String,
    table: Table,
}

// --- what runs -----------------------------------------------------------------------------------

/// Where this program and all others of the workspace are built.
fn target() -> PathBuf {
    beside("").join("..")
}

fn build(here: &Path) -> io::Result<()> {
    let cargo = |arguments: &str, target: PathBuf| {
        let mut command = Command::new("cargo");
        command.args(arguments.split(' ')).arg("--target-dir").arg(target);
        command
    };
    let mut ours = cargo(
        "build --release -p gateway-benches --bins -p gateway-fixtures --bin bench --bin bench-mimalloc",
        target(),
    );
    done(ours.current_dir(here))?;
    let mut peers = cargo("build --release --locked", target().join("peers"));
    done(peers.current_dir(here.join("peers/rust")))?;
    if has_node() && !here.join("peers/node/node_modules/ws").exists() {
        let mut install = Command::new("npm");
        install.args(["ci", "--no-audit", "--no-fund", "--loglevel=error"]);
        done(install.current_dir(here.join("peers/node")))?;
    }
    Ok(())
}

fn done(command: &mut Command) -> io::Result<()> {
    eprintln!("building: {command:?}");
    match command.stdin(Stdio::null()).stdout(Stdio::null()).status()? {
        status if status.success() => Ok(()),
        status => Err(io::Error::other(format!("{command:?}: {status}"))),
    }
}

fn has_node() -> bool {
    Command::new("node").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
}

/// Formats of a server of Socket.IO.
const OVER_HTTP: &[&str] = &[SOCKET_IO, POLLING];

fn servers(here: &Path) -> Vec<Spec> {
    let peers = target().join("peers/release");
    let mut specs = vec![
        Spec::new(OURS, beside("bench")).ours(),
        Spec::new("gateway-core, mimalloc", beside("bench-mimalloc")).ours().only(&["idle", "io-idle"]),
        Spec::new("tungstenite tuned", peers.join("tungstenite_tuned")),
        Spec::new("tungstenite 4k", peers.join("tungstenite")).with("--read-buffer 4096"),
        Spec::new("tungstenite", peers.join("tungstenite")),
        Spec::new("fastwebsockets", peers.join("fastwebsockets")),
        Spec::new("axum", peers.join("axum")),
        Spec::new("socketioxide", peers.join("socketioxide")).speaking(OVER_HTTP),
    ];
    let node = here.join("peers/node");
    if has_node() {
        specs.extend([
            Spec::new("Bun", node.join("node_modules/.bin/bun")).with("bun.mjs"),
            Spec::new("Bun socket.io", node.join("node_modules/.bin/bun")).with("bun-engine.mjs").speaking(OVER_HTTP),
            Spec::new("npm ws", "node").with("ws.mjs"),
            Spec::new("NestJS ws", "node").with("nest.mjs ws"),
            Spec::new("npm socket.io", "node").with("socket.io.mjs").speaking(OVER_HTTP),
            Spec::new("NestJS socket.io", "node").with("nest.mjs socket.io").speaking(OVER_HTTP),
        ]);
    }
    specs.into_iter().map(|spec| Spec { directory: Some(node.clone()), ..spec }).collect()
}

// --- what is written -----------------------------------------------------------------------------

fn write(out: &Path, run: &Run) -> io::Result<()> {
    let table = &run.table;
    fs::write(out.join("README.md"), page(table, &run.machine, &run.about))?;
    for (file, name) in RATIOS {
        if let Some(work) = table.work(name) {
            let title = format!("{}: CPU per message, ÷ floor", work.title);
            let ratios = of(table, |server| Some(table.ratio(server, work)?.median));
            fs::write(out.join(file), bars(&title, &ratios, work.over_floor()))?;
        }
    }
    for (file, name, title, bound) in MEMORY {
        if let Some(work) = table.work(name) {
            let each = of(table, |server| Some(table.summary(server, work, "kib")?.median));
            fs::write(out.join(file), bars(title, &each, Some(bound)))?;
        }
    }
    for (file, prefix, title) in BROADCASTS {
        fs::write(out.join(file), lines(title, &broadcasts(table, prefix)))?;
    }
    Ok(())
}

/// Plots of ratios: a file and its work.
const RATIOS: [(&str, &str); 5] = [
    ("echo.svg", "echo-32-1"),
    ("echo-16.svg", "echo-32-16"),
    ("object.svg", "object-1k-16"),
    ("socket-io-echo.svg", "io-echo-32-1"),
    ("socket-io-echo-16.svg", "io-echo-32-16"),
];
/// Plots of idle connections: a file, its work, a title, and what is to be reached.
const MEMORY: [(&str, &str, &str, f64); 2] = [
    ("idle.svg", "idle", "10 000 idle connections: KiB each", 3.0),
    ("socket-io-idle.svg", "io-idle", "10 000 idle connections of Socket.IO: KiB each", 5.0),
];
/// Plots of broadcasts: a file, what its works begin with, and a title.
const BROADCASTS: [(&str, &str, &str); 2] = [
    ("broadcast.svg", "broadcast", "broadcast: CPU µs per delivery, by receivers"),
    ("socket-io-broadcast.svg", "io-broadcast", "broadcast over Socket.IO: CPU µs per delivery, by receivers"),
];

fn of(table: &Table, figure: impl Fn(&str) -> Option<f64>) -> Vec<Bar> {
    let servers = table.servers.iter().filter(|name| !FLOORS.contains(&name.as_str()));
    let mut bars: Vec<Bar> = servers
        .filter_map(|name| Some(Bar { label: name.clone(), value: figure(name)?, ours: name == OURS }))
        .collect();
    bars.sort_by(|one, other| one.value.total_cmp(&other.value));
    bars
}

/// The servers that fit into one picture: those of a tungstenite with its default buffer are seven times higher.
const LEFT_OUT: [&str; 3] = ["tungstenite", "axum", FLOORS[1]];

fn broadcasts(table: &Table, prefix: &str) -> Vec<Line> {
    let sizes = [100_u32, 1000, 5000];
    let shown = table.servers.iter().filter(|name| !LEFT_OUT.contains(&name.as_str()));
    let lines = shown.map(|name| {
        let points = sizes.iter().filter_map(|size| {
            let work = table.work(&format!("{prefix}-{size}"))?;
            Some((f64::from(*size), table.summary(name, work, "us")?.median))
        });
        Line { label: name.clone(), points: points.collect(), ours: name == OURS }
    });
    lines.filter(|line: &Line| !line.points.is_empty()).collect()
}
