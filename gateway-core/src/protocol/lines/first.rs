//! The first message of a client: the namespace that it is for, its credentials, and what it resumes.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::protocol::lines::decoder::{LENGTH, line_feed};
use crate::protocol::msgpack::{MsgpackLimits, MsgpackReader};

/// A first message, decoded.
#[derive(Debug, PartialEq)]
pub(crate) struct FirstMessage {
    /// The namespace's path, which may have a query.
    pub(crate) path: String,
    /// JSON of the credentials.
    pub(crate) auth: Option<String>,
    pub(crate) resume: Option<ResumeMembers>,
    /// Names and values that guards read as the headers of a request.
    pub(crate) headers: Vec<(String, String)>,
}

/// A request concerning recovery: the key and the offset are missing if the client has nothing to resume yet.
#[derive(Debug, Default, PartialEq, Deserialize)]
pub(crate) struct ResumeMembers {
    pub(crate) key: String,
    #[serde(default)]
    pub(crate) offset: u64,
}

#[derive(Deserialize)]
struct FirstMembers<'a> {
    #[serde(borrow)]
    connect: Cow<'a, str>,
    #[serde(borrow, default)]
    auth: Option<&'a RawValue>,
    #[serde(borrow, default)]
    resume: Option<&'a RawValue>,
    #[serde(borrow, default)]
    headers: BTreeMap<Cow<'a, str>, Cow<'a, str>>,
}

/// Where the first message is in a client's first bytes.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum FoundFirst {
    /// More bytes are needed.
    Not,
    /// A line of this range, and the number of bytes up to its end.
    Line { start: usize, end: usize, taken: usize },
    /// A message of `MessagePack` of this range.
    Packed { start: usize, end: usize },
}

/// Looks for the first message. The first byte tells the framing: a length begins with 0, as a first message has less than
/// 16 MiB, and a JSON object with `{`. Anything else is refused at its first byte, so that a request of HTTP, which a page can
/// make to any port, never reaches what its body says. `searched` is the number of bytes
/// that were passed before; `most` is the limit of the message.
///
/// # Errors
///
/// Text for the client.
pub(crate) fn find_first(bytes: &[u8], searched: usize, most: usize) -> Result<FoundFirst, Cow<'static, str>> {
    let start = bytes.iter().position(|byte| !byte.is_ascii_whitespace()).unwrap_or(bytes.len());
    let too_long = || Cow::from(format!("the first message has more than {most} bytes"));
    match bytes.get(start) {
        None if start > most => Err(too_long()),
        None => Ok(FoundFirst::Not),
        Some(b'{') => match line_feed(&bytes[start.max(searched)..]).map(|end| start.max(searched) + end) {
            Some(end) if end - start > most => Err(too_long()),
            Some(end) => Ok(FoundFirst::Line { start, end, taken: end + 1 }),
            None if bytes.len() - start > most => Err(too_long()),
            None => Ok(FoundFirst::Not),
        },
        Some(0) => {
            let Some((length, behind)) = bytes[start..].split_first_chunk::<LENGTH>() else {
                return Ok(FoundFirst::Not);
            };
            let length = u32::from_be_bytes(*length) as usize;
            if length > most {
                return Err(too_long());
            }
            let start = start + LENGTH;
            Ok(if behind.len() < length { FoundFirst::Not } else { FoundFirst::Packed { start, end: start + length } })
        }
        Some(0x16) => Err("this port takes lines of JSON without TLS".into()),
        Some(byte) if byte.is_ascii_uppercase() => Err("this port takes lines of JSON, and no HTTP".into()),
        Some(_) => Err(NOT_AN_OBJECT.into()),
    }
}

const NOT_AN_OBJECT: &str = "the first line is not a JSON object, such as {\"connect\":\"/chat\"}";

