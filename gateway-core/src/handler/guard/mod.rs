//! Guards, the context they see, and the grants they give.

pub(super) mod check;
pub(super) mod grant;
pub(super) mod guard_context;
pub(super) mod guard_point;
pub(super) mod socket_grants;

pub(crate) use check::Guards;
pub use check::{AsyncGuard, ErasedGuard, Guard, IntoGuard, Prompt, Waits};
pub use grant::Grant;
pub use guard_context::GuardContext;
pub use guard_point::{GuardPoint, GuardPoints};
pub(crate) use socket_grants::SocketGrants;
