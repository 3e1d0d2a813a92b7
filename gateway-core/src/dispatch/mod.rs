//! From a decoded envelope to an answer: find the handler, read its arguments, run it, turn what it returns into frames.
//! Knows one socket and one event at a time; connections and servers are further up.

mod ack;
mod args;
mod context;
mod data;
mod event_hash;
mod exception;
mod extract;
mod handler;
mod hooks;
mod message;
pub mod on;
mod path;
mod reply;
mod respond;
mod running;
mod services;
mod stream;
mod validate;

pub use ack::Ack;
pub use context::Context;
pub use data::Data;
pub(crate) use exception::INTERNAL;
pub use exception::{Exception, IntoException, Rejection};
pub use extract::{EventName, FromContext, State};
pub use handler::{Declared, Hook, Subscription};
pub(crate) use handler::{Handler, Router};
pub use hooks::{Ended, IntoEnded, IntoRefusal, IntoStarted, IntoVerdict, Refusal, Started, Verdict};
pub(crate) use hooks::{Hooks, RunHook};
pub use message::{IntoRawReply, RawReply};
pub use path::Path;
pub(crate) use reply::Outcome;
pub use reply::{IntoReply, Reply};
pub(crate) use respond::{Compat, Finished, Responder, Share, SharedResponder, StreamStep, Streaming};
pub use running::Running;
pub(crate) use running::{RunningState, drop_quietly};
pub(crate) use services::Services;
pub use stream::{Items, ReplyStream, Streamed};
pub use validate::{Faults, Valid, Validate};
