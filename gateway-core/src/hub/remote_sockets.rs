//! Descriptions of this node's sockets as other nodes get them.

use std::sync::Arc;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};

use crate::hub::cluster::RecordSource;
use crate::hub::{Space, Target};
use crate::protocol::cluster::{HandshakeSummary, RemoteSocket, StoredSession, USER_ROOM};
use crate::protocol::entry_of;
use crate::session::{Session, SocketId};
use crate::transport::Handshake;

/// Headers that carry credentials. They stay on their node.
const SECRET: [&str; 4] = ["authorization", "cookie", "proxy-authorization", "sec-websocket-protocol"];

/// Parameters of a query that let their holder in.
const SECRET_PARAMETERS: [&str; 3] = ["auth", "resume", "sid"];

/// The data that a socket's handlers made public.
#[derive(Debug)]
pub(crate) struct PublicData(pub(crate) Value);

/// Describes the selected sockets of this node.
pub(crate) fn describe(target: &Target) -> Vec<RemoteSocket> {
    let recipients = target.select();
    let here = recipients.iter().filter(|session| !session.is_away());
    here.map(|session| describe_session(target, session)).collect()
}

fn describe_session(target: &Target, session: &Arc<Session>) -> RemoteSocket {
    let mut socket = RemoteSocket::new(session.id.as_str());
    socket.rooms.push(session.id.as_str().to_owned());
    socket.rooms.extend(target.space().every_room_of(&session.id));
    socket.handshake = summary(&session.handshake);
    if let Some(data) = session.state.find::<PublicData>() {
        socket.data = data.0.clone();
    }
    socket
}

/// A handshake without its credentials.
pub(super) fn summary(handshake: &Handshake) -> HandshakeSummary {
    let mut headers = Map::new();
    for (name, value) in handshake.headers() {
        if let (false, Ok(value)) = (SECRET.contains(&name.as_str()), value.to_str()) {
            headers.entry(name.as_str()).or_insert_with(|| value.into());
        }
    }
    let query: Map<String, Value> =
        open_queries(handshake).map(|(name, value)| (name.to_owned(), value.into())).collect();
    HandshakeSummary {
        // As Node has it: pages name their origin, also that of the server itself.
        xdomain: headers.contains_key("origin"),
        headers: Value::Object(headers),
        time: javascript_date(handshake.issued()),
        address: handshake.address().map(|address| address.to_string()).unwrap_or_default(),
        secure: handshake.is_encrypted(),
        issued: handshake.issued(),
        url: url(handshake),
        query: Value::Object(query),
        ..HandshakeSummary::default()
    }
}

impl RecordSource for Space {
    fn describe(&self, session: &Session, node: &str) -> StoredSession {
        let key = session.recovery_key().map_or("", SocketId::as_str);
        let mut stored = StoredSession::new(key, session.id.as_str());
        stored.rooms.push(session.id.as_str().to_owned());
        stored.rooms.extend(self.every_room_of(&session.id));
        // Compared with the record in the store, where the order counts.
        stored.rooms.sort_unstable();
        stored.user = stored.rooms.iter().find_map(|room| room.strip_prefix(USER_ROOM)).map(str::to_owned);
        stored.data = session.state.find::<PublicData>().map_or_else(|| serde_json::json!({}), |data| data.0.clone());
        stored.namespace = Some(self.name.to_string());
        stored.format = Some(session.format.family().to_owned());
        stored.node = Some(node.to_owned());
        stored.start = session.recovery.as_ref().and_then(|recovery| recovery.start()).map(entry_of);
        stored
    }

    fn has_session(&self, session: &Session) -> bool {
        self.has(session)
    }
}

fn open_queries(handshake: &Handshake) -> impl Iterator<Item = (&str, &str)> {
    handshake.queries().filter(|(name, _)| !SECRET_PARAMETERS.contains(name))
}

/// The path and the query of the request, without credentials.
fn url(handshake: &Handshake) -> String {
    let mut url = utf8_percent_encode(handshake.request_path(), PATH).to_string();
    for (place, (name, value)) in open_queries(handshake).enumerate() {
        url.push(if place == 0 { '?' } else { '&' });
        url.extend(utf8_percent_encode(name, PARAMETER));
        url.push('=');
        url.extend(utf8_percent_encode(value, PARAMETER));
    }
    url
}

