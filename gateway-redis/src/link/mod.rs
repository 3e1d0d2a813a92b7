//! The connections of an engine and what keeps them: one to publish on, one that is subscribed. Knows channels and bytes, and
//! nothing of the messages in them.

mod alive;
mod handle;
mod inbox;
mod keeper;
mod publisher;
mod pushed;
mod running;
mod subscriptions;

pub(crate) use handle::Link;
pub(crate) use publisher::{PublishFailure, Publisher};
pub(crate) use pushed::{PushReceiver, Pushed};
pub(crate) use running::{Running, Started, refused};
pub(crate) use subscriptions::Subscription;
