//! The first packet of a session.

use std::time::Duration;

use serde::Serialize;

/// Data of the packet that opens a session.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OpenPacket<'a> {
    pub(crate) session: &'a str,
    /// Transports the client may upgrade to.
    pub(crate) upgrades: &'a [&'a str],
    pub(crate) ping_interval: Duration,
    pub(crate) ping_timeout: Duration,
    /// Maximum size of a body or message, in bytes.
    pub(crate) max_payload: usize,
}

impl OpenPacket<'_> {
    /// Encodes the packet with its type; members are in the reference server's order.
    pub(crate) fn packet(&self) -> String {
        let Self { session, upgrades, ping_interval, ping_timeout, max_payload } = *self;
        let members = OpenMembers {
            sid: session,
            upgrades,
            ping_interval: milliseconds(ping_interval),
            ping_timeout: milliseconds(ping_timeout),
            max_payload,
        };
        let json = serde_json::to_string(&members).expect("text and numbers");
        format!("0{json}")
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OpenMembers<'a> {
    sid: &'a str,
    upgrades: &'a [&'a str],
    ping_interval: u64,
    ping_timeout: u64,
    max_payload: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_members_stand_in_the_order_of_the_reference() {
        let open = OpenPacket {
            session: "a-b_c",
            upgrades: &["websocket"],
            ping_interval: Duration::from_secs(25),
            ping_timeout: Duration::from_millis(200),
            max_payload: 1_000_000,
        };
        let expected =
            r#"0{"sid":"a-b_c","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":200,"maxPayload":1000000}"#;
        assert_eq!(open.packet(), expected);
        assert!(OpenPacket { upgrades: &[], ..open }.packet().contains(r#""upgrades":[],"#));
    }
}
