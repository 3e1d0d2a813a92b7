//! Engine.IO protocol 4: packets in WebSocket messages and in the bodies of long polling. Sessions, timers and upgrades are
//! in other modules.

mod open;
mod packet;
mod payload;

use crate::protocol::{Encoded, OpCode};

pub(crate) use open::OpenPacket;
pub(crate) use packet::EnginePacket;
pub(crate) use payload::{PayloadWriter, SEPARATOR};

/// The ping packet for a WebSocket.
pub(crate) fn ping() -> Encoded {
    Encoded::frame(OpCode::Text, b"2")
}
