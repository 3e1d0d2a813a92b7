//! MessagePack to JSON and back, text to text: no tree of values, and no recursion, so that depth costs no stack. Bytes
//! stand beside the JSON as attachments.

mod date;
mod reader;
mod writer;

pub(crate) use reader::{MsgpackLimits, MsgpackReader};
pub(crate) use writer::MsgpackWriter;
