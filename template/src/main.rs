//! Reads the settings and serves until Ctrl-C or SIGTERM.

use gateway_core::config::ConfigReader;
use gateway_core::prelude::*;
use gateway_core::serve::Endpoint;

use {{crate_name}}::settings::Settings;

#[tokio::main]
async fn main() -> Result<(), StartError> {
    let file = std::env::args().nth(1).unwrap_or_else(|| "settings.toml".to_owned());
    let Settings { tokens, server } = ConfigReader::new().file(file).environment("APP").read()?;
    {{crate_name}}::server(tokens).config(server).serve(Endpoint::configured()).await
}
