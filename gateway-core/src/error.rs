//! Failures as plain data that every layer above the protocol can return. The traits that convert an application's errors
//! are in `handler`.

mod connect_rejection;
mod exception;
mod rejection;

pub use connect_rejection::ConnectRejection;
pub(crate) use connect_rejection::RejectedBy;
pub use exception::Exception;
pub use rejection::Rejection;
