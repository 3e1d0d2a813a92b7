//! Failures as plain data, so that every layer above the protocol can return them. The traits that make an error of the
//! application one of these are in `handler`.

mod connect_rejection;
mod exception;
mod rejection;

pub use connect_rejection::ConnectRejection;
pub(crate) use connect_rejection::RejectedBy;
pub use exception::Exception;
pub use rejection::Rejection;
