//! Options from a file and the environment. The file is `examples/config/gateway.toml`; a variable such as
//! `GATEWAY_SERVER__LIMITS__CONNECTIONS=5000` replaces one value of it.
//!
//! ```text
//! cargo run --example config
//! GATEWAY_LISTEN=127.0.0.1:4000 cargo run --example config
//! ```

use config::{Config, ConfigError, Environment, File, FileFormat};
use gateway_core::config::ServerConfig;
use gateway_core::prelude::*;
use serde::Deserialize;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/config/gateway.toml");

/// All options of this application; those of the server are one member.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    listen: String,
    #[serde(default)]
    server: ServerConfig,
}

impl Settings {
    fn read(file: &str, environment: Environment) -> Result<Self, ConfigError> {
        let file = File::new(file, FileFormat::Toml);
        Config::builder().add_source(file).add_source(environment).build()?.try_deserialize()
    }
}

/// Variables that begin with `GATEWAY_`; two underscores stand for the dot of the file.
fn environment() -> Environment {
    Environment::with_prefix("GATEWAY").prefix_separator("_").separator("__").try_parsing(true)
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
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let Settings { listen, server } = Settings::read(FILE, environment())?;
    Server::new().config(server).serve(listen).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The options of the file under these variables.
    fn read(variables: &[(&str, &str)]) -> Result<Settings, String> {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Settings::read(FILE, environment().source(Some(variables))).map_err(|error| error.to_string())
    }

    #[tokio::test(start_paused = true)]
    async fn the_file_sets_the_limits_of_the_server() {
        let Settings { listen, server } = read(&[]).unwrap();
        assert_eq!(listen, "127.0.0.1:3000");
        let server = Server::empty().gateway::<Echo>().config(server).test().await.unwrap();
        let mut client = server.connect("/echo").await.unwrap();
        assert_eq!(client.emit_with_ack::<String>("echo", "hello").await.unwrap(), "hello");
        let failure = client.emit_with_ack::<String>(&"x".repeat(65), "hello").await.unwrap_err();
        assert_eq!(failure.code(), Some("name_too_long"));
    }

    #[test]
    fn the_environment_replaces_single_values() {
        let changed = read(&[("GATEWAY_LISTEN", "[::]:80"), ("GATEWAY_SERVER__LIMITS__CONNECTIONS", "none")]).unwrap();
        assert_eq!(changed.listen, "[::]:80");
        let limits = format!("{:?}", changed.server);
        assert!(limits.contains("connections: None") && limits.contains("message_bytes: 65536"), "{limits}");
        let changed = read(&[("GATEWAY_SERVER__LIMITS__HANDLER_TIMEOUT", "250ms")]).unwrap();
        assert!(format!("{:?}", changed.server).contains("handler_timeout: 250ms"));
        let changed = read(&[("GATEWAY_SERVER__SOCKET_IO", "none")]).unwrap();
        assert!(format!("{:?}", changed.server).contains("socket_io: None"));
    }

    #[test]
    fn a_wrong_option_is_named() {
        let wrong = read(&[("GATEWAY_SERVER__LIMITS__CONECTIONS", "5")]).unwrap_err();
        assert!(wrong.contains("unknown field `conections`") && wrong.contains("`connections`"), "{wrong}");
        let wrong = read(&[("GATEWAY_SERVER__LIMITS__PING_INTERVAL", "30")]).unwrap_err();
        assert!(wrong.contains("a time with its unit, such as \"30s\""), "{wrong}");
    }
}
