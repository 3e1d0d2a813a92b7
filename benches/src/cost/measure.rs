//! Counting: the instructions that the server takes for what a client sends, from the message on to its answer.

use std::error::Error;
use std::hint::black_box;
use std::path::Path;
use std::process::Command;

use gateway_core::Message;
use gateway_core::testing::{TestClient, TestServer};
use tokio::runtime::{Builder, Runtime};

use crate::cost::gateway::server;
use crate::cost::{Family, Way};

/// Bytes of what is sent.
pub const SIZES: [usize; 4] = [1 << 10, 1 << 13, 1 << 16, 1 << 19];

/// So many messages are answered at a time, as less wait for a client that reads.
const PORTION: usize = 32;

/// The function whose instructions are counted, as callgrind names it: it dumps what it has counted after each call.
const COUNTED: &str = "gateway_benches::cost::measure::counted_input";

type Outcome<T> = Result<T, Box<dyn Error>>;

/// Sends each of these in each size. Under callgrind, what [`counted_input`] takes is what is counted.
///
/// # Errors
///
/// Where the server cannot start, or lets a client not in.
pub fn count_here(families: &[Family], sizes: &[usize]) -> Outcome<()> {
    let runtime = Builder::new_current_thread().enable_time().build()?;
    let server = runtime.block_on(server())?;
    for family in families {
        let mut client = runtime.block_on(connect(&server, family.way))?;
        // What is done once for all is not what a byte costs.
        send(&runtime, &mut client, &(family.messages)(sizes[0]), family.answered);
        for size in sizes {
            counted_input(&runtime, &mut client, &(family.messages)(*size), family.answered);
        }
    }
    Ok(())
}

async fn connect(server: &TestServer, way: Way) -> Outcome<TestClient> {
    let connect = server.connect("/");
    Ok(match way {
        Way::Plain => connect.await,
        Way::SocketIo => connect.socket_io().await,
        Way::Packed => connect.protocol("gateway.v1.msgpack").await,
    }?)
}

/// Never inlined: [`COUNTED`].
#[inline(never)]
fn counted_input(runtime: &Runtime, client: &mut TestClient, messages: &[Message], answered: bool) {
    send(runtime, client, messages, answered);
    black_box(client);
}

fn send(runtime: &Runtime, client: &mut TestClient, messages: &[Message], answered: bool) {
    runtime.block_on(async {
        for portion in messages.chunks(PORTION) {
            for message in portion {
                client.send_message(message.clone()).await;
            }
            for _ in portion.iter().filter(|_| answered) {
                client.next().await;
            }
            if !answered {
                client.request::<()>("nothing", ()).await.expect("it answers everybody");
            }
        }
    });
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
