//! Counting: the instructions that the server takes for what a client sends, from the first byte it reads on to its answer.

use std::error::Error;
use std::hint::black_box;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use gateway_core::limits::Limits;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

use crate::cost::Family;
use crate::cost::client::{Client, Portion};
use crate::cost::gateway::server;

/// Bytes of what is sent.
pub const SIZES: [usize; 4] = [1 << 10, 1 << 13, 1 << 16, 1 << 19];

/// The function whose instructions are counted, as callgrind names it: it dumps what it has counted after each call.
const COUNTED: &str = "gateway_benches::cost::measure::counted_input";

/// Callgrind takes its time: nobody is asked whether it is there.
const PING: Duration = Duration::from_hours(1);

pub(super) type Outcome<T> = Result<T, Box<dyn Error>>;

/// Sends each of these in each size. Under callgrind, what `counted_input` takes is what is counted.
///
/// # Errors
///
/// Where the server cannot start, or lets a client not in.
pub fn count_here(families: &[Family], sizes: &[usize]) -> Outcome<()> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
    let address = listener.local_addr()?;
    let _server = runtime.block_on(server(listener, Limits::new(), PING))?;
    for family in families {
        let mut client = runtime.block_on(Client::connect(address, family))?;
        // What is done once for all is not what a byte costs.
        runtime.block_on(client.send(&client.portions(family, sizes[0])))?;
        for size in sizes {
            let portions = client.portions(family, *size);
            counted_input(&runtime, &mut client, &portions)?;
        }
    }
    Ok(())
}

/// Never inlined: [`COUNTED`].
#[inline(never)]
fn counted_input(runtime: &Runtime, client: &mut Client, portions: &[Portion]) -> Outcome<()> {
    runtime.block_on(black_box(client).send(portions))
}

/// The instructions of each family in each size: this program once more, with these arguments, under callgrind.
///
/// # Errors
///
/// Where valgrind or the program fails, or counts less than it should.
pub fn count_under_callgrind(arguments: &[String], families: usize, sizes: usize) -> Outcome<Vec<Vec<u64>>> {
    let folder = std::env::temp_dir().join(format!("gateway-cost-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let counted = run(&folder, arguments).and_then(|()| read(&folder, families * sizes));
    std::fs::remove_dir_all(&folder)?;
    Ok(counted?.chunks(sizes).map(<[u64]>::to_vec).collect())
}

fn run(folder: &Path, arguments: &[String]) -> Outcome<()> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind".to_owned(), format!("--toggle-collect={COUNTED}"), format!("--dump-after={COUNTED}")])
        .arg(format!("--callgrind-out-file={}", folder.join("out").display()))
        .arg(std::env::current_exe()?)
        .args(arguments)
        .output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("under callgrind: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr)).into())
}

/// The totals of the dumps, in their order.
fn read(folder: &Path, count: usize) -> Outcome<Vec<u64>> {
    (1..=count).map(|number| total(&std::fs::read_to_string(folder.join(format!("out.{number}")))?)).collect()
}

fn total(dump: &str) -> Outcome<u64> {
    let line = dump.lines().find_map(|line| line.strip_prefix("totals:").or_else(|| line.strip_prefix("summary:")));
    Ok(line.ok_or("a dump of callgrind has no total")?.trim().parse()?)
}
