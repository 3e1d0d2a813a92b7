//! The members of a message as they are read: all may be missing or `null`, and unknown ones are skipped.

use std::borrow::Cow;
use std::time::Duration;

use serde::de::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::protocol::cluster::tolerant::{SentRoomName, room_names};
use crate::protocol::cluster::{BroadcastFlags, Selector};

use super::NodeFormatError;

/// A text, borrowed where it has no escapes.
#[derive(serde::Deserialize)]
pub(super) struct JsonText<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

/// Reads one of the maps below.
pub(super) fn parsed<'a, T: Deserialize<'a>>(json: &'a str) -> Result<T, NodeFormatError> {
    serde_json::from_str(json).map_err(|_| NodeFormatError::Malformed("not the members of this type"))
}

/// The outermost map.
#[derive(Default, serde::Deserialize)]
pub(super) struct MessageMembers<'a> {
    #[serde(rename = "type")]
    pub(super) number: Option<u64>,
    #[serde(borrow)]
    pub(super) data: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) uid: Option<JsonText<'a>>,
    #[serde(borrow)]
    pub(super) nsp: Option<JsonText<'a>>,
}

/// The members of `data` of all types.
#[derive(Default, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DataMembers<'a> {
    /// `null` is the answer `null`.
    #[serde(borrow, default, deserialize_with = "present")]
    pub(super) packet: Option<&'a RawValue>,
    pub(super) opts: Option<SelectorMembers>,
    pub(super) request_id: Option<String>,
    pub(super) rooms: Option<Vec<SentRoomName>>,
    pub(super) close: Option<bool>,
    #[serde(borrow)]
    pub(super) sockets: Option<&'a RawValue>,
    pub(super) client_count: Option<usize>,
    pub(super) all_rooms: Option<bool>,
    #[serde(borrow)]
    pub(super) args: Option<&'a RawValue>,
}

fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

/// The packet of an event for sockets.
#[derive(serde::Deserialize)]
pub(super) struct EventMembers<'a> {
    #[serde(rename = "type")]
    pub(super) number: Option<u64>,
    #[serde(borrow)]
    pub(super) data: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) nsp: Option<JsonText<'a>>,
}

/// The recipients.
#[derive(Default, serde::Deserialize)]
pub(in crate::protocol::cluster) struct SelectorMembers {
    rooms: Option<Vec<SentRoomName>>,
    except: Option<Vec<SentRoomName>>,
    flags: Option<FlagMembers>,
}

#[derive(Default, serde::Deserialize)]
struct FlagMembers {
    volatile: Option<bool>,
    compress: Option<bool>,
    timeout: Option<f64>,
    #[serde(rename = "expectSingleResponse")]
    expect_single_response: Option<bool>,
    latest: Option<String>,
    traceparent: Option<String>,
    /// The event's only argument is a list: known to nodes of this framework only.
    list: Option<bool>,
}

impl SelectorMembers {
    /// Returns `true` if the only argument of the event is a list that the sender gave as an argument.
    pub(in crate::protocol::cluster) fn is_list_of_one_list(&self) -> bool {
        self.flags.as_ref().is_some_and(|flags| flags.list == Some(true))
    }
}

impl From<SelectorMembers> for Selector {
    fn from(SelectorMembers { rooms, except, flags }: SelectorMembers) -> Self {
        Self { rooms: room_names(rooms), except: room_names(except), flags: flags.unwrap_or_default().into() }
    }
}

impl From<FlagMembers> for BroadcastFlags {
    fn from(flags: FlagMembers) -> Self {
        let FlagMembers { volatile, compress, timeout, expect_single_response, latest, traceparent, list: _ } = flags;
        Self {
            volatile: volatile == Some(true),
            uncompressed: compress == Some(false),
            timeout: timeout.and_then(|millis| Duration::try_from_secs_f64(millis / 1000.0).ok()),
            single_response: expect_single_response == Some(true),
            latest,
            trace_parent: traceparent,
        }
    }
}
