//! Bytes that are read from base64 in every context.

use std::fmt;
use std::ops::Deref;

use bytes::Bytes;
use data_encoding::BASE64;
use serde::de::{Deserialize, Deserializer, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};

/// [`Bytes`] that are read from base64 also where Serde buffers values before it knows their type: under
/// `#[serde(flatten)]`, `#[serde(tag = "…")]` and `#[serde(untagged)]`. Elsewhere plain `Bytes` suffice.
///
/// ```
/// use gateway_core::extract::Binary;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Deserialize, Serialize)]
/// #[serde(tag = "kind", rename_all = "lowercase")]
/// enum Part {
///     Text { text: String },
///     File { data: Binary },
/// }
///
/// let part = serde_json::from_str(r#"{"kind":"file","data":"aGk="}"#).unwrap();
/// assert!(matches!(part, Part::File { data } if &data[..] == b"hi"));
/// ```
#[derive(Clone, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Binary(pub Bytes);

impl Deref for Binary {
    type Target = Bytes;

    fn deref(&self) -> &Bytes {
        &self.0
    }
}

impl From<Bytes> for Binary {
    fn from(bytes: Bytes) -> Self {
        Self(bytes)
    }
}

impl From<Binary> for Bytes {
    fn from(binary: Binary) -> Self {
        binary.0
    }
}

impl Serialize for Binary {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Binary {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_byte_buf(Any)
    }
}

/// Reads bytes, their base64, or an array of their numbers.
struct Any;

impl<'de> Visitor<'de> for Any {
    type Value = Binary;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("binary data or its base64")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Binary, E> {
        let bytes = BASE64.decode(text.as_bytes()).map_err(|error| E::custom(format!("no base64: {error}")))?;
        Ok(Binary(bytes.into()))
    }

    fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<Binary, E> {
        Ok(Binary(Bytes::copy_from_slice(bytes)))
    }

    fn visit_byte_buf<E: serde::de::Error>(self, bytes: Vec<u8>) -> Result<Binary, E> {
        Ok(Binary(bytes.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Binary, A::Error> {
        let mut bytes = Vec::new();
        while let Some(byte) = elements.next_element()? {
            bytes.push(byte);
        }
        Ok(Binary(bytes.into()))
    }
}
