//! The first bytes of a proxy's connection. However much of them is there, the same header is found or the same is wrong; and a
//! header that is written as the protocol says is found as it was written.

#![no_main]

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use gateway_core::fuzzing::{FuzzHeader, read_proxy_header};
use gateway_fuzz::allocating;
use libfuzzer_sys::fuzz_target;

/// No header needs more bytes before it is clear what it says: the longest line of version 1.
const LONGEST: usize = 107;

fuzz_target!(|input: &[u8]| {
    let whole = allocating(0, input.len(), || read_proxy_header(input));
    let mut is_clear = false;
    for end in 0..=input.len().min(LONGEST + 1) {
        let part = read_proxy_header(&input[..end]);
        assert!(part == FuzzHeader::Incomplete || part == whole, "{end} bytes");
        assert!(!is_clear || part == whole, "{end} bytes say less than fewer");
        is_clear |= part != FuzzHeader::Incomplete;
    }
    assert!(is_clear || input.len() < LONGEST);
    if let FuzzHeader::Found(_, len) = whole {
        assert!((15..=16 + usize::from(u16::MAX)).contains(&len));
        assert!(!input.starts_with(b"PROXY ") || (len <= LONGEST && input[..len].ends_with(b"\r\n")));
    }
    written(input);
});

/// Addresses of the input, in all four forms, with the rest of it behind them.
fn written(input: &[u8]) {
    let Some((addresses, rest)) = input.split_at_checked(18) else { return };
    let bytes: [u8; 16] = std::array::from_fn(|index| addresses[index]);
    let port = u16::from_be_bytes([addresses[16], addresses[17]]);
    let four = Ipv4Addr::new(bytes[0], bytes[1], bytes[2], bytes[3]);
    for source in [SocketAddr::from((four, port)), SocketAddr::from((Ipv6Addr::from(bytes), port))] {
        let (family, ip, code) = match source {
            SocketAddr::V4(source) => ("TCP4", source.ip().octets().to_vec(), 0x11),
            SocketAddr::V6(source) => ("TCP6", source.ip().octets().to_vec(), 0x21),
        };
        let line = format!("PROXY {family} {} {} {port} 443\r\n", source.ip(), source.ip());
        let found = FuzzHeader::Found(Some(source), line.len());
        assert_eq!(read_proxy_header(&[line.as_bytes(), rest].concat()), found);

        let tlvs = &rest[..rest.len().min(1000)];
        let len = (2 * ip.len() + 4 + tlvs.len()) as u16;
        let head = [b"\r\n\r\n\0\r\nQUIT\n\x21".as_slice(), &[code], &len.to_be_bytes()].concat();
        let header = [&head[..], &ip, &ip, &port.to_be_bytes(), &[1, 187], tlvs].concat();
        assert_eq!(read_proxy_header(&header), FuzzHeader::Found(Some(source), header.len()));
    }
}