/// Characters of a parameter that are written as they are: the unreserved ones of RFC 3986 §2.3.
const PARAMETER: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// Those and the slash.
const PATH: &AsciiSet = &PARAMETER.remove(b'/');

/// A time in milliseconds since 1970 as `new Date() + ""` is in JavaScript, on a machine whose clock shows UTC (ECMA-262
/// §21.4.4.41).
fn javascript_date(milliseconds: u64) -> String {
    const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (seconds, name) =
        (milliseconds / 1000, |names: &[&'static str], at: u64| names[usize::try_from(at).unwrap_or(0)]);
    let (days, clock) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = civil_date(days);
    let (weekday, month) = (name(&WEEKDAYS, days % 7), name(&MONTHS, month));
    let (hour, minute, second) = (clock / 3600, clock / 60 % 60, clock % 60);
    format!(
        "{weekday} {month} {day:02} {year:04} {hour:02}:{minute:02}:{second:02} GMT+0000 (Coordinated Universal Time)"
    )
}

/// A time in milliseconds since 1970 as `toJSON` of a `Date` writes it (ECMA-262 §21.4.1.32).
#[cfg(feature = "admin")]
pub(crate) fn iso_date(milliseconds: u64) -> String {
    let (seconds, rest) = (milliseconds / 1000, milliseconds % 1000);
    let (year, month, day) = civil_date(seconds / 86_400);
    let clock = seconds % 86_400;
    let (hour, minute, second) = (clock / 3600, clock / 60 % 60, clock % 60);
    format!("{year:04}-{:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{rest:03}Z", month + 1)
}

/// Year, month from 0, and day of the month of a day counted from 1970-01-01. Counts in years that begin in March, so that
/// a leap day is the last of its year.
fn civil_date(days: u64) -> (u64, u64, u64) {
    // Days since 0000-03-01.
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let year = 400 * era + year_of_era + u64::from(month >= 10);
    (year, (month + 2) % 12, day)
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    #[test]
    fn a_time_is_written_as_node_writes_it() {
        for (milliseconds, expected) in [
            (0, "Thu Jan 01 1970 00:00:00"),
            (951_827_696_789, "Tue Feb 29 2000 12:34:56"),
            (1_709_251_199_000, "Thu Feb 29 2024 23:59:59"),
            (1_735_689_600_000, "Wed Jan 01 2025 00:00:00"),
            (1_796_083_199_999, "Mon Nov 30 2026 23:59:59"),
            (4_107_542_400_000, "Mon Mar 01 2100 00:00:00"),
        ] {
            let expected = format!("{expected} GMT+0000 (Coordinated Universal Time)");
            assert_eq!(javascript_date(milliseconds), expected, "{milliseconds}");
        }
    }

    #[cfg(feature = "admin")]
    #[test]
    fn a_time_is_written_as_json_has_it() {
        for (milliseconds, expected) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_827_696_789, "2000-02-29T12:34:56.789Z"),
            (1_796_083_199_009, "2026-11-30T23:59:59.009Z"),
        ] {
            assert_eq!(iso_date(milliseconds), expected, "{milliseconds}");
        }
    }

    #[test]
    fn a_summary_has_what_node_shows_and_no_credentials() {
        let mut headers = HeaderMap::new();
        headers.insert("origin", "https://example.com".parse().unwrap());
        headers.insert("cookie", "session=secret".parse().unwrap());
        let query = "EIO=4&transport=polling&name=a%20b&auth=secret&resume=secret&sid=secret";
        let request = Handshake::new("/socket.io/".into(), query, &headers, None).with_encryption(true);
        let summary = summary(&request.for_namespace("/chat".into(), Vec::new(), None));
        assert_eq!(summary.url, "/socket.io/?EIO=4&transport=polling&name=a%20b");
        assert_eq!(summary.query, serde_json::json!({"EIO": "4", "transport": "polling", "name": "a b"}));
        assert!(summary.xdomain && summary.secure && summary.issued > 1_700_000_000_000, "{summary:?}");
        assert_eq!(summary.time, javascript_date(summary.issued));
        assert!(!serde_json::to_string(&summary).unwrap().contains("secret"));
    }
}
