//! What an event carries, in and out: one argument or several, and the binary parts they name.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use serde::Serialize;
use serde_json::value::RawValue;

/// Binary parts, in the order of their placeholders. Nearly always none.
pub(crate) type Attachments = Option<Arc<[Bytes]>>;

/// How the JSON of an event is to be read.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Shape {
    /// The one argument.
    #[default]
    One,
    /// The array of the arguments.
    Several,
}

/// What an event that came in carries, still JSON.
#[derive(Clone, Debug, Default)]
pub(crate) struct Payload<'a> {
    /// `None` where nothing was sent, or `null`.
    pub(crate) json: Option<Cow<'a, RawValue>>,
    pub(crate) shape: Shape,
    pub(crate) attachments: Attachments,
}

impl<'a> Payload<'a> {
    /// One argument without binary parts.
    pub(crate) fn one(json: Option<&'a RawValue>) -> Self {
        Self { json: json.map(Cow::Borrowed), shape: Shape::One, attachments: None }
    }

    pub(crate) fn raw(&self) -> Option<&RawValue> {
        self.json.as_deref()
    }

    pub(crate) fn text(&self) -> &str {
        self.raw().map_or("null", RawValue::get)
    }

    pub(crate) fn attachments(&self) -> &[Bytes] {
        self.attachments.as_deref().unwrap_or_default()
    }

    /// A copy that holds no read buffer.
    pub(crate) fn into_owned(self) -> Payload<'static> {
        let json = self.json.map(|json| Cow::Owned(json.into_owned()));
        Payload { json, shape: self.shape, attachments: self.attachments }
    }
}

/// What is sent.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Content {
    pub(crate) json: String,
    pub(crate) shape: Shape,
    pub(crate) attachments: Vec<Bytes>,
}

/// What is sent, lent to be encoded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ContentRef<'a> {
    pub(crate) json: &'a str,
    pub(crate) shape: Shape,
    pub(crate) attachments: &'a [Bytes],
}

impl Content {
    /// One argument: any value, as JSON.
    pub(crate) fn of<T: Serialize + ?Sized>(value: &T) -> Result<Self, serde_json::Error> {
        serde_json::to_string(value).map(Self::from)
    }

    pub(crate) fn lend(&self) -> ContentRef<'_> {
        ContentRef { json: &self.json, shape: self.shape, attachments: &self.attachments }
    }
}

impl From<String> for Content {
    fn from(json: String) -> Self {
        Self { json, shape: Shape::One, attachments: Vec::new() }
    }
}

impl<'a> From<&'a str> for ContentRef<'a> {
    fn from(json: &'a str) -> Self {
        Self { json, shape: Shape::One, attachments: &[] }
    }
}
