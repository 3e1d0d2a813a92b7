//! TypeScript from a contract: the typed layer over `clients/typescript`, and the interfaces of `socket.io-client`.

mod names;
mod plain;
mod socket_io;
#[cfg(test)]
mod tests;
mod text;
mod types;

pub(super) use plain::plain;
pub(super) use socket_io::socket_io;
