//! What an operator decides: the file `settings.toml`, and variables such as `APP_SERVER__LISTEN`.

use gateway_core::config::ServerConfig;
use serde::Deserialize;

use crate::auth::Tokens;

/// All settings of the program.
#[derive(Debug, Deserialize)]
pub struct Settings {
    /// Who may connect.
    pub tokens: Tokens,
    /// Options of the server.
    #[serde(default)]
    pub server: ServerConfig,
}
