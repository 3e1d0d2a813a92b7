//! The contract of a server before it starts.

use std::path::Path;
use std::sync::Arc;

use crate::asyncapi::{Contract, ContractServer, WireProtocol};
use crate::gateway::{GatewaySelection, NamespaceEvents, StartError, describe_gateways, listed_events};
use crate::hub::Listing;
use crate::server::Server;
use crate::server::engine_io::EngineIoEndpoint;
#[cfg(feature = "explorer")]
use crate::server::explorer::Explorer;
use crate::server::state::ServerState;

/// Host until the application says another.
const HOST: &str = "localhost:3000";

/// Begins to look at typed events that go out: the contract ought to list them.
pub(super) fn look_at_events(shared: &Arc<ServerState>, selection: &GatewaySelection) {
    let (listed, state) = (listed_events(selection), Arc::downgrade(shared));
    shared.hub.unlisted.look(Box::new(move |namespace, event| {
        let declared = state.upgrade().and_then(|state| state.known()?.declared(namespace));
        let Some(namespace) = declared else { return Listing::Listed };
        let mut own = listed.iter().filter(|list| list.namespace == namespace);
        if own.clone().any(|list| list.events.contains(&event)) {
            return Listing::Listed;
        }
        Listing::Unlisted { namespace, is_named: own.any(|list: &NamespaceEvents| list.is_named) }
    }));
}

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

    /// Serves the explorer at `path`, such as `/explorer`: a page that shows the contract, connects with credentials as a plain or a
    /// Socket.IO client, sends events from forms made of their schemas, and shows what comes.
    ///
    /// Everybody who reaches the page reads the whole contract, names of events and guards included, and it has no guard of its own: the
    /// gateways have theirs. Enable it where that is meant, such as in development. Default off.
    #[cfg(feature = "explorer")]
    pub fn explorer(mut self, path: &str) -> Self {
        self.operations.explorer = Some(path.to_owned());
        self
    }

    /// The explorer with the contract, if it is enabled.
    #[cfg(feature = "explorer")]
    pub(super) fn prepare_explorer(&self) -> Result<Option<Explorer>, StartError> {
        let prepare = |path: &String| Ok(Explorer::new(path, &self.contract()?));
        self.operations.explorer.as_ref().map(prepare).transpose()
    }
}

/// Passes if the committed document is the contract of all registered gateways; [`ContractCheck`](crate::contract::ContractCheck) has the
/// rules. For a server with options, [`Contract::assert_current`] does the same.
///
/// # Panics
///
/// If the document is not current, with the list of changes; if the contract cannot be written, with the reasons.
#[track_caller]
pub fn assert_current(file: impl AsRef<Path>) {
    match Server::new().contract() {
        Ok(contract) => contract.assert_current(file),
        Err(error) => panic!("{error}"),
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
