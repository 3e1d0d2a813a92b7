//! The command of an application that prints its contract.

use std::io::Write;

use crate::asyncapi::{AsyncApiVersion, Contract};
use crate::server::Server;

const USAGE: &str =
    "usage: contract [--yaml] [--asyncapi-3.0] | contract --typescript | contract --socket-io-typescript";

/// Prints the contract and ends the program, if the program's first argument is `contract`. Otherwise returns at once.
///
/// ```no_run
/// # use gateway_core::prelude::*;
/// #[tokio::main]
/// async fn main() -> Result<(), StartError> {
///     let server = Server::new();
///     gateway_core::contract::main(&server); // cargo run -- contract > asyncapi.json
///     server.serve("127.0.0.1:3000").await
/// }
/// ```
///
/// The document is JSON of AsyncAPI 3.1. `--yaml` makes it YAML, `--asyncapi-3.0` a document of AsyncAPI 3.0. `--typescript` prints
/// [`Contract::to_typescript`] in its place, `--socket-io-typescript` [`Contract::to_socket_io_typescript`]. The program ends with 0; with 1
/// if the contract cannot be derived or standard output is closed; with 2 for an unknown option. Nothing is printed on standard output
/// then, but the reason on standard error.
pub fn main(server: &Server) {
    let mut arguments = std::env::args().skip(1);
    if arguments.next().as_deref() != Some("contract") {
        return;
    }
    let (code, text) = document(server, arguments);
    let written = if code == 0 {
        std::io::stdout().write_all(text.as_bytes())
    } else {
        std::io::stderr().write_all(text.as_bytes())
    };
    std::process::exit(if written.is_ok() { code } else { 1 });
}

/// The program's exit code, and the document or the reason why there is none.
fn document(server: &Server, options: impl Iterator<Item = String>) -> (i32, String) {
    let (mut write, mut version): (fn(&Contract, AsyncApiVersion) -> String, _) = (json, AsyncApiVersion::V3_1);
    for option in options {
        match option.as_str() {
            "--yaml" => write = Contract::to_yaml,
            "--typescript" => write = |contract, _| contract.to_typescript(),
            "--socket-io-typescript" => write = |contract, _| contract.to_socket_io_typescript(),
            "--asyncapi-3.0" => version = AsyncApiVersion::V3_0,
            _ => return (2, format!("unknown option `{option}`\n{USAGE}\n")),
        }
    }
    match server.contract() {
        Ok(contract) => (0, write(&contract, version)),
        Err(error) => (1, format!("{error}\n")),
    }
}

fn json(contract: &Contract, version: AsyncApiVersion) -> String {
    format!("{:#}\n", contract.to_asyncapi(version))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(options: &[&str]) -> (i32, String) {
        document(&Server::empty(), options.iter().map(|option| (*option).to_owned()))
    }

    #[test]
    fn options_choose_the_document() {
        assert!(matches!(run(&[]), (0, text) if text.starts_with('{') && text.contains("\"3.1.0\"")));
        assert!(matches!(run(&["--yaml"]), (0, text) if text.starts_with("asyncapi: \"3.1.0\"\n")));
        assert!(matches!(run(&["--typescript"]), (0, text) if text.starts_with("// Generated from the contract of")));
        assert!(matches!(run(&["--socket-io-typescript"]), (0, text) if text.contains("interface GatewayException")));
        assert!(matches!(run(&["--asyncapi-3.0"]), (0, text) if text.contains("\"3.0.0\"")));
        assert_eq!(run(&["--xml"]), (2, format!("unknown option `--xml`\n{USAGE}\n")));
    }
}