impl FirstMessage {
    /// Reads a line.
    ///
    /// # Errors
    ///
    /// Text for the client.
    pub(crate) fn from_line(line: &[u8]) -> Result<Self, Cow<'static, str>> {
        let text = std::str::from_utf8(line).map_err(|_| "the first line is not UTF-8")?;
        Self::from_json(text)
    }

    /// Reads a message of `MessagePack`.
    ///
    /// # Errors
    ///
    /// Text for the client.
    pub(crate) fn from_packed(message: &[u8], limits: MsgpackLimits) -> Result<Self, Cow<'static, str>> {
        let mut reader = MsgpackReader::new(message, limits);
        let (json, parts) = reader.json().map_err(|violation| violation.why)?;
        if !parts.is_empty() || !reader.is_empty() {
            return Err("the first message is one map without binary data".into());
        }
        Self::from_json(&json)
    }

    fn from_json(text: &str) -> Result<Self, Cow<'static, str>> {
        // Serde would read an array as a struct, member by member.
        if !text.trim_ascii_start().starts_with('{') {
            return Err(NOT_AN_OBJECT.into());
        }
        let unreadable = |error: serde_json::Error| Cow::from(format!("the first message cannot be read: {error}"));
        let FirstMembers { connect, auth, resume, headers } = serde_json::from_str(text).map_err(unreadable)?;
        let resume = resume.map(|resume| match resume.get() {
            "true" => Ok(Some(ResumeMembers::default())),
            "false" => Ok(None),
            object if object.starts_with('{') => serde_json::from_str(object).map(Some).map_err(unreadable),
            _ => Err("`resume` is neither a boolean nor an object with `key` and `offset`".into()),
        });
        Ok(Self {
            path: connect.into_owned(),
            auth: auth.map(|auth| auth.get().to_owned()),
            resume: resume.transpose()?.flatten(),
            headers: headers.into_iter().map(|(name, value)| (name.into_owned(), value.into_owned())).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(bytes: &[u8]) -> Result<FoundFirst, String> {
        find_first(bytes, 0, 20).map_err(Cow::into_owned)
    }

    #[test]
    fn the_first_byte_tells_the_framing() {
        assert_eq!(found(b""), Ok(FoundFirst::Not));
        assert_eq!(found(b"\r\n\r\n"), Ok(FoundFirst::Not));
        assert_eq!(found(b"{\"connect\":\"/\"}"), Ok(FoundFirst::Not));
        assert_eq!(found(b" \n{}\r\nab"), Ok(FoundFirst::Line { start: 2, end: 5, taken: 6 }));
        assert_eq!(found(b"\0\0\0"), Ok(FoundFirst::Not));
        assert_eq!(found(b"\0\0\0\x02a"), Ok(FoundFirst::Not));
        assert_eq!(found(b"\0\0\0\x02abc"), Ok(FoundFirst::Packed { start: 4, end: 6 }));
    }

    #[test]
    fn what_is_no_first_message_is_refused_as_soon_as_it_is_seen() {
        assert_eq!(found(b"G").unwrap_err(), "this port takes lines of JSON, and no HTTP");
        assert_eq!(found(b"\x16").unwrap_err(), "this port takes lines of JSON without TLS");
        assert_eq!(found(b"[").unwrap_err(), NOT_AN_OBJECT);
        assert_eq!(found(b"\0\0\0\x15").unwrap_err(), "the first message has more than 20 bytes");
        assert_eq!(found(&[b"{".repeat(21)].concat()).unwrap_err(), "the first message has more than 20 bytes");
        assert_eq!(found(&b" ".repeat(21)).unwrap_err(), "the first message has more than 20 bytes");
    }

    #[test]
    fn its_members_are_read() {
        let read = |text: &str| FirstMessage::from_line(text.as_bytes()).map_err(Cow::into_owned);
        let all =
            r#"{"connect":"/a?b=c","auth":{"t":1},"resume":{"key":"k","offset":7},"headers":{"cookie":"s=1"},"new":1}"#;
        let expected = FirstMessage {
            path: "/a?b=c".into(),
            auth: Some("{\"t\":1}".into()),
            resume: Some(ResumeMembers { key: "k".into(), offset: 7 }),
            headers: vec![("cookie".into(), "s=1".into())],
        };
        assert_eq!(read(all), Ok(expected));
        let least = |resume| Ok(FirstMessage { path: "/a".into(), auth: None, resume, headers: Vec::new() });
        assert_eq!(read(r#"{"connect":"/a"}"#), least(None));
        assert_eq!(read(r#"{"connect":"/a","resume":null,"auth":null}"#), least(None));
        assert_eq!(read(r#"{"connect":"/a","resume":false}"#), least(None));
        assert_eq!(read(r#"{"connect":"/a","resume":true}"#), least(Some(ResumeMembers::default())));
        for wrong in
            [r#"{"connect":1}"#, "{}", r#"{"connect":"/a","resume":1}"#, r#"{"connect":"/a","headers":[]}"#, "{"]
        {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        assert!(FirstMessage::from_line(b"{\"connect\":\"\xff\"}").is_err());
    }
}
