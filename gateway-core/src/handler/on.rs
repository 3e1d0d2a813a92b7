//! Markers of the moments at which user code runs. An extractor implements [`FromContext<On>`](crate::extract::FromContext)
//! for the moments at which it is available, so that an impossible argument does not compile.

/// A subscribed event arrived: `#[subscribe]`.
#[derive(Debug)]
pub enum Message {}

/// A client connects: `#[on_connect]`.
#[derive(Debug)]
pub enum Connect {}

/// A client has disconnected: `#[on_disconnect]`.
#[derive(Debug)]
pub enum Disconnect {}

/// A whole message without an envelope arrived: `#[on_message]`.
#[derive(Debug)]
pub enum Raw {}

/// The server starts: `#[on_init]`.
#[derive(Debug)]
pub enum Init {}

/// A moment that belongs to a socket.
pub trait OfSocket: sealed::Sealed {}

impl OfSocket for Message {}
impl OfSocket for Connect {}
impl OfSocket for Disconnect {}
impl OfSocket for Raw {}

#[expect(unnameable_types, reason = "nobody else names or implements it")]
mod sealed {
    pub trait Sealed {}

    impl Sealed for super::Message {}
    impl Sealed for super::Connect {}
    impl Sealed for super::Disconnect {}
    impl Sealed for super::Raw {}
}
