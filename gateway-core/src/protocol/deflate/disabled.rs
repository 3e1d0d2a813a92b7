//! Stub in place of compression for builds without the feature. No connection agrees on it there, so nothing here is
//! reached.

use crate::protocol::deflate::{Deflating, Takeover};
use crate::protocol::{CloseCode, Disconnect};

#[derive(Debug)]
pub(crate) struct Inflater;

impl Inflater {
    pub(crate) fn new(_: Takeover) -> Self {
        Self
    }

    #[allow(clippy::unused_self, reason = "as the real one")]
    pub(crate) fn inflate(&mut self, _: &[u8], _: usize) -> Result<Vec<u8>, Disconnect> {
        Err(Disconnect::new(CloseCode::PROTOCOL_ERROR, "protocol error"))
    }
}

pub(crate) fn give_back(_: Vec<u8>) {}

pub(super) fn deflate(_: &[u8], _: Deflating, _: &mut Vec<u8>) -> bool {
    false
}
