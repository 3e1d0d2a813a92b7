//! Text of addresses, handshakes, frames and close codes. Pure: no I/O and no state.

mod address;
mod base64;
mod close;
mod first_line;
mod frame;
mod handshake;

pub(crate) use address::Address;
pub use address::AddressError;
pub(crate) use base64::{read, write};
pub(crate) use close::{EXPIRED, invites_back, pause_in};
pub(crate) use first_line::FirstLine;
pub(crate) use frame::{Data, Frame, FrameId, SessionFrame, answer_frame, auth_frame, cancel_frame, event_frame};
pub(crate) use handshake::{Offer, SUBPROTOCOL, is_own_header, upgrade_request};
