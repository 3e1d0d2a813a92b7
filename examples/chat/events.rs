//! Payloads, events, receipts and failures that clients see.

use gateway_core::prelude::*;
use gateway_core::{JoinError, SendError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(crate) const LONGEST_MESSAGE: usize = 500;

/// Credentials of a client.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct Grant {
    pub(crate) nickname: String,
    #[serde(default)]
    pub(crate) seat: String,
}

#[derive(Deserialize, JsonSchema)]
pub(crate) struct InRoom {
    pub(crate) room: String,
}

#[derive(Deserialize, JsonSchema)]
pub(crate) struct Writes {
    pub(crate) room: String,
    /// False where the text was taken back.
    pub(crate) writing: bool,
}

#[derive(Deserialize, JsonSchema)]
pub(crate) struct NewMessage {
    pub(crate) room: String,
    pub(crate) text: String,
    /// Comes back in the history, so that a client that lost the receipt can tell that the message arrived.
    #[serde(default)]
    pub(crate) tag: u64,
}

#[derive(Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub(crate) struct Receipt {
    pub(crate) id: u64,
    pub(crate) at: u64,
}

#[derive(Clone, Debug, Deserialize, Event, JsonSchema, PartialEq, Serialize)]
#[event("posted")]
pub(crate) struct Posted {
    pub(crate) id: u64,
    pub(crate) room: String,
    pub(crate) from: String,
    pub(crate) text: String,
    pub(crate) at: u64,
    pub(crate) tag: u64,
}

#[derive(Debug, Deserialize, Event, JsonSchema, PartialEq, Serialize)]
#[event("entered")]
pub(crate) struct Entered {
    pub(crate) room: String,
    pub(crate) nickname: String,
}

#[derive(Debug, Deserialize, Event, JsonSchema, PartialEq, Serialize)]
#[event("left")]
pub(crate) struct Left {
    pub(crate) room: String,
    pub(crate) nickname: String,
}

#[derive(Debug, Deserialize, Event, JsonSchema, PartialEq, Serialize)]
#[event("typing")]
pub(crate) struct Typing {
    pub(crate) room: String,
    pub(crate) nickname: String,
    pub(crate) writing: bool,
}

/// Everybody in a room, told to the socket that joins it.
#[derive(Debug, Deserialize, Event, JsonSchema, PartialEq, Serialize)]
#[event("people")]
pub(crate) struct People {
    pub(crate) room: String,
    pub(crate) nicknames: Vec<String>,
}

/// A room and how many are in it: told to everybody whenever it changes, and for each room to the socket that asks for `rooms`.
#[derive(Debug, Deserialize, Event, JsonSchema, PartialEq, Serialize)]
#[event("room")]
pub(crate) struct RoomSize {
    pub(crate) name: String,
    pub(crate) members: usize,
}

/// The person at a socket, as other servers know it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Guest {
    pub(crate) nickname: String,
    pub(crate) seat: String,
    /// Since when, in milliseconds since 1970: of two who take a nickname at the same moment on two servers, the earlier has it.
    pub(crate) since: u64,
}

#[derive(Debug, thiserror::Error, Exception)]
pub(crate) enum ChatError {
    #[error("a room's name has 1 to 24 letters, digits or -")]
    #[exception(code = "room_name")]
    RoomName,
    #[error("you are in too many rooms")]
    #[exception(code = "too_many_rooms")]
    TooManyRooms(#[from] JoinError),
    #[error("the connection is gone")]
    #[exception(code = "gone")]
    Gone(#[from] SendError),
    #[error("you are not in this room")]
    #[exception(code = "not_in_room")]
    NotInRoom,
    #[error("there is nothing in this message")]
    #[exception(code = "message_empty")]
    MessageEmpty,
    #[error("a message has {LONGEST_MESSAGE} characters at most")]
    #[exception(code = "message_too_long")]
    MessageTooLong,
}
