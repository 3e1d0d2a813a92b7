//! Packets that name their namespace, in whichever format the connection speaks.
use crate::limits::Limits;
use crate::wire::{Incoming, Violation, WireFormat};

#[derive(Debug)]
pub(crate) struct PacketDecoder;

impl PacketDecoder {
    pub(crate) fn new(_: WireFormat, _: &Limits) -> Self {
        Self
    }
    pub(crate) fn text(&mut self, _: &str, _: &mut dyn FnMut(&str, Incoming<'_>)) -> Result<(), Violation> {
        Err(Violation::new("x"))
    }
    pub(crate) fn binary(&mut self, _: &[u8], _: &mut dyn FnMut(&str, Incoming<'_>)) -> Result<(), Violation> {
        Err(Violation::new("x"))
    }
}
