//! The contract of a server before it starts.

use crate::asyncapi::{Contract, ContractServer, WireProtocol};
use crate::gateway::{StartError, describe_gateways};
use crate::server::Server;
use crate::server::engine_io::EngineIoEndpoint;

/// Host until the application says another.
const HOST: &str = "localhost:3000";

impl Server {
    /// Returns the contract: what clients may send to the gateways, what they are answered, and what they receive.
    ///
    /// It follows from signatures and doc comments. No gateway is constructed, so nothing has to be provided.
    ///
    /// # Errors
    ///
    /// [`StartError::Problems`] with each type whose schema cannot be written, at the handler that names it.
    pub fn contract(&self) -> Result<Contract, StartError> {
        let mut contract = describe_gateways(&self.selection, &self.around).map_err(StartError::Problems)?;
        contract.servers = servers(self.socket_io.as_ref());
        Ok(contract)
    }
}

/// Plain WebSocket, and Socket.IO where it is served.
fn servers(socket_io: Option<&EngineIoEndpoint>) -> Vec<ContractServer> {
    let new = |name: &str, protocol, path| ContractServer {
        name: name.to_owned(),
        host: HOST.to_owned(),
        protocol,
        is_encrypted: false,
        path,
    };
    let socket_io = socket_io.map(|endpoint| {
        let path = endpoint.path.clone();
        new("socketio", WireProtocol::SocketIo, Some(path))
    });
    socket_io.into_iter().chain([new("websocket", WireProtocol::Plain, None)]).collect()
}
