//! Close codes and their meaning for reconnecting.

use std::borrow::Cow;
use std::fmt;

/// The code in a close frame (RFC 6455 §7.4).
///
/// Codes from 4000 to 4499 ask the client to reconnect, codes from 4500 to 4999 not to.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub struct CloseCode(u16);

impl CloseCode {
    /// The purpose of the connection is fulfilled.
    pub const NORMAL: Self = Self(1000);
    /// The server is stopping.
    pub const GOING_AWAY: Self = Self(1001);
    /// RFC 6455 was violated.
    pub const PROTOCOL_ERROR: Self = Self(1002);
    /// The peer violated a protocol that has no close codes. Never on the wire, only used as a reason.
    pub(crate) const NO_STATUS: Self = Self(1005);
    /// A text was not UTF-8.
    pub const INVALID_UTF8: Self = Self(1007);
    /// The application's policy was violated.
    pub const POLICY: Self = Self(1008);
    /// A message exceeded the limit.
    pub const TOO_BIG: Self = Self(1009);
    /// A hook failed unexpectedly.
    pub const INTERNAL: Self = Self(1011);
    /// The server is stopping and another one replaces it.
    pub const SERVICE_RESTART: Self = Self(1012);
    /// The outbox was full.
    pub const TOO_SLOW: Self = Self(4000);
    /// No pong arrived in time.
    pub const HEARTBEAT_TIMEOUT: Self = Self(4001);
    /// The connect hook took too long.
    pub const CONNECT_TIMEOUT: Self = Self(4002);
    /// The connection reached its maximum lifetime; the client should reconnect.
    pub const LIFETIME: Self = Self(4003);
    /// A guard or the connect hook refused.
    pub const REFUSED: Self = Self(4500);
    /// The application disconnected the socket.
    pub const DISCONNECTED: Self = Self(4501);
    /// A guard's grant has expired; reconnecting requires new credentials.
    pub const EXPIRED: Self = Self(4502);
    /// The client has resumed its session on another connection.
    pub const RESUMED: Self = Self(4503);

    /// Creates a code of the application's own.
    ///
    /// # Panics
    ///
    /// When `code` is invalid in a close frame: it must be 1000 to 1003, 1007 to 1014 or 3000 to 4999
    /// (RFC 6455 §7.4.2). In a `const` this is a compile error.
    #[must_use]
    pub const fn new(code: u16) -> Self {
        assert!(Self::is_sendable(code), "this close code may not stand in a close frame (RFC 6455 §7.4)");
        Self(code)
    }

    /// The number.
    #[must_use]
    pub const fn as_u16(self) -> u16 {
        self.0
    }

    /// Returns `true` if a client closed with this code should reconnect.
    #[must_use]
    pub const fn may_reconnect(self) -> bool {
        matches!(self.0, 1001 | 1005 | 1006 | 1011..=1014 | 3000..=3499 | 4000..=4499)
    }

    /// Wraps a code received from a peer, which may be one that endpoints must not send.
    pub(crate) const fn received(code: u16) -> Self {
        Self(code)
    }

    /// Returns `true` for codes of violations of RFC 6455 itself, or of a limit.
    pub(crate) const fn is_of_the_protocol(self) -> bool {
        matches!(self, Self::PROTOCOL_ERROR | Self::INVALID_UTF8 | Self::POLICY | Self::TOO_BIG)
    }

    /// RFC 6455 §7.4.1: 1004 to 1006 and 1015 are never on the wire; below 1000 and from 5000 up nothing is defined.
    pub(crate) const fn is_sendable(code: u16) -> bool {
        matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
    }
}

impl fmt::Debug for CloseCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "CloseCode({})", self.0)
    }
}

impl fmt::Display for CloseCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

#[cfg(feature = "config")]
impl<'de> serde::Deserialize<'de> for CloseCode {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let code = u16::deserialize(deserializer)?;
        let wrong = || serde::de::Error::custom(format_args!("{code} may not stand in a close frame (RFC 6455 §7.4)"));
        if Self::is_sendable(code) { Ok(Self(code)) } else { Err(wrong()) }
    }
}

#[cfg(feature = "config")]
impl serde::Serialize for CloseCode {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u16(self.0)
    }
}

#[cfg(feature = "config")]
crate::options::setting::setting!(CloseCode);

/// The close code and reason that end a connection.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Disconnect {
    /// The code; tells the client whether to reconnect.
    pub code: CloseCode,
    /// A reason for humans; at most 123 bytes reach the client (RFC 6455 §5.5).
    pub reason: Cow<'static, str>,
}

impl Disconnect {
    /// Creates a disconnect with this code and reason.
    pub fn new(code: CloseCode, reason: impl Into<Cow<'static, str>>) -> Self {
        Self { code, reason: reason.into() }
    }

    /// The reason, cut at a character boundary to fit in a close frame.
    pub(crate) fn wire_reason(&self) -> &str {
        &self.reason[..self.reason.floor_char_boundary(123)]
    }
}

impl Default for Disconnect {
    fn default() -> Self {
        Self::new(CloseCode::DISCONNECTED, "disconnected")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reconnecting_is_decided_by_the_code() {
        let check = |code: u16, expected: bool| {
            assert_eq!(CloseCode::received(code).may_reconnect(), expected, "{code}");
        };
        for code in [1001, 1006, 1011, 1012, 1013, 4000, 4001, 4499] {
            check(code, true);
        }
        for code in [1000, 1002, 1007, 1008, 1009, 4500, 4501, 4999] {
            check(code, false);
        }
    }

    #[test]
    fn a_long_reason_is_cut_between_characters() {
        let disconnect = Disconnect::new(CloseCode::NORMAL, "ä".repeat(100));
        assert_eq!(disconnect.wire_reason().len(), 122);
    }
}
