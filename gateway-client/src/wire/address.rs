//! Address of a namespace.

use std::path::PathBuf;

use http::Uri;
use http::uri::PathAndQuery;

/// A fault of an address.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// The text is no URL.
    #[error("this is no URL: {0}")]
    Invalid(String),
    /// The scheme is none of `ws`, `wss`, `http`, `https`, `tcp`, `tls` and `unix`.
    #[error("a gateway is reached by ws:// or wss://, or over lines by tcp://, tls:// or unix:")]
    Scheme,
    /// A URL of lines has no port: there is no usual one.
    #[error("the URL has no port, as in tcp://localhost:3001/chat")]
    Port,
    /// A URL of a Unix socket does not say where the path of the namespace begins.
    #[error("the URL has no namespace behind the socket, as in unix:/run/app.sock:/chat")]
    Namespace,
    /// The URL has no host.
    #[error("the URL has no host")]
    Host,
    /// The URL has a user name or a password, which nobody would read.
    #[error("credentials are no part of the URL: use `auth` or a header")]
    Credentials,
}

/// Address of a namespace: `ws://host:port/path?query`, `tcp://host:port/path?query` or `unix:/socket:/path?query`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Address {
    /// Without the brackets of IPv6.
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) is_tls: bool,
    /// Lines instead of a WebSocket.
    pub(crate) speaks_lines: bool,
    /// Path of the Unix socket; the host is empty then.
    pub(crate) unix: Option<PathBuf>,
    /// As the header `Host` has it.
    pub(crate) authority: String,
    pub(crate) path: String,
    pub(crate) query: Option<String>,
}

impl Address {
    pub(crate) fn parse(url: &str) -> Result<Self, AddressError> {
        if let Some(rest) = url.strip_prefix("unix:") {
            return Self::of_unix(rest);
        }
        let uri: Uri = url.parse().map_err(|error: http::uri::InvalidUri| AddressError::Invalid(error.to_string()))?;
        let (is_tls, speaks_lines) = match uri.scheme_str().map(str::to_ascii_lowercase).as_deref() {
            Some("ws" | "http") => (false, false),
            Some("wss" | "https") => (true, false),
            Some("tcp") => (false, true),
            Some("tls") => (true, true),
            Some(_) | None => return Err(AddressError::Scheme),
        };
        let authority = uri.authority().ok_or(AddressError::Host)?;
        if authority.as_str().contains('@') {
            return Err(AddressError::Credentials);
        }
        let host = authority.host();
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        if host.is_empty() {
            return Err(AddressError::Host);
        }
        let default = if is_tls { 443 } else { 80 };
        if speaks_lines && authority.port_u16().is_none() {
            return Err(AddressError::Port);
        }
        Ok(Self {
            host: host.to_owned(),
            port: authority.port_u16().unwrap_or(default),
            is_tls,
            speaks_lines,
            unix: None,
            authority: authority.as_str().to_owned(),
            path: uri.path().to_owned(),
            query: uri.path_and_query().and_then(PathAndQuery::query).map(str::to_owned),
        })
    }

    /// The socket's path ends before the last `:/`.
    fn of_unix(rest: &str) -> Result<Self, AddressError> {
        let (before, query) = rest.split_once('?').map_or((rest, None), |(before, query)| (before, Some(query)));
        let colon = before.rfind(":/").filter(|&at| at > 0).ok_or(AddressError::Namespace)?;
        Ok(Self {
            host: String::new(),
            port: 0,
            is_tls: false,
            speaks_lines: true,
            unix: Some(PathBuf::from(&before[..colon])),
            authority: String::new(),
            path: before[colon + 1..].to_owned(),
            query: query.map(str::to_owned),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_host_a_port_and_a_path() {
        let check = |url: &str, host: &str, port, path: &str| {
            let found = Address::parse(url).unwrap();
            assert_eq!((&*found.host, found.port, &*found.path), (host, port, path), "{url}");
        };
        check("ws://localhost:3000/chat", "localhost", 3000, "/chat");
        check("http://localhost", "localhost", 80, "/");
        check("wss://example.com/chat/a%20b?x=1", "example.com", 443, "/chat/a%20b");
        check("https://[::1]:8443/", "::1", 8443, "/");
        assert_eq!(Address::parse("ws://a/b?c=d").unwrap().query.as_deref(), Some("c=d"));
    }

    #[test]
    fn an_address_of_lines_names_its_port_or_its_socket() {
        let found = Address::parse("tcp://localhost:3001/chat?a=1").unwrap();
        assert_eq!((found.speaks_lines, found.is_tls, found.port, &*found.path), (true, false, 3001, "/chat"));
        assert!(Address::parse("tls://localhost:3001/chat").unwrap().is_tls);
        let found = Address::parse("unix:/run/a:b.sock:/chat/x?a=:/b").unwrap();
        let unix = found.unix.as_deref().and_then(std::path::Path::to_str);
        assert_eq!((unix, &*found.path, found.query.as_deref()), (Some("/run/a:b.sock"), "/chat/x", Some("a=:/b")));
        assert_eq!(Address::parse("tcp://localhost/chat"), Err(AddressError::Port));
        assert_eq!(Address::parse("unix:/run/app.sock"), Err(AddressError::Namespace));
    }

    #[test]
    fn what_is_no_address_is_named() {
        let check = |url: &str, expected| assert_eq!(Address::parse(url).unwrap_err(), expected, "{url}");
        check("ftp://localhost/", AddressError::Scheme);
        check("/chat", AddressError::Scheme);
        check("localhost:3000", AddressError::Scheme);
        check("ws://ann:secret@localhost/", AddressError::Credentials);
        assert!(matches!(Address::parse("ws://a b/"), Err(AddressError::Invalid(_))));
        assert!(matches!(Address::parse(""), Err(AddressError::Invalid(_))));
    }
}
