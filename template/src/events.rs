//! What goes over the wire.

use gateway_core::prelude::*;
use serde::{Deserialize, Serialize};

/// Data of the event `message`, which clients send.
#[derive(Debug, Deserialize)]
pub struct NewMessage {
    /// The room it is for.
    pub room: String,
    /// The text.
    pub text: String,
}

/// The event `posted`, which the server sends.
#[derive(Debug, Deserialize, Event, Serialize)]
#[event("posted")]
pub struct Posted {
    /// The room it was posted in.
    pub room: String,
    /// The user's name.
    pub from: String,
    /// The text.
    pub text: String,
}
