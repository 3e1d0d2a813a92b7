//! The check of page origins. A browser sends the page's origin; other programs may omit it.

use http::header::{HOST, HeaderMap, ORIGIN};

/// The allowed origins. By default a page must be of the host it connects to.
#[derive(Clone, Debug, Default)]
pub(crate) struct OriginPolicy {
    any: bool,
    allowed: Vec<String>,
}

impl OriginPolicy {
    pub(crate) fn allow(&mut self, origin: &str) {
        self.allowed.push(normal(origin));
    }

    pub(crate) fn allow_any(&mut self) {
        self.any = true;
    }

    /// Returns `true` if the page may connect (RFC 6455 §10.2). A request without `Origin` is not from a browser, so no page
    /// has tricked its user into connecting.
    pub(crate) fn admits(&self, headers: &HeaderMap) -> bool {
        has_none(headers)
            || self.names(headers).is_some()
            || single_origin(headers).is_some_and(|origin| is_same_host(&origin, headers))
    }

    /// The rule that allows the page of this request; `None` if the page is refused, or is of the same host.
    pub(crate) fn names(&self, headers: &HeaderMap) -> Option<Allowed> {
        if single_origin(headers).is_some_and(|origin| self.allowed.contains(&origin)) {
            return Some(Allowed::ByName);
        }
        self.any.then_some(Allowed::AsAny)
    }

    /// The allowed origins; `None` if all are allowed.
    pub(crate) fn allowed(&self) -> Option<&[String]> {
        (!self.any).then_some(&self.allowed)
    }

    /// Returns `true` if pages of any other host are allowed.
    pub(crate) fn is_open(&self) -> bool {
        self.any || !self.allowed.is_empty()
    }
}

/// The rule that allows a page of another host.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Allowed {
    ByName,
    AsAny,
}

/// Returns `true` if there is no origin. An empty one counts as none; `null` is sent by browsers for opaque origins.
fn has_none(headers: &HeaderMap) -> bool {
    let mut lines = headers.get_all(ORIGIN).iter();
    lines.next().is_none_or(|line| line.is_empty() && lines.next().is_none())
}

fn single_origin(headers: &HeaderMap) -> Option<String> {
    let mut lines = headers.get_all(ORIGIN).iter();
    let origin = lines.next()?.to_str().ok()?;
    lines.next().is_none().then(|| normal(origin))
}

/// Compares host and port, but not the scheme, because a proxy may terminate TLS.
fn is_same_host(origin: &str, headers: &HeaderMap) -> bool {
    let Some((scheme, authority)) = origin.split_once("://") else { return false };
    let default_port = match scheme {
        "http" | "ws" => ":80",
        "https" | "wss" => ":443",
        _ => return false,
    };
    // RFC 9112 §3.2: a request with two hosts is invalid.
    let mut hosts = headers.get_all(HOST).iter();
    let (Some(host), None) = (hosts.next().and_then(|host| host.to_str().ok()), hosts.next()) else { return false };
    let host = host.trim().to_ascii_lowercase();
    authority == host.strip_suffix(default_port).unwrap_or(&host)
}

/// RFC 6454 §6.2, with the default port left out as browsers do.
fn normal(origin: &str) -> String {
    let origin = origin.trim().trim_end_matches('/').to_ascii_lowercase();
    let is_encrypted = origin.starts_with("https:") || origin.starts_with("wss:");
    let default_port = if is_encrypted { ":443" } else { ":80" };
    origin.strip_suffix(default_port).unwrap_or(&origin).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_host_and_the_allowed_ones_are_admitted() {
        let mut policy = OriginPolicy::default();
        policy.allow("https://app.example.com");
        let check = |origin: &str, host: &str, expected: bool| {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, host.parse().unwrap());
            headers.insert(ORIGIN, origin.parse().unwrap());
            assert_eq!(policy.admits(&headers), expected, "{origin} at {host}");
        };
        check("https://good.com", "good.com", true);
        check("http://good.com", "good.com:80", true);
        check("HTTPS://GOOD.com", "good.com", true);
        check("https://good.com:443", "good.com", true);
        check("http://good.com:3000", "good.com:3000", true);
        check("ws://good.com:3000", "good.com:3000", true);
        check("wss://good.com:443", "good.com", true);
        check("ws://good.com", "good.com:80", true);
        check("", "good.com", true);
        check("ws://evil.com:3000", "good.com:3000", false);
        check("wss://good.com:80", "good.com", false);
        check("wss://app.example.com", "good.com", false);
        check("http://good.com:3001", "good.com:3000", false);
        check("http://good.com", "good.com:3000", false);
        check("https://good.com.evil.com", "good.com", false);
        check("https://evil.com", "good.com", false);
        check("null", "good.com", false);
        check("file://good.com", "good.com", false);
        check("https://app.example.com", "good.com", true);
        check("http://app.example.com", "good.com", false);
    }
}
