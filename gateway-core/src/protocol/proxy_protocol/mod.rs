//! The PROXY protocol, versions 1 and 2: a header by which a proxy names its client's address, before the first byte of that
//! client. Pure: no I/O and no clock; the fuzz target of this header.

mod v1;
mod v2;

use std::net::SocketAddr;

/// A header at the beginning of a stream.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct ProxyHeader {
    /// The client's address; `None` if the proxy speaks for itself, or its client has no address of the Internet.
    pub(crate) source: Option<SocketAddr>,
    /// Bytes of the whole header, some of which may not have been read yet: nothing in them is of use.
    pub(crate) len: usize,
}

/// Reason why a stream does not begin with a header.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum ProxyHeaderError {
    #[error("the PROXY header is missing")]
    Missing,
    #[error("the PROXY header is longer than 107 bytes")]
    TooLong,
    #[error("the PROXY header has no source and destination with ports")]
    Address,
    #[error("the PROXY header has an unknown version or command")]
    Version,
}

/// Finds the header; `None` if more bytes are needed. It never needs more than 107.
///
/// # Errors
///
/// [`ProxyHeaderError`], as soon as it is certain.
pub(crate) fn find_proxy_header(bytes: &[u8]) -> Result<Option<ProxyHeader>, ProxyHeaderError> {
    let begins = |signature: &[u8]| bytes.iter().zip(signature).all(|(byte, expected)| byte == expected);
    if begins(v2::SIGNATURE) {
        return if bytes.len() < v2::SIGNATURE.len() { Ok(None) } else { v2::find(bytes) };
    }
    if begins(v1::SIGNATURE) {
        return if bytes.len() < v1::SIGNATURE.len() { Ok(None) } else { v1::find(bytes) };
    }
    Err(ProxyHeaderError::Missing)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(bytes: &[u8], expected: Result<Option<(Option<&str>, usize)>, ProxyHeaderError>) {
        let found = find_proxy_header(bytes);
        let expected = expected.map(|header| {
            header.map(|(source, len)| ProxyHeader { source: source.map(|source| source.parse().unwrap()), len })
        });
        assert_eq!(found, expected, "{}", bytes.escape_ascii());
        // The same comes out, or more bytes are asked for, of each part of it.
        for end in 0..bytes.len() {
            let part = find_proxy_header(&bytes[..end]);
            assert!(part == Ok(None) || part == found, "{end} bytes of {}", bytes.escape_ascii());
        }
    }

    fn v2(head: [u8; 4], rest: &[u8]) -> Vec<u8> {
        [v2::SIGNATURE, &head, rest].concat()
    }

    #[test]
    fn a_line_of_version_1_names_the_client() {
        check(b"PROXY TCP4 192.0.2.7 10.0.0.1 56324 443\r\nGET /", Ok(Some((Some("192.0.2.7:56324"), 41))));
        check(b"PROXY TCP6 2001:db8::7 ::1 1 65535\r\n", Ok(Some((Some("[2001:db8::7]:1"), 36))));
        check(b"PROXY UNKNOWN\r\n", Ok(Some((None, 15))));
        check(b"PROXY UNKNOWN ffff::1 ::1 1 2 more\r\n", Ok(Some((None, 36))));
        check(b"", Ok(None));
        check(b"PROXY TCP4 192.0.2.7", Ok(None));
    }

    #[test]
    fn a_line_that_says_nothing_is_refused() {
        for wrong in [
            "PROXY \r\n",
            "PROXY TCP4\r\n",
            "PROXY TCP4 192.0.2.7 10.0.0.1 56324\r\n",
            "PROXY TCP4 192.0.2.7 10.0.0.1 56324 443 1\r\n",
            "PROXY TCP4 192.0.2.7  10.0.0.1 56324 443\r\n",
            "PROXY TCP4 ::1 10.0.0.1 56324 443\r\n",
            "PROXY TCP6 192.0.2.7 10.0.0.1 56324 443\r\n",
            "PROXY TCP4 192.0.2.7 10.0.0.1 65536 443\r\n",
            "PROXY TCP4 192.0.2.7 10.0.0.1 +1 443\r\n",
            "PROXY TCP4 evil.example 10.0.0.1 1 443\r\n",
            "PROXY UDP4 192.0.2.7 10.0.0.1 1 443\r\n",
            "PROXY unknown\r\n",
            "PROXY UNKNOWNS\r\n",
            "PROXY TCP4 \u{e9} 10.0.0.1 1 443\r\n",
        ] {
            assert_eq!(find_proxy_header(wrong.as_bytes()), Err(ProxyHeaderError::Address), "{wrong:?}");
        }
        let unknown = |len: usize| format!("PROXY UNKNOWN {}\r\n", "x".repeat(len - 16)).into_bytes();
        check(&unknown(107), Ok(Some((None, 107))));
        check(&unknown(108), Err(ProxyHeaderError::TooLong));
        assert_eq!(find_proxy_header(&[&b"PROXY "[..], &[b'x'; 101]].concat()), Err(ProxyHeaderError::TooLong));
    }

    #[test]
    fn what_begins_otherwise_is_no_header() {
        for wrong in [
            "GET / HTTP/1.1\r\n",
            "PRI * HTTP/2.0\r\n",
            "{\"connect\":\"/\"}",
            "\x16\x03\x01",
            "PROXX",
            "\r\n\r\n\0\r\nQUIX",
        ] {
            assert_eq!(find_proxy_header(wrong.as_bytes()), Err(ProxyHeaderError::Missing), "{wrong:?}");
        }
    }

    #[test]
    fn a_header_of_version_2_names_the_client() {
        let four = [192, 0, 2, 7, 10, 0, 0, 1, 0xdc, 0x04, 0x01, 0xbb];
        check(&v2([0x21, 0x11, 0, 12], &four), Ok(Some((Some("192.0.2.7:56324"), 28))));
        let mut six = [0; 36];
        six[..2].copy_from_slice(&[0x20, 0x01]);
        six[15] = 7;
        six[33] = 80;
        check(&v2([0x21, 0x21, 0, 36], &six), Ok(Some((Some("[2001::7]:80"), 52))));
        // What is behind the addresses need not be there yet.
        check(&v2([0x21, 0x11, 0xff, 0xff], &four), Ok(Some((Some("192.0.2.7:56324"), 16 + 0xffff))));
    }

    #[test]
    fn a_proxy_may_speak_for_itself_or_for_who_has_no_address() {
        check(&v2([0x20, 0x00, 0, 0], &[]), Ok(Some((None, 16))));
        // What a local command brings along is passed over.
        check(&v2([0x20, 0x11, 0, 12], &[]), Ok(Some((None, 28))));
        check(&v2([0x21, 0x00, 0, 3], &[]), Ok(Some((None, 19))));
        check(&v2([0x21, 0x31, 0, 216], &[]), Ok(Some((None, 232))));
        check(&v2([0x21, 0x12, 0, 12], &[]), Ok(Some((None, 28))));
    }

    #[test]
    fn other_versions_commands_and_families_are_refused() {
        for head in [[0x11, 0x11, 0, 12], [0x31, 0x11, 0, 12], [0x22, 0x11, 0, 12]] {
            check(&v2(head, &[0; 12]), Err(ProxyHeaderError::Version));
        }
        for head in
            [[0x21, 0x41, 0, 12], [0x21, 0x13, 0, 12], [0x21, 0x11, 0, 11], [0x21, 0x21, 0, 35], [0x21, 0x32, 0, 215]]
        {
            check(&v2(head, &[0; 36]), Err(ProxyHeaderError::Address));
        }
    }

    proptest! {
        #[test]
        fn however_much_has_come_the_same_is_found(
            begins in prop::sample::select(vec![&b""[..], v1::SIGNATURE, v2::SIGNATURE, b"PROXY TCP4 ", b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c"]),
            rest in prop::collection::vec(any::<u8>(), 0..160),
        ) {
            let bytes = [begins, &rest].concat();
            let whole = find_proxy_header(&bytes);
            prop_assert!(whole != Ok(None) || bytes.len() < 107);
            for end in 0..bytes.len() {
                let part = find_proxy_header(&bytes[..end]);
                prop_assert!(part == Ok(None) || part == whole, "{end} bytes");
            }
        }
    }
}
