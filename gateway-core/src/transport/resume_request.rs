//! Where a client of the plain protocol asks to resume after a lost connection (`docs/protocol.md`, "Coming back").

use crate::transport::Query;

/// The offset of a client that has read no event.
const START: &str = "0";

/// A plain client's request concerning recovery.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum ResumeRequest {
    /// The client requests the data to resume later.
    Later,
    /// The client resumes the socket with this key and has received the events up to this offset.
    Now { key: String, offset: String },
}

/// Returns the `resume` entry of the subprotocols in `lines`, or else the query's `resume` and `offset`.
pub(crate) fn read<'a>(lines: impl Iterator<Item = &'a str>, query: &Query) -> Option<ResumeRequest> {
    from_subprotocol(lines).or_else(|| Some(ResumeRequest::new(query.first("resume")?, query.first("offset"))))
}

/// Reads the header `Last-Event-ID` of an `EventSource` that reconnects: `<key>.<offset>`.
pub(crate) fn from_last_event_id(header: &str) -> Option<ResumeRequest> {
    let (key, offset) = header.trim().split_once('.')?;
    Some(ResumeRequest::new(key, Some(offset)))
}

/// Parses `resume`, or `resume.<key>.<offset>`.
fn from_subprotocol<'a>(lines: impl Iterator<Item = &'a str>) -> Option<ResumeRequest> {
    let mut entries = lines.flat_map(|line| line.split(',')).map(str::trim);
    entries.find_map(|entry| match entry.strip_prefix("resume")? {
        "" => Some(ResumeRequest::Later),
        named => {
            let mut members = named.strip_prefix('.')?.splitn(2, '.');
            Some(ResumeRequest::new(members.next()?, members.next()))
        }
    })
}

impl ResumeRequest {
    fn new(key: &str, offset: Option<&str>) -> Self {
        if key.is_empty() {
            return Self::Later;
        }
        Self::Now { key: key.to_owned(), offset: offset.unwrap_or(START).to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    fn check(protocols: &str, query: &str, expected: Option<&ResumeRequest>) {
        let read = read(std::iter::once(protocols), &Query::parse(query));
        assert_eq!(read.as_ref(), expected, "{protocols} {query}");
    }

    fn now(key: &str, offset: &str) -> ResumeRequest {
        ResumeRequest::Now { key: key.to_owned(), offset: offset.to_owned() }
    }

    #[test]
    fn an_event_id_names_the_key_and_the_offset() {
        assert_eq!(from_last_event_id(" k-_.12"), Some(now("k-_", "12")));
        assert_eq!(from_last_event_id("12"), None);
        assert_eq!(from_last_event_id(""), None);
    }

    #[test]
    fn the_subprotocol_comes_before_the_query() {
        check("gateway.v1", "room=a", None);
        check("gateway.v1", "resume", Some(&ResumeRequest::Later));
        check("gateway.v1", "resume=&offset=3", Some(&ResumeRequest::Later));
        check("gateway.v1", "resume=k-_&offset=3", Some(&now("k-_", "3")));
        check("gateway.v1", "resume=k", Some(&now("k", "0")));
        check("gateway.v1, resume", "resume=k&offset=3", Some(&ResumeRequest::Later));
        check("gateway.v1, resume.k-_.3", "", Some(&now("k-_", "3")));
        check("resume.k", "", Some(&now("k", "0")));
        check("resume.k.3.4", "", Some(&now("k", "3.4")));
        check("resume.", "", Some(&ResumeRequest::Later));
        check("resumed.k.3", "", None);
    }
}
