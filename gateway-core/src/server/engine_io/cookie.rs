//! A cookie with the session's id, for sticky load balancing. It is written and never read; the crate `cookie` would
//! add seven crates to the tree.

use std::fmt;
use std::time::Duration;

use http::HeaderValue;

use crate::gateway::Problem;

/// A cookie with the session's id, set in the response to a handshake. Default: `io`, with path `/`, hidden from
/// scripts, `SameSite=Lax`. The id is the client's secret, like a password.
///
/// ```
/// use gateway_core::socket_io::{SessionCookie, SocketIo};
///
/// let options = SocketIo::new().cookie(SessionCookie::new("sticky").secure(true));
/// ```
#[derive(Clone, Debug)]
#[cfg_attr(feature = "config", derive(serde::Deserialize), serde(try_from = "CookieTable"))]
#[must_use = "options do nothing before a server has them"]
pub struct SessionCookie {
    name: String,
    path: Option<String>,
    domain: Option<String>,
    max_age: Option<Duration>,
    http_only: bool,
    secure: bool,
    same_site: SameSite,
    problems: Vec<Problem>,
}

/// A cookie's `SameSite` attribute: the cross-site requests that carry the cookie.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "config", derive(serde::Deserialize), serde(rename_all = "lowercase"))]
#[non_exhaustive]
pub enum SameSite {
    /// No cross-site requests.
    Strict,
    /// Cross-site requests that open a page.
    Lax,
    /// All requests. Browsers then require a secure cookie.
    None,
}

impl Default for SessionCookie {
    fn default() -> Self {
        Self::new("io")
    }
}

impl SessionCookie {
    /// Creates a cookie with this name. A name that is invalid in a cookie fails the start.
    #[track_caller]
    pub fn new(name: impl Into<String>) -> Self {
        let name = name.into();
        let is_name = !name.is_empty() && name.bytes().all(is_token);
        let problems = if is_name { Vec::new() } else { vec![Problem::cookie_name(&name)] };
        Self {
            name,
            path: Some("/".to_owned()),
            domain: None,
            max_age: None,
            http_only: true,
            secure: false,
            same_site: SameSite::Lax,
            problems,
        }
    }

    /// Sets the cookie's path. Default `/`.
    /// A text that is invalid in a cookie fails the start.
    #[track_caller]
    pub fn path(mut self, path: impl Into<String>) -> Self {
        let path = path.into();
        if !is_attribute(&path) {
            self.problems.push(Problem::cookie_attribute(&path));
        }
        self.path = Some(path);
        self
    }

    /// Sets the cookie's domain. Default: the host alone.
    /// A text that is invalid in a cookie fails the start.
    #[track_caller]
    pub fn domain(mut self, domain: impl Into<String>) -> Self {
        let domain = domain.into();
        if !is_attribute(&domain) {
            self.problems.push(Problem::cookie_attribute(&domain));
        }
        self.domain = Some(domain);
        self
    }

    /// Sets the cookie's lifetime. Default: until the browser closes.
    pub fn max_age(mut self, time: Duration) -> Self {
        self.max_age = Some(time);
        self
    }

    /// Hides the cookie from scripts. Default on.
    pub fn http_only(mut self, on: bool) -> Self {
        self.http_only = on;
        self
    }

    /// Restricts the cookie to TLS. Default off.
    pub fn secure(mut self, on: bool) -> Self {
        self.secure = on;
        self
    }

    /// Sets the `SameSite` attribute. Default [`SameSite::Lax`].
    pub fn same_site(mut self, which: SameSite) -> Self {
        self.same_site = which;
        self
    }

    pub(crate) fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// Returns the header's value for a session.
    pub(super) fn header(&self, id: &str) -> HeaderValue {
        let mut value = HeaderValue::try_from(self.text(id).to_string()).expect("each part was checked");
        value.set_sensitive(true);
        value
    }

    fn text<'a>(&'a self, id: &'a str) -> CookieText<'a> {
        CookieText { cookie: self, id }
    }
}

struct CookieText<'a> {
    cookie: &'a SessionCookie,
    id: &'a str,
}

impl fmt::Display for CookieText<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SessionCookie { name, path, domain, max_age, http_only, secure, same_site, problems: _ } = self.cookie;
        write!(formatter, "{name}={}", self.id)?;
        if let Some(time) = max_age {
            write!(formatter, "; Max-Age={}", time.as_secs())?;
        }
        if let Some(domain) = domain {
            write!(formatter, "; Domain={domain}")?;
        }
        if let Some(path) = path {
            write!(formatter, "; Path={path}")?;
        }
        if *http_only {
            formatter.write_str("; HttpOnly")?;
        }
        if *secure {
            formatter.write_str("; Secure")?;
        }
        write!(formatter, "; SameSite={same_site:?}")
    }
}

/// RFC 9110 §5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// RFC 6265 §4.1.1: anything but controls and semicolons.
fn is_attribute(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b';')
}

/// [`SessionCookie`] in a configuration file.
#[cfg(feature = "config")]
#[derive(Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
struct CookieTable {
    name: Option<String>,
    path: Option<String>,
    domain: Option<String>,
    #[serde(deserialize_with = "crate::options::setting::deserialize")]
    max_age: Option<Duration>,
    http_only: Option<bool>,
    secure: Option<bool>,
    same_site: Option<SameSite>,
}

#[cfg(feature = "config")]
impl TryFrom<CookieTable> for SessionCookie {
    type Error = String;

    fn try_from(table: CookieTable) -> Result<Self, String> {
        let CookieTable { name, path, domain, max_age, http_only, secure, same_site } = table;
        let mut cookie = name.map_or_else(Self::default, Self::new);
        if let Some(path) = path {
            cookie = cookie.path(path);
        }
        if let Some(domain) = domain {
            cookie = cookie.domain(domain);
        }
        cookie.max_age = max_age;
        cookie.http_only = http_only.unwrap_or(cookie.http_only);
        cookie.secure = secure.unwrap_or(cookie.secure);
        cookie.same_site = same_site.unwrap_or(cookie.same_site);
        match cookie.problems.first() {
            Some(problem) => Err(problem.what().to_owned()),
            None => Ok(cookie),
        }
    }
}

#[cfg(feature = "config")]
crate::options::setting::readable!(SessionCookie);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_written_as_the_reference_does() {
        let check = |cookie: SessionCookie, expected: &str| assert_eq!(cookie.header("abc"), expected);
        check(SessionCookie::default(), "io=abc; Path=/; HttpOnly; SameSite=Lax");
        let all = SessionCookie::new("sticky").domain("example.com").path("/chat").max_age(Duration::from_mins(1));
        let all = all.http_only(false).secure(true).same_site(SameSite::None);
        check(all, "sticky=abc; Max-Age=60; Domain=example.com; Path=/chat; Secure; SameSite=None");
    }

    #[test]
    fn a_text_that_would_break_the_header_is_a_problem_of_the_start() {
        let check = |cookie: SessionCookie, expected: usize| assert_eq!(cookie.problems().len(), expected);
        check(SessionCookie::default(), 0);
        check(SessionCookie::new("a=b; Domain"), 1);
        check(SessionCookie::new("").path("/; Secure").domain("a\r\nb"), 3);
    }
}
