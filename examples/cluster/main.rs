//! Two servers that share their rooms over Redis, and a server of Socket.IO as the third: `cargo run --example cluster`, then
//! open the addresses that it prints.
//!
//! It starts `redis-server` if that is installed; `-- --redis redis://127.0.0.1:6379` uses a Redis that runs already.

mod redis_server;
mod talk;

use std::error::Error;
use std::path::Path;
use std::process::{Child, Command};

use gateway_core::prelude::*;
use gateway_redis::Redis;

use crate::redis_server::RedisServer;
use crate::talk::{ServerName, answer};

/// Port of the server of Socket.IO.
const NODE_PORT: u16 = 3003;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (redis, addresses) = match arguments.as_slice() {
        [option, url, rest @ ..] if option == "--redis" => (RedisServer::running(url), rest),
        rest => (RedisServer::start().await?, rest),
    };
    let address = |index: usize, default: &str| addresses.get(index).cloned().unwrap_or_else(|| default.to_owned());
    let one = server("Rust 1", redis.url()).await?.serve(address(0, "127.0.0.1:3001"));
    let two = server("Rust 2", redis.url()).await?.serve(address(1, "127.0.0.1:3002"));
    let mut node = node_server(redis.url())?;
    let served = tokio::try_join!(one, two);
    if let Some(node) = &mut node {
        // It may have ended by itself.
        let _ = node.kill().and_then(|()| node.wait());
    }
    served?;
    Ok(())
}

async fn server(name: &'static str, redis: &str) -> Result<Server, Box<dyn Error>> {
    let redis = Redis::connect(redis).await?;
    Ok(Server::new()
        .provide(ServerName(name))
        .cluster(redis.pub_sub())
        .fallback_fn(answer)
        .banner(false)
        .on_listening(move |address| println!("{name}: open http://{address}/")))
}

/// Starts the server of Socket.IO, or says how.
fn node_server(redis: &str) -> Result<Option<Child>, std::io::Error> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("cluster/node");
    if folder.join("node_modules").exists() {
        println!("Socket.IO: open http://127.0.0.1:{NODE_PORT}/");
        let port = NODE_PORT.to_string();
        let program = Command::new("node")
            .arg("server.js")
            .current_dir(folder)
            .envs([("REDIS_URL", redis), ("PORT", &port)])
            .spawn()?;
        return Ok(Some(program));
    }
    println!(
        "A server of Socket.IO joins them: (cd {}; npm install; REDIS_URL={redis} PORT={NODE_PORT} node server.js)",
        folder.display()
    );
    Ok(None)
}
