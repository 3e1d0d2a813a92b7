//! Address of a namespace.

use http::Uri;
use http::uri::PathAndQuery;

/// A fault of an address.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// The text is no URL.
    #[error("this is no URL: {0}")]
    Invalid(String),
    /// The scheme is none of `ws`, `wss`, `http` and `https`.
    #[error("a gateway is reached by ws:// or wss://")]
    Scheme,
    /// The URL has no host.
    #[error("the URL has no host")]
    Host,
    /// The URL has a user name or a password, which nobody would read.
    #[error("credentials are no part of the URL: use `auth` or a header")]
    Credentials,
}

/// Address of a namespace: `ws://host:port/path?query`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Address {
    /// Without the brackets of IPv6.
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) is_tls: bool,
    /// As the header `Host` has it.
    pub(crate) authority: String,
    pub(crate) path: String,
    pub(crate) query: Option<String>,
}

impl Address {
    pub(crate) fn parse(url: &str) -> Result<Self, AddressError> {
        let uri: Uri = url.parse().map_err(|error: http::uri::InvalidUri| AddressError::Invalid(error.to_string()))?;
        let is_tls = match uri.scheme_str().map(str::to_ascii_lowercase).as_deref() {
            Some("ws" | "http") => false,
            Some("wss" | "https") => true,
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
        Ok(Self {
            host: host.to_owned(),
            port: authority.port_u16().unwrap_or(default),
            is_tls,
            authority: authority.as_str().to_owned(),
            path: uri.path().to_owned(),
            query: uri.path_and_query().and_then(PathAndQuery::query).map(str::to_owned),
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
