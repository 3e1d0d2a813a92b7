//! One event for many sockets, encoded at most once per wire format.

use std::sync::OnceLock;

use crate::wire::{ContentRef, Encoded, Outgoing, WireFormat};

#[derive(Debug)]
pub(crate) struct Shared<'a> {
    namespace: &'a str,
    event: &'a str,
    content: ContentRef<'a>,
    offset: Option<String>,
    frames: [OnceLock<Encoded>; WireFormat::COUNT],
}

impl<'a> Shared<'a> {
    pub(crate) fn new(namespace: &'a str, event: &'a str, content: ContentRef<'a>, offset: Option<String>) -> Self {
        Self { namespace, event, content, offset, frames: Default::default() }
    }

    /// The frame for a socket of this format; cloning it copies no payload.
    pub(crate) fn frame(&self, format: WireFormat) -> Encoded {
        let encode = || {
            let offset = self.offset.as_deref();
            let outgoing = Outgoing::Event { event: self.event, content: self.content, offset };
            format.encode(self.namespace, &outgoing).into_shared()
        };
        self.frames[format as usize].get_or_init(encode).clone()
    }
}
