//! The first packet of a session.

use std::time::Duration;

use serde::Serialize;

/// What the server tells a client that opens a session.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Open<'a> {
    pub(crate) session: &'a str,
    /// Transports the client may change to.
    pub(crate) upgrades: &'a [&'a str],
    pub(crate) ping_interval: Duration,
    pub(crate) ping_timeout: Duration,
    /// Bytes of the largest body or message the server takes.
    pub(crate) max_payload: usize,
}

impl Open<'_> {
    /// The packet, its type included; the members in the order the reference writes them.
    pub(crate) fn packet(&self) -> String {
        let Self { session, upgrades, ping_interval, ping_timeout, max_payload } = *self;
        let members = Members {
            sid: session,
            upgrades,
            ping_interval: ping_interval.as_millis(),
            ping_timeout: ping_timeout.as_millis(),
            max_payload,
        };
        let json = serde_json::to_string(&members).expect("text and numbers");
        format!("0{json}")
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Members<'a> {
    sid: &'a str,
    upgrades: &'a [&'a str],
    ping_interval: u128,
    ping_timeout: u128,
    max_payload: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_members_stand_in_the_order_of_the_reference() {
        let open = Open {
            session: "a-b_c",
            upgrades: &["websocket"],
            ping_interval: Duration::from_secs(25),
            ping_timeout: Duration::from_millis(200),
            max_payload: 1_000_000,
        };
        let expected =
            r#"0{"sid":"a-b_c","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":200,"maxPayload":1000000}"#;
        assert_eq!(open.packet(), expected);
        assert!(Open { upgrades: &[], ..open }.packet().contains(r#""upgrades":[],"#));
    }
}
