//! Version 2: 16 bytes, addresses, and values of further types (TLVs), none of which are used.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::protocol::proxy_protocol::{ProxyHeader, ProxyHeaderError};

pub(super) const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// Bytes before the addresses: the signature, version and command, family and protocol, and the length of the rest.
const HEAD: usize = 16;

pub(super) fn find(bytes: &[u8]) -> Result<Option<ProxyHeader>, ProxyHeaderError> {
    let Some(head) = bytes.get(SIGNATURE.len()..HEAD) else { return Ok(None) };
    let (version, command, family) = (head[0] >> 4, head[0] & 15, head[1]);
    let rest = usize::from(u16::from_be_bytes([head[2], head[3]]));
    if version != 2 || command > 1 {
        return Err(ProxyHeaderError::Version);
    }
    let len = HEAD + rest;
    // LOCAL: the proxy speaks for itself, as in a health check.
    if command == 0 {
        return Ok(Some(ProxyHeader { source: None, len }));
    }
    // The two halves of each pair say the family and the protocol; a datagram has not come by this stream.
    let (addresses, is_internet) = match family {
        0x00 => (0, false),
        0x11 => (12, true),
        0x12 => (12, false),
        0x21 => (36, true),
        0x22 => (36, false),
        0x31 | 0x32 => (216, false),
        _ => return Err(ProxyHeaderError::Address),
    };
    if rest < addresses {
        return Err(ProxyHeaderError::Address);
    }
    if !is_internet {
        return Ok(Some(ProxyHeader { source: None, len }));
    }
    let Some(addresses) = bytes.get(HEAD..HEAD + addresses) else { return Ok(None) };
    Ok(Some(ProxyHeader { source: Some(source(addresses)), len }))
}

/// Source and destination address, then source and destination port.
fn source(addresses: &[u8]) -> SocketAddr {
    let half = (addresses.len() - 4) / 2;
    let port = u16::from_be_bytes([addresses[2 * half], addresses[2 * half + 1]]);
    if let Ok(four) = <[u8; 4]>::try_from(&addresses[..half]) {
        return SocketAddr::new(Ipv4Addr::from(four).into(), port);
    }
    let six: [u8; 16] = std::array::from_fn(|index| addresses[index]);
    SocketAddr::new(Ipv6Addr::from(six).into(), port)
}
