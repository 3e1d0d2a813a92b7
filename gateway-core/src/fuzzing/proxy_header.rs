//! The header of the PROXY protocol.

use std::net::SocketAddr;

use crate::protocol::{ProxyHeader, find_proxy_header};

/// A header at the beginning of a connection.
#[derive(Debug, Eq, PartialEq)]
pub enum FuzzHeader {
    /// More bytes are needed.
    Incomplete,
    /// The reason why there is none.
    Refused(String),
    /// The client's address, and the length of the header.
    Found(Option<SocketAddr>, usize),
}

/// Finds the header.
#[must_use]
pub fn read_proxy_header(bytes: &[u8]) -> FuzzHeader {
    match find_proxy_header(bytes) {
        Ok(None) => FuzzHeader::Incomplete,
        Ok(Some(ProxyHeader { source, len })) => FuzzHeader::Found(source, len),
        Err(error) => FuzzHeader::Refused(error.to_string()),
    }
}
