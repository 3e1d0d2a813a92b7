//! Builds two servers of each kind, runs them over one Redis and writes `docs/performance/cluster.md`. Needs `redis-server`;
//! without node its peers are left out.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::{fs, io};

use gateway_benches::arguments::{flag, follow, option};
use gateway_benches::cluster::{RedisServer, measure, page, pairs};
use gateway_benches::report::machine;
use gateway_benches::side_by_side::{Course, beside};

const USAGE: &str = "cluster_cost [--quick] [--only TEXT] [--receivers N] [--rounds N] [--measure N]

  --quick       one short round; prints instead of writing the page
  --only        the servers whose name contains this; prints instead of writing the page
  --receivers   clients of the second server (1000)
  --rounds      how often each work is done (5)
  --measure     milliseconds of a measurement (1000)";

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
    build(here)?;
    let redis = RedisServer::start()?;
    let mut all = pairs(here, &target().join("peers/release"), &redis.url(), has_node());
    let only: Option<String> = option("--only");
    all.retain(|pair| only.as_ref().is_none_or(|only| pair.name.contains(only)));
    let (rounds, measured) = if flag("--quick") { (1, 300) } else { (5, 1000) };
    let course = Course {
        rounds: option("--rounds").unwrap_or(rounds),
        // A just-in-time compiler needs a second to be at its best.
        warm_up: if flag("--quick") { 300 } else { 800 },
        measure: option("--measure").unwrap_or(measured),
    };
    let receivers = option("--receivers").unwrap_or(1000);
    let table = measure(&all, &redis, receivers, course);
    let about = format!("{} rounds of {} ms each, after {} ms.", course.rounds, course.measure, course.warm_up);
    let page = page(&table, &all, &machine(), &about);
    if flag("--quick") || only.is_some() || receivers != 1000 {
        print!("{page}");
    } else {
        fs::write(here.join("../docs/performance/cluster.md"), page)?;
    }
    Ok(table.failures.is_empty())
}

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
    let ours = "build --release -p gateway-benches --bin load -p gateway-fixtures --bin bench-cluster";
    done(cargo(ours, target()).current_dir(here))?;
    let mut peers = cargo("build --release --locked --bin socketioxide_redis", target().join("peers"));
    done(peers.current_dir(here.join("peers/rust")))?;
    if has_node() && !here.join("peers/node/node_modules/@socket.io/redis-adapter").exists() {
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
