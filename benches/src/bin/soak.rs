//! Lets connections come and go and says what a server keeps of them: one line of JSON. Ends with 1 when an answer was wrong, a
//! gauge did not come back to zero, or memory or open files grow for certain.

use std::net::{SocketAddr, TcpListener};
use std::process::ExitCode;
use std::time::Duration;

use gateway_benches::arguments::{follow, option};
use gateway_benches::load::{Soak, Soaked, Watcher, Wrong};
use gateway_benches::side_by_side::{Running, Spec};
use gateway_benches::wire::wires;
use serde_json::json;

/// Most growth of memory, in KiB an hour.
const MOST: f64 = 1024.0;

const USAGE: &str = "soak [--minutes 30] [--connections 2000] [--wire mixed] [--program PROGRAM]

  The program is `grown` where none is named; it must know `--monitoring PORT`.";

fn main() -> ExitCode {
    follow(USAGE, 0);
    match run() {
        Ok(soaked) => {
            let Soaked { rounds, memory, files, resident, open } = soaked;
            let figures = json!({
                "rounds": rounds,
                "memory_kib_per_hour": memory.value,
                "memory_within": memory.within,
                "files_per_hour": files.value,
                "files_within": files.within,
                "resident_kib": resident,
                "files_first": open.0,
                "files_last": open.1,
            });
            println!("{figures}");
            let grows = memory.value - memory.within > MOST || files.value - files.within > 0.0;
            if grows { ExitCode::FAILURE } else { ExitCode::SUCCESS }
        }
        Err(wrong) => {
            eprintln!("wrong: {wrong}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<Soaked, Wrong> {
    let minutes: f64 = option("--minutes").unwrap_or(30.0);
    let soak =
        Soak { connections: option("--connections").unwrap_or(2000), lasting: Duration::from_secs_f64(minutes * 60.0) };
    let wires = wires(&option::<String>("--wire").unwrap_or_else(|| "mixed".to_owned()))?;
    let beside = std::env::current_exe()?.with_file_name("grown");
    let program = option::<String>("--program").map_or(beside, Into::into);
    // Free a moment ago.
    let monitoring: SocketAddr = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let spec = Spec::new("server", program).with(&format!("--monitoring {}", monitoring.port()));
    let server = Running::start(&spec)?;
    soak.run(wires, server.address, Watcher(monitoring))
}
