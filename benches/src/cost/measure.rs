//! Counting: the instructions that the server takes for what a client sends, from the first byte it reads on to its answer.

use std::error::Error;
use std::hint::black_box;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use gateway_core::Message;
use gateway_core::serve::RunningServer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};

use crate::cost::gateway::server;
use crate::cost::{Family, Way};
use crate::frame::{Kind, write};

/// Bytes of what is sent.
pub const SIZES: [usize; 4] = [1 << 10, 1 << 13, 1 << 16, 1 << 19];

/// So many messages are answered at a time, as fewer wait for a client that reads.
const PORTION: usize = 32;

/// The function whose instructions are counted, as callgrind names it: it dumps what it has counted after each call.
const COUNTED: &str = "gateway_benches::cost::measure::counted_input";

type Outcome<T> = Result<T, Box<dyn Error>>;

/// Sends each of these in each size. Under callgrind, what `counted_input` takes is what is counted.
///
/// # Errors
///
/// Where the server cannot start, or lets a client not in.
pub fn count_here(families: &[Family], sizes: &[usize]) -> Outcome<()> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let (_server, address): (RunningServer, _) = runtime.block_on(server())?;
    for family in families {
        let mut client = runtime.block_on(Client::connect(address, family.way))?;
        // What is done once for all is not what a byte costs.
        client.send(&runtime, &client.portions(family, sizes[0]))?;
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
    black_box(client).send(runtime, portions)
}

/// Frames that are sent together, and how many frames answer them.
struct Portion {
    bytes: Vec<u8>,
    answers: usize,
}

/// A client that looks at nothing of a frame but its length.
struct Client {
    stream: TcpStream,
    read: Vec<u8>,
    way: Way,
}

impl Client {
    async fn connect(address: SocketAddr, way: Way) -> Outcome<Self> {
        let mut client = Self { stream: TcpStream::connect(address).await?, read: Vec::with_capacity(1 << 16), way };
        let (target, more) = match way {
            Way::Plain => ("/", ""),
            Way::SocketIo => ("/socket.io/?EIO=4&transport=websocket", ""),
            Way::Packed => ("/", "Sec-WebSocket-Protocol: gateway.v1.msgpack\r\n"),
        };
        let head = format!(
            "GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n{more}\r\n"
        );
        client.stream.write_all(head.as_bytes()).await?;
        let end = loop {
            client.stream.read_buf(&mut client.read).await?;
            if let Some(end) = client.read.windows(4).position(|end| end == b"\r\n\r\n") {
                break end + 4;
            }
        };
        if !client.read.starts_with(b"HTTP/1.1 101") {
            return Err(String::from_utf8_lossy(&client.read).into());
        }
        client.read.drain(..end);
        if way == Way::SocketIo {
            client.stream.write_all(&framed(&Message::from("40"))).await?;
            client.hear(2).await?;
        }
        Ok(client)
    }

    fn portions(&self, family: &Family, size: usize) -> Vec<Portion> {
        let messages = (family.messages)(size);
        let portion = |messages: &[Message]| {
            let mut bytes: Vec<u8> = messages.iter().flat_map(framed).collect();
            if family.answered {
                return Portion { bytes, answers: messages.len() };
            }
            let asked = if self.way == Way::SocketIo { r#"427["nothing"]"# } else { r#"{"event":"nothing","id":7}"# };
            bytes.extend(framed(&Message::from(asked)));
            Portion { bytes, answers: 1 }
        };
        messages.chunks(PORTION).map(portion).collect()
    }

    fn send(&mut self, runtime: &Runtime, portions: &[Portion]) -> Outcome<()> {
        runtime.block_on(async {
            for Portion { bytes, answers } in portions {
                self.stream.write_all(bytes).await?;
                self.hear(*answers).await?;
            }
            Ok(())
        })
    }

    /// Reads so many frames.
    async fn hear(&mut self, mut frames: usize) -> Outcome<()> {
        let mut at = 0;
        loop {
            while frames > 0
                && let Some(length) = frame_length(&self.read[at..])
            {
                if self.read[at] & 0x0f == 8 {
                    return Err(format!("the server closed: {}", String::from_utf8_lossy(&self.read[at..])).into());
                }
                at += length;
                frames -= 1;
            }
            if frames == 0 {
                self.read.drain(..at);
                return Ok(());
            }
            if self.stream.read_buf(&mut self.read).await? == 0 {
                return Err("the server is gone".into());
            }
        }
    }
}

/// The frame of a client (RFC 6455 §5.2).
fn framed(message: &Message) -> Vec<u8> {
    let mut out = Vec::new();
    match message {
        Message::Text(text) => write(&mut out, Kind::Text, Some([1, 2, 3, 4]), text.as_bytes()),
        Message::Binary(bytes) => {
            write(&mut out, Kind::Text, Some([1, 2, 3, 4]), bytes);
            out[0] = 0x82;
        }
    }
    out
}

/// Bytes of the frame at the front, where all of it is there.
fn frame_length(bytes: &[u8]) -> Option<usize> {
    let whole = match *bytes.get(1)? {
        126 => 4 + usize::from(u16::from_be_bytes(*bytes.get(2..4)?.first_chunk()?)),
        127 => 10 + usize::try_from(u64::from_be_bytes(*bytes.get(2..10)?.first_chunk()?)).ok()?,
        short => 2 + usize::from(short),
    };
    (bytes.len() >= whole).then_some(whole)
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
