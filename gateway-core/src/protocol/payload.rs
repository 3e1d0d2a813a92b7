//! Payloads of events in both directions: one argument or several, and their binary parts.

mod attachments;
mod extract_binary;
mod placeholder;

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use data_encoding::BASE64;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::protocol::{ArgList, TraceParent};

pub(in crate::protocol) use attachments::read;
pub(in crate::protocol) use placeholder::{Placeholders, around_placeholders, placeholder_at_front, push_placeholder};

/// Binary parts in the order of their placeholders. Nearly always none.
pub(crate) type Attachments = Option<Arc<[Bytes]>>;

/// Meaning of an event's JSON: one value, or a list of arguments.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Arity {
    /// A single argument.
    #[default]
    One,
    /// An array of arguments.
    Several,
}

/// Payload of an incoming event, as JSON.
#[derive(Clone, Debug, Default)]
pub(crate) struct Payload<'a> {
    /// Valid JSON without spaces around it; `None` if nothing was sent, or `null`.
    pub(crate) json: Option<Cow<'a, str>>,
    pub(crate) shape: Arity,
    pub(crate) attachments: Attachments,
    /// The message's trace, if any.
    pub(crate) trace: Option<Box<TraceParent>>,
}

impl<'a> Payload<'a> {
    /// Creates a payload of one argument without binary parts.
    pub(crate) fn one(json: Option<&'a str>) -> Self {
        Self { json: json.map(Cow::Borrowed), shape: Arity::One, attachments: None, trace: None }
    }

    pub(crate) fn text(&self) -> &str {
        self.json.as_deref().unwrap_or("null")
    }

    pub(crate) fn attachments(&self) -> &[Bytes] {
        self.attachments.as_deref().unwrap_or_default()
    }

    /// Returns a copy that does not borrow the read buffer.
    pub(crate) fn into_owned(self) -> Payload<'static> {
        let json = self.json.map(|json| Cow::Owned(json.into_owned()));
        Payload { json, shape: self.shape, attachments: self.attachments, trace: self.trace }
    }

    /// Sets the trace from a member of the message, a JSON string. A malformed trace is ignored.
    pub(in crate::protocol) fn traced(mut self, member: Option<&RawValue>) -> Self {
        let text = member.and_then(|member| member.get().strip_prefix('"')?.strip_suffix('"'));
        self.trace = text.and_then(TraceParent::parse).map(Box::new);
        self
    }

    /// Reads the single data field of a format: an array is the list of arguments.
    pub(crate) fn from_data(json: Option<&'a str>) -> Self {
        let is_list = json.is_some_and(|json| json.starts_with('['));
        Self { shape: if is_list { Arity::Several } else { Arity::One }, ..Self::one(json) }
    }

    pub(crate) fn list(&self) -> ArgList<'_> {
        ArgList { json: self.json.as_deref(), shape: self.shape, attachments: self.attachments() }
    }

    /// Reads the single data field of a format: an array is the list of arguments.
    pub(in crate::protocol) fn from_cow(json: Option<Cow<'a, str>>, attachments: Attachments) -> Self {
        let json = json.filter(|json| *json != "null");
        let shape = Payload::from_data(json.as_deref()).shape;
        Self { json, shape, attachments, trace: None }
    }
}

/// Payload of an outgoing event.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Content {
    pub(crate) json: String,
    pub(crate) shape: Arity,
    pub(crate) attachments: Vec<Bytes>,
}

/// Payload of an outgoing event, borrowed for encoding.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ContentRef<'a> {
    pub(crate) json: &'a str,
    pub(crate) shape: Arity,
    pub(crate) attachments: &'a [Bytes],
}

/// Returns a part of a text with its own attachments; its placeholders are renumbered.
pub(in crate::protocol) fn keep_named(json: String, attachments: &[Bytes]) -> (String, Vec<Bytes>) {
    if attachments.is_empty() {
        return (json, Vec::new());
    }
    let Some((placeholders, order)) = Placeholders::find(&json, attachments.len())
        .and_then(|placeholders| placeholders.order(attachments.len()).map(|order| (placeholders, order)))
    else {
        return (json, attachments.to_vec());
    };
    let json = placeholders.renumbered(&json).unwrap_or(json);
    (json, order.into_iter().map(|part| attachments[part].clone()).collect())
}

impl Content {
    /// Serialises a value as a single argument, with its bytes as attachments.
    pub(crate) fn from_value<T: Serialize + ?Sized>(value: &T) -> Result<Self, serde_json::Error> {
        extract_binary::set_aside(value).map(|(json, attachments)| Self { json, shape: Arity::One, attachments })
    }

    pub(crate) fn borrowed(&self) -> ContentRef<'_> {
        ContentRef { json: &self.json, shape: self.shape, attachments: &self.attachments }
    }
}

impl ContentRef<'_> {
    /// A copy that outlives the borrowed payload.
    pub(crate) fn to_content(self) -> Content {
        Content { json: self.json.to_owned(), shape: self.shape, attachments: self.attachments.to_vec() }
    }

    pub(crate) fn list(&self) -> ArgList<'_> {
        ArgList { json: Some(self.json), shape: self.shape, attachments: self.attachments }
    }

    /// Appends the JSON with each placeholder replaced by its attachment in base64.
    pub(in crate::protocol) fn write_plain(&self, out: &mut Vec<u8>) {
        if self.attachments.is_empty() {
            return out.extend_from_slice(self.json.as_bytes());
        }
        let mut texts = around_placeholders(self.json);
        out.extend_from_slice(texts.next().unwrap_or_default().as_bytes());
        for (bytes, text) in self.attachments.iter().zip(texts) {
            push_base64(out, bytes);
            out.extend_from_slice(text.as_bytes());
        }
    }

    /// Returns `true` if the last argument, or the name of an event without arguments, is a text.
    pub(crate) fn ends_in_text(&self) -> bool {
        match self.shape {
            Arity::One => self.json.ends_with('"'),
            Arity::Several => {
                let list = self.json.trim_end().strip_suffix(']').unwrap_or_default().trim_end();
                list.ends_with('"') || list.trim_start() == "["
            }
        }
    }

    /// Total size in bytes of the attachments.
    pub(in crate::protocol) fn attachment_bytes(&self) -> usize {
        self.attachments.iter().map(Bytes::len).sum()
    }
}

fn push_base64(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'"');
    let start = out.len();
    out.resize(start + BASE64.encode_len(bytes.len()), 0);
    BASE64.encode_mut(bytes, &mut out[start..]);
    out.push(b'"');
}

impl From<String> for Content {
    fn from(json: String) -> Self {
        Self { json, shape: Arity::One, attachments: Vec::new() }
    }
}

impl<'a> From<&'a str> for ContentRef<'a> {
    fn from(json: &'a str) -> Self {
        Self { json, shape: Arity::One, attachments: &[] }
    }
}

#[cfg(test)]
mod tests;
