//! One event for many sockets, encoded at most once per wire format.

use std::sync::OnceLock;

use crate::wire::{Encoded, Outgoing, WireFormat};

#[derive(Debug)]
pub(crate) struct Shared<'a> {
    event: &'a str,
    data: &'a str,
    plain: OnceLock<Encoded>,
}

impl<'a> Shared<'a> {
    /// `data` is JSON.
    pub(crate) fn new(event: &'a str, data: &'a str) -> Self {
        Self { event, data, plain: OnceLock::new() }
    }

    /// The frame for a socket of this format; cloning it copies no payload.
    pub(crate) fn frame(&self, format: WireFormat) -> Encoded {
        let cell = match format {
            WireFormat::Plain => &self.plain,
        };
        cell.get_or_init(|| format.encode(&Outgoing::Event { event: self.event, data: self.data }).into_shared())
            .clone()
    }
}
