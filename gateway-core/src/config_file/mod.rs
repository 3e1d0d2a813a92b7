//! Configuration from TOML files and environment variables, with every fault named by its place. Knows no option of a server.

mod deserializer;
mod fault;
mod reader;
mod toml_text;
mod tree;
mod variables;

pub use fault::{ConfigError, ConfigFault};
pub use reader::ConfigReader;
