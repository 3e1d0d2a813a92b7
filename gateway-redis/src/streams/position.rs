//! Places in a stream.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

use redis::{Cmd, ErrorKind, FromRedisValue, RedisError, RedisResult, Value, cmd};

/// The id of an entry.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct EntryId {
    millis: u64,
    sequence: u64,
}

/// The place up to which a stream was read.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Position {
    /// The last entry that was read; zero at the beginning.
    pub(super) id: EntryId,
    /// Number of entries that the stream ever had up to this one, where the server counts them (Redis 7).
    pub(super) ordinal: Option<u64>,
}

/// State of a stream.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct StreamInfo {
    /// The oldest entry.
    pub(super) first: Option<EntryId>,
    /// The newest entry that ever was.
    pub(super) last: EntryId,
    pub(super) length: u64,
    /// Number of entries that the stream ever had.
    pub(super) added: Option<u64>,
}

/// Entries that were removed before they were read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Missing {
    Nothing,
    Entries(Option<u64>),
}

impl Position {
    /// The end of a stream.
    pub(super) fn end_of(info: &StreamInfo) -> Self {
        Self { id: info.last, ordinal: info.added }
    }

    /// Goes on to the entry that was read.
    pub(super) fn advance(&mut self, id: EntryId) {
        self.id = id;
        self.ordinal = self.ordinal.map(|ordinal| ordinal + 1);
    }

    /// Compares with the stream at this moment, and moves over what is missing.
    pub(super) fn check(&mut self, info: &StreamInfo) -> Missing {
        if info.last < self.id {
            // The stream was deleted, or the server lost its data.
            *self = Self { id: EntryId::default(), ordinal: info.added.map(|added| added - added.min(info.length)) };
            return Missing::Entries(None);
        }
        let is_behind = info.first.is_some_and(|first| self.id < first);
        if !is_behind {
            return Missing::Nothing;
        }
        let removed = info.added.map(|added| added - added.min(info.length));
        match (removed, self.ordinal) {
            (Some(removed), Some(read)) => {
                self.ordinal = Some(removed);
                match removed.checked_sub(read) {
                    Some(0) => Missing::Nothing,
                    Some(lost) => Missing::Entries(Some(lost)),
                    // The last entry that was read is gone, and too few were removed: this is another stream.
                    None => Missing::Entries(None),
                }
            }
            // At the beginning nothing was read that could have been removed after.
            _ if self.id == EntryId::default() => Missing::Nothing,
            _ => Missing::Entries(None),
        }
    }
}

impl StreamInfo {
    pub(super) fn command(stream: &str) -> Cmd {
        let mut command = cmd("XINFO");
        command.arg("STREAM").arg(stream);
        command
    }

    /// Reads the answer to the command. A stream without entries need not exist.
    pub(super) fn read(answer: RedisResult<Value>) -> RedisResult<Self> {
        let answer = match answer {
            Err(error) if error.detail().is_some_and(|detail| detail.contains("no such key")) => {
                return Ok(Self { added: Some(0), ..Self::default() });
            }
            answer => answer?,
        };
        let members = HashMap::<String, Value>::from_redis_value(answer)?;
        let number = |name: &str| match members.get(name) {
            Some(Value::Int(number)) => u64::try_from(*number).ok(),
            _ => None,
        };
        let first = match members.get("first-entry") {
            Some(Value::Array(entry)) => entry.first().and_then(id_of),
            _ => None,
        };
        let last = members.get("last-generated-id").and_then(id_of).ok_or_else(malformed)?;
        Ok(Self { first, last, length: number("length").unwrap_or_default(), added: number("entries-added") })
    }
}

/// Reads an id.
pub(super) fn id_of(value: &Value) -> Option<EntryId> {
    match value {
        Value::BulkString(bytes) => std::str::from_utf8(bytes).ok()?.parse().ok(),
        Value::SimpleString(text) => text.parse().ok(),
        _ => None,
    }
}

pub(super) fn malformed() -> RedisError {
    (ErrorKind::UnexpectedReturnType, "no answer about a stream").into()
}

impl FromStr for EntryId {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (millis, sequence) = text.split_once('-').ok_or(())?;
        Ok(Self { millis: millis.parse().map_err(drop)?, sequence: sequence.parse().map_err(drop)? })
    }
}

impl fmt::Display for EntryId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}-{}", self.millis, self.sequence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> EntryId {
        text.parse().unwrap()
    }

    #[test]
    fn ids_are_ordered_by_their_numbers() {
        assert!(id("9-9") < id("10-0") && id("10-2") < id("10-10"));
        assert_eq!(id("1796086389238-7").to_string(), "1796086389238-7");
        for text in ["", "1", "1-", "-1", "a-1", "1-1-1"] {
            assert!(text.parse::<EntryId>().is_err(), "{text}");
        }
    }

    #[test]
    fn missing_entries_are_counted() {
        let check = |ordinal, (first, length, added): (&str, u64, Option<u64>), expected| {
            let mut position = Position { id: id("100-0"), ordinal };
            let info = StreamInfo { first: Some(id(first)), last: id("900-0"), length, added };
            assert_eq!(position.check(&info), expected, "{ordinal:?} {first} {length} {added:?}");
            position
        };
        check(Some(50), ("50-0", 100, Some(120)), Missing::Nothing);
        check(Some(50), ("100-0", 71, Some(120)), Missing::Nothing);
        check(Some(50), ("101-0", 70, Some(120)), Missing::Nothing);
        let position = check(Some(50), ("200-0", 60, Some(120)), Missing::Entries(Some(10)));
        assert_eq!(position, Position { id: id("100-0"), ordinal: Some(60) });
        check(Some(50), ("200-0", 100, Some(100)), Missing::Entries(None));
        check(None, ("200-0", 60, None), Missing::Entries(None));
        check(None, ("50-0", 60, None), Missing::Nothing);
    }

    #[test]
    fn a_stream_that_was_deleted_is_read_from_its_beginning() {
        let mut position = Position { id: id("100-0"), ordinal: Some(50) };
        assert_eq!(position.check(&StreamInfo { added: Some(0), ..StreamInfo::default() }), Missing::Entries(None));
        assert_eq!(position, Position { id: EntryId::default(), ordinal: Some(0) });
    }
}
