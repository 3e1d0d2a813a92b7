//! A `redis-server` of a test: on a free port, without persistence, in a directory of its own.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use gateway_redis::{Redis, RedisBuilder};

/// Attempts to find a port that nobody takes between the system's choice and the server's start.
const ATTEMPTS: usize = 10;

/// Options of a server that keeps nothing.
const PERSISTENCE: [&str; 4] = ["--save", "", "--appendonly", "no"];

/// Lines of the log after which connections are accepted.
const READY: [&str; 2] = ["Ready to accept connections", "Sentinel ID is"];

/// A running server; killed at the end of the test.
pub(crate) struct RedisProcess {
    pub(crate) port: u16,
    options: Vec<String>,
    directory: PathBuf,
    process: Option<Child>,
}

impl RedisProcess {
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts with further options, as on the command line.
    pub(crate) fn start_with(options: &[&str]) -> Self {
        Self::start_as([PERSISTENCE.as_slice(), options].concat().into_iter().map(str::to_owned).collect())
    }

    fn start_as(options: Vec<String>) -> Self {
        static STARTED: AtomicUsize = AtomicUsize::new(0);
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let directory = std::env::temp_dir().join(format!("gateway-redis-{}-{number}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        let mut server = Self { port: 0, options, directory, process: None };
        for _ in 0..ATTEMPTS {
            server.port = free_port();
            if server.run() {
                return server;
            }
        }
        panic!("redis-server did not start on any port");
    }

    /// Starts a Sentinel with these lines of configuration.
    pub(crate) fn start_sentinel(configuration: &str) -> Self {
        let file = std::env::temp_dir().join(format!("gateway-sentinel-{}-{}.conf", std::process::id(), free_port()));
        fs::write(&file, configuration).unwrap();
        let server = Self::start_as(vec![file.to_str().unwrap().to_owned(), "--sentinel".to_owned()]);
        fs::remove_file(file).unwrap();
        server
    }

    /// Starts the process; returns `false` if it ended at once, as with a port that is taken.
    fn run(&mut self) -> bool {
        let mut process = Command::new("redis-server")
            .args(&self.options)
            .args(["--bind", "127.0.0.1", "--port", &self.port.to_string(), "--dir"])
            .arg(&self.directory)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("these tests need `redis-server`: install it by `apt-get install redis-server`");
        let mut output = BufReader::new(process.stdout.take().unwrap()).lines();
        let is_ready = output.by_ref().map_while(Result::ok).any(|line| READY.iter().any(|ready| line.contains(ready)));
        // What is written later is read too, so that the server never waits for it.
        std::thread::spawn(move || output.for_each(drop));
        self.process = Some(process);
        is_ready
    }

    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    /// Starts the killed server again on its port.
    pub(crate) fn restart(&mut self) {
        self.kill();
        assert!(self.run(), "redis-server did not start again on port {}", self.port);
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub(crate) fn builder(&self) -> RedisBuilder {
        Redis::builder(self.url())
    }

    pub(crate) fn redis(&self) -> Redis {
        self.builder().build().unwrap()
    }

    /// A plain connection of the test's own.
    pub(crate) async fn connection(&self) -> redis::aio::MultiplexedConnection {
        redis::Client::open(self.url()).unwrap().get_multiplexed_async_connection().await.unwrap()
    }
}

impl Drop for RedisProcess {
    fn drop(&mut self) {
        self.kill();
        let _ = fs::remove_dir_all(&self.directory);
    }
}

pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
