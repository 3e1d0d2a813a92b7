//! A Redis for the example: one that runs, or a `redis-server` that ends with the example.

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::sleep;

/// Pause between two attempts to connect.
const PAUSE: Duration = Duration::from_millis(20);
/// Attempts to connect.
const ATTEMPTS: usize = 250;

pub(crate) struct RedisServer {
    url: String,
    program: Option<Child>,
}

impl RedisServer {
    /// A Redis that runs already.
    pub(crate) fn running(url: &str) -> Self {
        Self { url: url.to_owned(), program: None }
    }

    /// Starts `redis-server` on a free port, without files.
    ///
    /// # Errors
    ///
    /// If `redis-server` is not installed, or does not answer.
    pub(crate) async fn start() -> Result<Self, io::Error> {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let options = format!("--bind 127.0.0.1 --port {port} --appendonly no --save");
        let program = Command::new("redis-server").args(options.split(' ')).arg("").stdout(Stdio::null()).spawn();
        let missing =
            |error| io::Error::other(format!("redis-server: {error}. Install it, or name a Redis: --redis URL"));
        let server = Self { url: format!("redis://127.0.0.1:{port}"), program: Some(program.map_err(missing)?) };
        for _ in 0..ATTEMPTS {
            if TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.is_ok() {
                return Ok(server);
            }
            sleep(PAUSE).await;
        }
        Err(io::Error::other("redis-server does not answer"))
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        if let Some(program) = &mut self.program {
            // It may have ended by itself.
            let _ = program.kill().and_then(|()| program.wait());
        }
    }
}
