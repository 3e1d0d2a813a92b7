//! Engine.IO protocol 4: packets in WebSocket messages and in the bodies of long polling. Sessions, timers and the upgrade
//! between the two are no matter of this module.

mod frames;
mod open;
mod packet;
mod payload;

pub(crate) use frames::{Frame, Frames};
pub(crate) use open::Open;
pub(crate) use packet::Packet;
pub(crate) use payload::{PayloadWriter, read_payload};
