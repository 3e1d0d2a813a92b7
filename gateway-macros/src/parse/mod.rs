//! Parsing: the text of a person as data. Does not judge it.

mod arguments;
mod block;
mod condition;
mod gateway_arguments;
mod layer;
mod structure;
mod target;
mod task;
mod walk;

pub(crate) use arguments::{Argument, Arguments};
pub(crate) use block::{Block, Marker, Method, Role, imported, method_name};
pub(crate) use condition::{Conditional, opened};
pub(crate) use gateway_arguments::{Emitted, GatewayArguments};
pub(crate) use layer::{LayerKind, LayerMark, Named, take_layers};
pub(crate) use structure::Structure;
pub(crate) use target::Target;
pub(crate) use walk::flat;
