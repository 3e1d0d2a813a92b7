//! Checks of parsed items. Collects every mistake of an item before the first is reported.

pub(crate) mod attributes;
mod block;
mod event;
mod event_name;
mod exception;
mod injectable;
mod layer;
mod method;
mod mistakes;
mod namespace;
mod nearest;
mod options;
mod policy;
mod request;
mod structure;

pub(crate) use block::{CheckedBlock, Kind, PARTS, check_block};
pub(crate) use event::{CheckedEvent, check_event};
pub(crate) use exception::{CheckedException, Failure, Sources, check_exception};
pub(crate) use injectable::{CheckedInjectable, check_injectable};
pub(crate) use layer::Layer;
pub(crate) use method::{Handler, Output, Work};
pub(crate) use mistakes::Mistakes;
pub(crate) use policy::Policy;
pub(crate) use request::{CheckedRequest, check_request};
pub(crate) use structure::{CheckedField, CheckedStruct, IS_A_STRUCT, Source, check_struct};
