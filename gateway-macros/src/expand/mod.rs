//! Generated code. Every path is full; all of it could have been written by hand.

mod block;
mod concrete;
mod description;
mod event;
mod exception;
mod handler;
mod imports;
mod injectable;
mod layers;
mod request;
mod sendable;
mod spans;
mod structure;
mod text;

pub(crate) use block::expand_block;
pub(crate) use concrete::expand_concrete;
pub(crate) use event::expand_event;
pub(crate) use exception::{expand_exception, fallback_exception};
pub(crate) use injectable::{expand_injectable, fallback_injectable};
pub(crate) use request::expand_request;
pub(crate) use structure::{expand_struct, fallback_struct};
