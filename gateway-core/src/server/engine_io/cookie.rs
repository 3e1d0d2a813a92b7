//! A cookie that names the session, for load balancers that send a client to the same node each time.

use std::fmt;
use std::time::Duration;

use http::HeaderValue;

/// A cookie with the session's id, set by the answer to a handshake. Default: `io`, for the path `/`, hidden from
/// scripts, `SameSite=Lax`. The id is a secret of its client, as a password is.
///
/// ```
/// use gateway_core::{SessionCookie, SocketIo};
///
/// let options = SocketIo::new().cookie(SessionCookie::new("sticky").secure(true));
/// ```
#[derive(Clone, Debug)]
pub struct SessionCookie {
    name: String,
    path: Option<String>,
    domain: Option<String>,
    max_age: Option<Duration>,
    http_only: bool,
    secure: bool,
    same_site: SameSite,
}

/// Which requests of other sites a cookie goes with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum SameSite {
    /// With none.
    Strict,
    /// With those that open a page.
    Lax,
    /// With all; browsers ask for a secure cookie then.
    None,
}

impl Default for SessionCookie {
    fn default() -> Self {
        Self::new("io")
    }
}

impl SessionCookie {
    /// A cookie of this name.
    ///
    /// # Panics
    ///
    /// When the name may not be that of a cookie (RFC 6265 §4.1.1).
    pub fn new(name: impl Into<String>) -> Self {
        let name = name.into();
        assert!(!name.is_empty() && name.bytes().all(is_token), "`{name}` may not be the name of a cookie");
        Self {
            name,
            path: Some("/".to_owned()),
            domain: None,
            max_age: None,
            http_only: true,
            secure: false,
            same_site: SameSite::Lax,
        }
    }

    /// The path it is sent with. Default `/`.
    ///
    /// # Panics
    ///
    /// When the text may not stand in a cookie.
    #[must_use]
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = Some(attribute(path.into()));
        self
    }

    /// The domain it is sent to. Default: the host alone.
    ///
    /// # Panics
    ///
    /// When the text may not stand in a cookie.
    #[must_use]
    pub fn domain(mut self, domain: impl Into<String>) -> Self {
        self.domain = Some(attribute(domain.into()));
        self
    }

    /// How long a browser keeps it. Default: as long as it runs.
    #[must_use]
    pub fn max_age(mut self, time: Duration) -> Self {
        self.max_age = Some(time);
        self
    }

    /// Whether scripts cannot read it. Default on.
    #[must_use]
    pub fn http_only(mut self, on: bool) -> Self {
        self.http_only = on;
        self
    }

    /// Whether it is sent over TLS only. Default off.
    #[must_use]
    pub fn secure(mut self, on: bool) -> Self {
        self.secure = on;
        self
    }

    /// Which requests of other sites it goes with. Default [`SameSite::Lax`].
    #[must_use]
    pub fn same_site(mut self, which: SameSite) -> Self {
        self.same_site = which;
        self
    }

    /// The header's value for this session.
    pub(super) fn header(&self, id: &str) -> HeaderValue {
        let mut value = HeaderValue::try_from(self.of(id).to_string()).expect("each part was checked");
        value.set_sensitive(true);
        value
    }

    fn of<'a>(&'a self, id: &'a str) -> Written<'a> {
        Written { cookie: self, id }
    }
}

struct Written<'a> {
    cookie: &'a SessionCookie,
    id: &'a str,
}

impl fmt::Display for Written<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SessionCookie { name, path, domain, max_age, http_only, secure, same_site } = self.cookie;
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
fn attribute(text: String) -> String {
    assert!(text.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b';'), "`{text}` may not stand in a cookie");
    text
}

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
    #[should_panic(expected = "may not be the name of a cookie")]
    fn a_name_that_would_break_the_header_is_refused() {
        let _ = SessionCookie::new("a=b; Domain");
    }
}
