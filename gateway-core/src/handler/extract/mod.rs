//! Extractors: the arguments of handlers and hooks.

pub(super) mod args;
pub(super) mod auth;
pub(super) mod cancellation;
pub(super) mod data;
pub(super) mod extensions;
pub(super) mod from_context;
pub(super) mod parameters;
pub(super) mod path;
pub(super) mod per_socket;
pub(super) mod server_event;
pub(super) mod trace_parent;

pub use auth::Auth;
pub use cancellation::Cancellation;
pub use data::Data;
pub use extensions::{Extension, Extensions};
pub use from_context::{EventName, FromContext, State};
pub use path::Path;
pub use per_socket::PerSocket;
pub use server_event::FromServerEvent;
pub(crate) use server_event::ServerEventNamespace;
pub use trace_parent::FromContextOptional;
