//! Table of handlers, found by the name of an event.

pub(super) mod event_names;
pub(super) mod table;

pub(crate) use event_names::{Names, cannot_be_subscribed};
pub use table::{Declared, Hook, Subscription};
pub(crate) use table::{Handler, Router};
