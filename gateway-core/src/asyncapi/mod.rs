//! The contract of a server as plain data, and as an AsyncAPI document: written, read back, as JSON and YAML;
//! compared with an older one, and as TypeScript. Knows neither handlers nor servers.

mod check;
mod compare;
mod contract;
mod document;
mod keys;
mod members;
mod model;
mod read;
mod schemas;
mod typescript;
mod yaml;

pub use check::{CheckFailure, ContractCheck};
pub use compare::{Change, ChangeKind, Sender, Verdict};
pub use document::AsyncApiVersion;
pub(crate) use keys::plain;
pub use model::{
    ClientEvent, ClientReply, Contract, ContractServer, ErrorCode, Failures, GuardContract, NamespaceContract,
    Parameter, Payload, PayloadStyle, ServerEvent, SourcePlace, WireProtocol,
};
pub use read::ContractError;
pub(crate) use schemas::{Components, binary};
pub use schemas::{Direction, SchemaRequest};
