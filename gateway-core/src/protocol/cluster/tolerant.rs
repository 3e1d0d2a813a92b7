//! Values that Node's adapters write in several ways.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Visitor};

/// The name of a room: a text, or a number, which stands for its decimal text.
pub(super) struct SentRoomName(String);

pub(super) fn room_names(rooms: Option<Vec<SentRoomName>>) -> Vec<String> {
    rooms.unwrap_or_default().into_iter().map(|SentRoomName(name)| name).collect()
}

/// Reads the names of rooms; `null` is none.
pub(super) fn rooms<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    Option::deserialize(deserializer).map(room_names)
}

/// Reads a value; `null` is the default.
pub(super) fn or_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

impl<'de> Deserialize<'de> for SentRoomName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SentRoomNameVisitor)
    }
}

struct SentRoomNameVisitor;

impl Visitor<'_> for SentRoomNameVisitor {
    type Value = SentRoomName;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the name of a room")
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<SentRoomName, E> {
        Ok(SentRoomName(name.to_owned()))
    }

    fn visit_string<E: serde::de::Error>(self, name: String) -> Result<SentRoomName, E> {
        Ok(SentRoomName(name))
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<SentRoomName, E> {
        Ok(SentRoomName(number.to_string()))
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<SentRoomName, E> {
        Ok(SentRoomName(number.to_string()))
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<SentRoomName, E> {
        Ok(SentRoomName(number.to_string()))
    }
}
