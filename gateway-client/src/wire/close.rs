//! Close codes and reasons (docs/protocol.md, "Close codes").

use std::time::Duration;

/// The grant of the server's guards has expired: new credentials are needed.
pub(crate) const EXPIRED: u16 = 4502;

/// Returns `true` if the code invites the client to reconnect.
pub(crate) fn invites_back(code: u16) -> bool {
    matches!(code, 1001 | 1005 | 1006 | 1011..=1015) || (code >= 3000 && code % 1000 < 500)
}

/// The pause that a close reason asks for. A number of more than nine digits is no pause.
pub(crate) fn pause_in(reason: &str) -> Duration {
    let pause = reason.strip_suffix(" ms").and_then(|reason| {
        let (before, digits) = reason.rsplit_once("retry after ")?;
        let is_word = before.chars().next_back().is_none_or(|last| !last.is_alphanumeric() && last != '_');
        let is_number = (1..=9).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
        (is_word && is_number).then(|| digits.parse().ok()).flatten()
    });
    Duration::from_millis(pause.unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_the_codes_invites_back() {
        for code in [1001, 1005, 1006, 1011, 1012, 1013, 1014, 1015, 3000, 3499, 4000, 4003, 4499] {
            assert!(invites_back(code), "{code}");
        }
        for code in [1000, 1002, 1003, 1007, 1008, 1009, 1010, 2999, 3500, 4500, 4501, 4502, 4503, 4999] {
            assert!(!invites_back(code), "{code}");
        }
    }

    #[test]
    fn a_reason_may_ask_for_a_pause() {
        let check = |reason, millis| assert_eq!(pause_in(reason), Duration::from_millis(millis), "{reason}");
        check("going away, retry after 1234 ms", 1234);
        check("retry after 0 ms", 0);
        check("retry after 999999999 ms", 999_999_999);
        check("retry after 1000000000 ms", 0);
        check("retry after 12 ms, or never", 0);
        check("retry after  ms", 0);
        check("retry after -5 ms", 0);
        check("wretry after 5 ms", 0);
        check("", 0);
    }
}
