//! Members of the messages of docs/protocol.md.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use serde::de::{DeserializeOwned, Error as _, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use crate::wire::read;

/// A message of the server. Unknown members are ignored.
#[derive(Debug, Deserialize)]
pub(crate) struct Frame<'a> {
    #[serde(borrow, default)]
    pub(crate) event: Option<Name<'a>>,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    #[serde(default)]
    pub(crate) more: bool,
    #[serde(default)]
    pub(crate) end: bool,
    #[serde(default)]
    pub(crate) ask: Option<u64>,
    #[serde(default)]
    pub(crate) offset: Option<u64>,
    #[serde(default)]
    pub(crate) session: Option<SessionFrame>,
}

/// Meaning of an `id`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum FrameId {
    Absent,
    /// An id that this client writes.
    Own(u64),
    /// An id that this client does not write.
    Foreign,
}

/// The member `session`.
#[derive(Debug, Deserialize)]
pub(crate) struct SessionFrame {
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) resume: Option<String>,
    #[serde(default)]
    pub(crate) resumed: bool,
}

/// Name of an event, borrowed unless it has escapes.
#[derive(Debug)]
pub(crate) struct Name<'a>(pub(crate) Cow<'a, str>);

/// The `data` of a message, unread. Keeps the message's text.
#[derive(Clone, Debug)]
pub(crate) struct Data {
    text: Utf8Bytes,
    range: Range<usize>,
}

impl<'a> Frame<'a> {
    pub(crate) fn parse(text: &'a str) -> Result<Self, serde_json::Error> {
        // Serde would read a list as the members in their order.
        if text.trim_start().starts_with('[') {
            return Err(serde_json::Error::custom("a message is an object"));
        }
        serde_json::from_str(text)
    }

    pub(crate) fn id(&self) -> FrameId {
        let own = |id: &RawValue| id.get().parse().map_or(FrameId::Foreign, FrameId::Own);
        self.id.map_or(FrameId::Absent, own)
    }

    pub(crate) fn has_data(&self) -> bool {
        self.data.is_some()
    }

    /// Returns the data of this frame, which was read from `text`.
    pub(crate) fn data_of(&self, text: &Utf8Bytes) -> Data {
        let Some(data) = self.data else { return Data::null() };
        // Both are parts of one allocation.
        let start = data.get().as_ptr() as usize - text.as_str().as_ptr() as usize;
        Data { text: text.clone(), range: start..start + data.get().len() }
    }
}

impl Data {
    pub(crate) fn null() -> Self {
        Self { text: Utf8Bytes::from_static("null"), range: 0..4 }
    }

    /// The JSON of the value.
    pub(crate) fn json(&self) -> &str {
        &self.text.as_str()[self.range.clone()]
    }

    /// Number of bytes that it keeps in memory.
    pub(crate) fn kept(&self) -> usize {
        self.text.len()
    }

    pub(crate) fn read<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        read(self.json())
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Name<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(NameVisitor)
    }
}

struct NameVisitor;

impl<'de> Visitor<'de> for NameVisitor {
    type Value = Name<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the name of an event")
    }

    fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Name<'de>, E> {
        Ok(Name(Cow::Borrowed(name)))
    }

    fn visit_str<E>(self, name: &str) -> Result<Name<'de>, E> {
        Ok(Name(Cow::Owned(name.to_owned())))
    }
}

/// Writes an event, or a request with its `id`. `data` is JSON.
pub(crate) fn event_frame(event: &str, data: &str, id: Option<u64>) -> Result<String, serde_json::Error> {
    // The text was just written by the serialiser of JSON: it is not read once more.
    let mut frame = String::with_capacity(event.len() + data.len() + 48);
    frame.push_str("{\"event\":");
    frame.push_str(&serde_json::to_string(event)?);
    frame.push_str(",\"data\":");
    frame.push_str(data);
    if let Some(id) = id {
        frame.push_str(",\"id\":");
        frame.push_str(&id.to_string());
    }
    frame.push('}');
    Ok(frame)
}

/// Writes the answer to a question, or the reason why there is none. Both are JSON.
pub(crate) fn answer_frame(ask: u64, answer: Result<&str, &str>) -> String {
    let (member, value) = match answer {
        Ok(data) => ("data", data),
        Err(error) => ("error", error),
    };
    format!("{{\"answer\":{ask},\"{member}\":{value}}}")
}

/// Writes that the answer to a request is no longer needed.
pub(crate) fn cancel_frame(id: u64) -> String {
    format!("{{\"cancel\":{id}}}")
}

/// Writes new credentials, as JSON.
pub(crate) fn auth_frame(credentials: &str, id: u64) -> String {
    format!("{{\"auth\":{credentials},\"id\":{id}}}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_gives_its_members() {
        let text = Utf8Bytes::from_static(r#"{"event":"a\u0062","data":{"x":[1]},"id":7,"more":true,"new":1}"#);
        let frame = Frame::parse(text.as_str()).unwrap();
        assert_eq!((&*frame.event.as_ref().unwrap().0, frame.id(), frame.more), ("ab", FrameId::Own(7), true));
        assert_eq!(frame.data_of(&text).json(), r#"{"x":[1]}"#);
        let bare = Frame::parse("{}").unwrap();
        assert_eq!((bare.id(), bare.data_of(&text).json()), (FrameId::Absent, "null"));
        assert_eq!(Frame::parse(r#"{"id":"a"}"#).unwrap().id(), FrameId::Foreign);
        assert_eq!(Frame::parse(r#"{"id":-1}"#).unwrap().id(), FrameId::Foreign);
    }

    #[test]
    fn what_is_no_frame_is_an_error() {
        for text in
            ["", "[]", "null", "{", r#"{"event":1}"#, r#"{"event":"a","event":"b"}"#, r#"{"offset":-1}"#, "{} x"]
        {
            assert!(Frame::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn frames_are_written_as_the_protocol_has_them() {
        assert_eq!(event_frame("a\"", "1", None).unwrap(), r#"{"event":"a\"","data":1}"#);
        assert_eq!(event_frame("a", "null", Some(3)).unwrap(), r#"{"event":"a","data":null,"id":3}"#);
        assert_eq!(answer_frame(3, Ok("true")), r#"{"answer":3,"data":true}"#);
        assert_eq!(answer_frame(3, Err("{}")), r#"{"answer":3,"error":{}}"#);
        assert_eq!(cancel_frame(7), r#"{"cancel":7}"#);
    }
}
