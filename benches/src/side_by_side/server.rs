//! A server under test: started on one core, ended by its handle.

use std::io::{self, BufRead, BufReader};
use std::net::{SocketAddr, TcpStream};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::process::Process;

use super::{MIXED, PLAIN, POLLING, SOCKET_IO};

/// Command that starts a server. It prints `listening on 127.0.0.1:PORT`.
#[derive(Clone, Debug)]
pub struct Spec {
    /// Name in tables.
    pub name: String,
    /// Program to run.
    pub program: PathBuf,
    /// With what.
    pub arguments: Vec<String>,
    /// The formats it speaks, as works name them.
    pub wires: &'static [&'static str],
    /// The server is the framework.
    pub is_ours: bool,
    /// Where.
    pub directory: Option<PathBuf>,
    /// The works it does, by their names; all where none is named.
    pub only: &'static [&'static str],
    /// Its threads: with more than one it may use every core.
    pub workers: usize,
}

impl Spec {
    /// A program without arguments.
    #[must_use]
    pub fn new(name: &str, program: impl Into<PathBuf>) -> Self {
        Self {
            name: name.to_owned(),
            program: program.into(),
            arguments: Vec::new(),
            wires: &[PLAIN],
            is_ours: false,
            directory: None,
            only: &[],
            workers: 1,
        }
    }

    /// Speaking these formats.
    #[must_use]
    pub fn speaking(mut self, wires: &'static [&'static str]) -> Self {
        self.wires = wires;
        self
    }

    /// A server of the framework, which speaks everything.
    #[must_use]
    pub fn ours(mut self) -> Self {
        self.is_ours = true;
        self.speaking(&[PLAIN, SOCKET_IO, MIXED, POLLING])
    }

    /// Doing these works alone.
    #[must_use]
    pub fn only(mut self, works: &'static [&'static str]) -> Self {
        self.only = works;
        self
    }

    /// With arguments, separated by blanks.
    #[must_use]
    pub fn with(mut self, arguments: &str) -> Self {
        self.arguments.extend(arguments.split_whitespace().map(str::to_owned));
        self
    }
}

/// A server that runs; dropping it ends it.
#[derive(Debug)]
pub struct Running {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
}

const SERVER_CORE: usize = 1;
const START: Duration = Duration::from_secs(20);

impl Running {
    /// Starts it on the second core and waits until it listens.
    ///
    /// # Errors
    ///
    /// When it does not.
    pub fn start(spec: &Spec) -> io::Result<Self> {
        let mut command =
            if spec.workers > 1 { Command::new(&spec.program) } else { on_core(SERVER_CORE, &spec.program) };
        command.args(&spec.arguments);
        if let Some(directory) = &spec.directory {
            command.current_dir(directory);
        }
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn()?;
        let output = child.stdout.take().ok_or_else(|| io::Error::other("its output is not piped"))?;
        let mut running = Self { child, address: SocketAddr::from(([127, 0, 0, 1], 0)) };
        running.address = listening(output)?;
        let end = Instant::now() + START;
        while TcpStream::connect(running.address).is_err() {
            if Instant::now() > end {
                return Err(io::Error::other(format!("{} does not listen", spec.name)));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(running)
    }

    /// Asks it to end, and waits until it has.
    ///
    /// # Errors
    ///
    /// When it ends otherwise than asked.
    pub fn stop(mut self) -> io::Result<()> {
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        kill_process(id.ok_or_else(|| io::Error::other("no such process"))?, Signal::TERM)?;
        let status = self.child.wait()?;
        if status.success() { Ok(()) } else { Err(io::Error::other(format!("it ended with {status}"))) }
    }

    /// Resources of the server's process.
    #[must_use]
    pub fn process(&self) -> Process {
        Process(self.child.id())
    }
}

/// A program that stays on one core, where the machine has that many.
pub(crate) fn on_core(core: usize, program: &Path) -> Command {
    if std::thread::available_parallelism().map_or(1, NonZero::get) <= core {
        return Command::new(program);
    }
    let mut command = Command::new("taskset");
    command.arg("-c").arg(core.to_string()).arg(program);
    command
}

/// The address of the first line that has one; what else is said is read and dropped.
fn listening(output: impl io::Read + Send + 'static) -> io::Result<SocketAddr> {
    let (send, receive) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if let Some(address) = line.strip_prefix("listening on ").and_then(|address| address.trim().parse().ok()) {
                // Nobody waits for a second one.
                let _ = send.send(address);
            }
        }
    });
    receive.recv_timeout(START).map_err(|_| io::Error::other("it does not say where it listens"))
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
