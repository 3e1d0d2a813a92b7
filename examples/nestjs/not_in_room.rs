//! A failure of the application, and what the front end is told of it.

use gateway_core::pipeline::{Filter, FilterOutcome};
use gateway_core::prelude::*;
use serde_json::json;

#[derive(Debug, thiserror::Error, Exception)]
#[error("you are not in {room}")]
pub(crate) struct NotInRoom {
    pub(crate) room: String,
}

#[derive(Default)]
pub(crate) struct NotInRoomFilter;

impl Filter for NotInRoomFilter {
    type Error = NotInRoom;

    fn catch(&self, error: &NotInRoom, _: &Context<'_>) -> FilterOutcome {
        FilterOutcome::answer(Exception::payload(
            &json!({ "status": "error", "message": error.to_string(), "room": error.room }),
        ))
    }
}
