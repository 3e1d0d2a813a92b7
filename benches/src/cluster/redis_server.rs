//! A Redis of the bench's own, and what was used of it.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::process::Process;
use crate::side_by_side::on_core;

/// A `redis-server` on a free port, without files; dropping it ends it.
#[derive(Debug)]
pub struct RedisServer {
    program: Child,
    /// Where it listens.
    pub address: SocketAddr,
}

/// Bytes and time that a Redis has used so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct RedisUse {
    /// Bytes that it read.
    pub bytes_in: u64,
    /// Bytes that it wrote.
    pub bytes_out: u64,
    /// User plus system time.
    pub cpu: Duration,
}

/// Core of the servers, which they share.
const CORE: usize = 1;
const START: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(20);

impl RedisServer {
    /// Starts it, and waits until it answers.
    ///
    /// # Errors
    ///
    /// When `redis-server` is not installed or does not answer.
    pub fn start() -> io::Result<Self> {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let options = format!("--bind 127.0.0.1 --port {port} --appendonly no --save");
        let mut command = on_core(CORE, Path::new("redis-server"));
        command.args(options.split(' ')).arg("").stdin(Stdio::null()).stdout(Stdio::null());
        let server = Self { program: command.spawn()?, address };
        let end = Instant::now() + START;
        while redis_use(address, server.process()).is_err() {
            if Instant::now() > end {
                return Err(io::Error::other("redis-server does not answer"));
            }
            std::thread::sleep(PAUSE);
        }
        Ok(server)
    }

    /// Its process: `taskset` becomes the program that it starts.
    #[must_use]
    pub fn process(&self) -> Process {
        Process(self.program.id())
    }

    /// Its address as a URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://{}", self.address)
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.program.kill());
        drop(self.program.wait());
    }
}

/// Reads what a Redis has used so far: `INFO stats`, and the time of its process.
///
/// # Errors
///
/// When it does not answer, or the process is gone.
pub fn redis_use(address: SocketAddr, process: Process) -> io::Result<RedisUse> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(START))?;
    stream.write_all(b"INFO stats\r\nQUIT\r\n")?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    let number = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        let number = line.and_then(|number| number.trim().parse().ok());
        number.ok_or_else(|| io::Error::other(format!("INFO has no {name}")))
    };
    let (bytes_in, bytes_out) = (number("total_net_input_bytes")?, number("total_net_output_bytes")?);
    Ok(RedisUse { bytes_in, bytes_out, cpu: process.cpu()? })
}
