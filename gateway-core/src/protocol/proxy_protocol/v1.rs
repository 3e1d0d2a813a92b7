//! Version 1: a line of text, such as `PROXY TCP4 192.0.2.7 10.0.0.1 56324 443`.

use std::net::{IpAddr, SocketAddr};

use crate::protocol::proxy_protocol::{ProxyHeader, ProxyHeaderError};

pub(super) const SIGNATURE: &[u8] = b"PROXY ";

/// Bytes of the longest line, its end included.
const LONGEST: usize = 107;

pub(super) fn find(bytes: &[u8]) -> Result<Option<ProxyHeader>, ProxyHeaderError> {
    let line = &bytes[..bytes.len().min(LONGEST)];
    let Some(end) = line.windows(2).position(|pair| pair == b"\r\n") else {
        return if line.len() == LONGEST { Err(ProxyHeaderError::TooLong) } else { Ok(None) };
    };
    let text = std::str::from_utf8(&line[SIGNATURE.len()..end]).map_err(|_| ProxyHeaderError::Address)?;
    Ok(Some(ProxyHeader { source: source(text)?, len: end + 2 }))
}

fn source(text: &str) -> Result<Option<SocketAddr>, ProxyHeaderError> {
    let mut parts = text.split(' ');
    let family = parts.next();
    if family == Some("UNKNOWN") {
        // Whatever is behind it is to be ignored.
        return Ok(None);
    }
    let fields: [Option<&str>; 5] = std::array::from_fn(|_| parts.next());
    let [Some(source), Some(destination), Some(source_port), Some(destination_port), None] = fields else {
        return Err(ProxyHeaderError::Address);
    };
    let address = |text: &str| -> Option<IpAddr> {
        match family? {
            "TCP4" => text.parse().ok().map(IpAddr::V4),
            "TCP6" => text.parse().ok().map(IpAddr::V6),
            _ => None,
        }
    };
    let port = |text: &str| text.parse::<u16>().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()));
    let both = address(source).zip(port(source_port)).filter(|_| {
        // Not used, but a line without them is none.
        address(destination).zip(port(destination_port)).is_some()
    });
    both.map(|(address, port)| Some(SocketAddr::new(address, port))).ok_or(ProxyHeaderError::Address)
}
