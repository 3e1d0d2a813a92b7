//! What a person wrote, as data. Says nothing about whether it makes sense.

mod arguments;
mod block;
mod layer;
mod target;

pub(crate) use arguments::{Argument, Arguments};
pub(crate) use block::{Block, Marker, Method, Role, conditional_marker, marker_role, method_name};
pub(crate) use layer::{LayerKind, LayerMark, Named, layer_kind, take_layers};
pub(crate) use target::Target;
