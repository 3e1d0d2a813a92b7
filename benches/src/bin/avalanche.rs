//! A server that is killed and started anew while thousands are connected: how they come back, in one line of JSON. Ends with 1
//! when not all do.
//! `avalanche clients --server …` is one of the processes.

use std::io::{BufRead, BufReader, Lines};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use gateway_benches::arguments::{command, follow, option, refuse};
use gateway_benches::load::{Avalanche, Returned, Wrong};
use gateway_benches::side_by_side::{Running, Spec};
use serde_json::json;

const USAGE: &str = "avalanche [--clients 15000] [--processes 3] [--patience 60] [--program PROGRAM]

  The program is `grown` where none is named; it must know `--port PORT`.";
/// One of the processes, which this program starts.
const CLIENTS: &str = "avalanche clients --server ADDRESS --clients COUNT [--patience SECONDS]";

fn main() -> ExitCode {
    let done = if command().as_deref() == Some("clients") {
        follow(CLIENTS, 1);
        clients()
    } else {
        follow(USAGE, 0);
        everything()
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(wrong) => {
            eprintln!("wrong: {wrong}");
            ExitCode::FAILURE
        }
    }
}

fn patience() -> Duration {
    Duration::from_secs(option("--patience").unwrap_or(60))
}

fn clients() -> Result<bool, Wrong> {
    let avalanche = Avalanche {
        server: option("--server").unwrap_or_else(|| refuse(CLIENTS, "`--server` is missing")),
        clients: option("--clients").unwrap_or_else(|| refuse(CLIENTS, "`--clients` is missing")),
        patience: patience(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let returned = runtime.block_on(avalanche.run(|| println!("ready")))?;
    println!("{}", serde_json::to_string(&returned).map_err(|error| Wrong(error.to_string()))?);
    Ok(true)
}

/// One process of clients, ended with this one.
struct Group {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Group {
    fn start(server: SocketAddr, clients: usize) -> Result<Self, Wrong> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["clients", "--server", &server.to_string(), "--clients", &clients.to_string()]);
        command.args(["--patience", &patience().as_secs().to_string()]);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let output = child.stdout.take().ok_or_else(|| Wrong("its output is not piped".to_owned()))?;
        Ok(Self { child, lines: BufReader::new(output).lines() })
    }

    fn line(&mut self) -> Result<String, Wrong> {
        Ok(self.lines.next().ok_or_else(|| Wrong("a process of clients ended early".to_owned()))??)
    }
}

fn everything() -> Result<bool, Wrong> {
    let all: usize = option("--clients").unwrap_or(15_000);
    let processes: usize = option("--processes").unwrap_or(3).max(1);
    let beside = std::env::current_exe()?.with_file_name("grown");
    let spec = Spec::new("server", option::<String>("--program").map_or(beside, Into::into));
    let server = Running::start(&spec)?;
    let address = server.address;
    let start = |process| Group::start(address, all / processes + usize::from(process < all % processes));
    let mut groups = (0..processes).map(start).collect::<Result<Vec<_>, _>>()?;
    for group in &mut groups {
        assert_eq!(group.line()?, "ready");
    }
    drop(server);
    let killed = Instant::now();
    let _server = Running::start(&spec.with(&format!("--port {}", address.port())))?;
    let away = killed.elapsed();
    let mut returned: Option<Returned> = None;
    for group in &mut groups {
        let line = group.line()?;
        let of_group: Returned = serde_json::from_str(&line).map_err(|error| Wrong(error.to_string()))?;
        returned = Some(match returned {
            None => of_group,
            Some(others) => others.and(of_group),
        });
    }
    let returned = returned.ok_or_else(|| Wrong("nobody came".to_owned()))?;
    let Returned { back, clients, unheard, errors, seconds, answers } = &returned;
    let figures = json!({
        "clients": clients,
        "back": back,
        "away_seconds": away.as_secs_f64(),
        "median_seconds": Returned::quantile(seconds, 0.5),
        "all_seconds": Returned::quantile(seconds, 1.0),
        "answer_p99_seconds": Returned::quantile(answers, 0.99),
        "unheard_attempts": unheard,
        "errors": errors,
    });
    println!("{figures}");
    Ok(back == clients)
}
