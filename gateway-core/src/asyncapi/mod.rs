//! The contract of a server as plain data, and as an AsyncAPI document: written, read back, as JSON and YAML. Knows neither handlers
//! nor servers.

mod document;
mod keys;
mod members;
mod model;
mod read;
mod schemas;
mod yaml;

pub use document::AsyncApiVersion;
pub(crate) use keys::plain;
pub use model::{
    ClientEvent, ClientReply, Contract, ContractServer, ErrorCode, Failures, GuardContract, NamespaceContract,
    Parameter, Payload, PayloadStyle, ServerEvent, SourcePlace, WireProtocol,
};
pub use read::ContractError;
pub(crate) use schemas::{Components, binary};
pub use schemas::{Direction, SchemaRequest};
