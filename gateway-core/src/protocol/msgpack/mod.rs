//! Conversion between MessagePack and JSON text, without a tree of values and without recursion, so that depth costs no
//! stack. Byte strings become attachments of the JSON.

mod date;
mod reader;
mod writer;

pub(crate) use reader::{MsgpackLimits, MsgpackReader};
pub(crate) use writer::MsgpackWriter;
