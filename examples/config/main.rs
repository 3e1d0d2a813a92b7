//! All options of a server from a file and the environment: addresses, certificates, limits, the engine of its cluster. The file
//! is `examples/config/gateway.toml`, or the one that is named; a variable such as `APP_SERVER__LIMITS__CONNECTIONS=5000`
//! replaces one value of it.
//!
//! ```text
//! cargo run --example config
//! APP_SERVER__LISTEN=127.0.0.1:4000 cargo run --example config
//! APP_ENGINE__URL=redis://127.0.0.1:6379 cargo run --example config
//! ```

mod engine;

use std::error::Error;

use gateway_core::config::{ConfigReader, ServerConfig};
use gateway_core::prelude::*;
use gateway_core::serve::Endpoint;
use serde::Deserialize;

use crate::engine::EngineConfig;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/config/gateway.toml");

/// All options of this application; those of the server are one member.
#[derive(Debug, Deserialize)]
struct Settings {
    #[serde(default)]
    engine: Option<EngineConfig>,
    #[serde(default)]
    server: ServerConfig,
}

#[gateway(namespace = "/echo")]
struct Echo;

#[gateway]
impl Echo {
    #[subscribe("echo")]
    fn echo(&self, Data(text): Data<String>) -> String {
        text
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let file = std::env::args().nth(1).unwrap_or_else(|| FILE.to_owned());
    let Settings { engine, server } = ConfigReader::new().file(file).environment("APP").read()?;
    let server = Server::new().config(server);
    let server = match engine {
        Some(engine) => engine.join(server).await?,
        None => server,
    };
    server.serve(Endpoint::configured()).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use gateway_core::config::ConfigError;
    use gateway_core::serve::LocalAddr;

    use super::*;

    const TEXT: &str = include_str!("gateway.toml");

    /// The options of the file under these variables.
    fn read(variables: &[(&str, &str)]) -> Result<Settings, ConfigError> {
        ConfigReader::new().file(FILE).variables("APP", variables.iter().copied()).read()
    }

    #[tokio::test(start_paused = true)]
    async fn the_file_sets_the_limits_of_the_server() {
        let Settings { server, .. } = read(&[]).unwrap();
        let server = Server::empty().gateway::<Echo>().config(server).test().await.unwrap();
        let mut client = server.connect("/echo").await.unwrap();
        assert_eq!(client.emit_with_ack::<String>("echo", "hello").await.unwrap(), "hello");
        let failure = client.emit_with_ack::<String>(&"x".repeat(65), "hello").await.unwrap_err();
        assert_eq!(failure.code(), Some("name_too_long"));
    }

    #[tokio::test]
    async fn the_server_listens_where_its_options_say() {
        let variables =
            [("APP_SERVER__LISTEN", "127.0.0.1:0"), ("APP_SERVER__LINES", "tcp://127.0.0.1:0, 127.0.0.1:0")];
        let Settings { server, .. } = read(&variables).unwrap();
        let running = Server::empty().gateway::<Echo>().config(server).start(Endpoint::configured()).await.unwrap();
        assert!(matches!(running.local_addr(), LocalAddr::Tcp(address) if address.port() != 0));
        assert_eq!(running.lines_addrs().len(), 2);
        running.stop().await;
    }

    #[test]
    fn the_environment_replaces_single_values() {
        let changed = read(&[("APP_SERVER__LIMITS__CONNECTIONS", "none")]).unwrap();
        let limits = format!("{:?}", changed.server);
        assert!(limits.contains("connections: None") && limits.contains("message_bytes: 65536"), "{limits}");
        let changed = read(&[("APP_SERVER__LIMITS__HANDLER_TIMEOUT", "250ms")]).unwrap();
        assert!(format!("{:?}", changed.server).contains("handler_timeout: 250ms"));
        let changed = read(&[("APP_SERVER__SOCKET_IO", "none")]).unwrap();
        assert!(format!("{:?}", changed.server).contains("socket_io: None"));
    }

    #[test]
    fn all_faults_are_told_at_once() {
        let wrong = read(&[
            ("APP_SERVER__LIMITS__CONECTIONS", "5"),
            ("APP_SERVER__LIMITS__PING_INTERVAL", "30"),
            ("APP_ENGINE__URL", "redis:6379"),
        ]);
        assert_eq!(
            wrong.unwrap_err().to_string(),
            "the configuration has 3 faults:
  APP_ENGINE__URL: `engine.url`: expected an address such as \"redis://127.0.0.1:6379\" or \"postgres://127.0.0.1/app\"
  APP_SERVER__LIMITS__CONECTIONS: `server.limits.conections`: unknown key; did you mean `APP_SERVER__LIMITS__CONNECTIONS`?
  APP_SERVER__LIMITS__PING_INTERVAL: `server.limits.ping_interval`: expected a time with its unit, such as \"30s\", found \"30\""
        );
    }

    #[test]
    fn each_line_of_the_file_that_is_behind_a_hash_can_be_used() {
        let is_key = |line: &str| {
            line.split_once(" = ")
                .is_some_and(|(key, _)| key.bytes().all(|byte| byte == b'_' || byte.is_ascii_lowercase()))
        };
        let lines = TEXT.lines().map(|line| match line.strip_prefix("# ") {
            Some(rest) if is_key(rest) || rest.starts_with('[') => rest,
            _ => line,
        });
        let text = lines.collect::<Vec<_>>().join("\n");
        let Settings { engine, server } = ConfigReader::new().text("gateway.toml", text).read().unwrap();
        assert!(engine.is_some());
        assert!(format!("{server:?}").contains("http2: Some"));
    }
}
