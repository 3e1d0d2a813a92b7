//! Names for macro output alone: they may change in any release.

pub use gateway_macros::register_concrete;
pub use inventory::submit;
pub use serde::Serialize;
pub use serde_json::Error as JsonError;

/// Describes a method, where there is a contract to describe it for.
#[cfg(feature = "contract")]
#[doc(hidden)]
#[macro_export]
macro_rules! __gateway_described {
    ($describe:expr) => {
        ::core::option::Option::Some($describe)
    };
}

/// Describes a method, where there is a contract to describe it for.
#[cfg(not(feature = "contract"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __gateway_described {
    ($($describe:tt)*) => {
        ::core::option::Option::None
    };
}

/// Keeps items that exist for the contract alone.
#[cfg(feature = "contract")]
#[doc(hidden)]
#[macro_export]
macro_rules! __gateway_if_contract {
    ($($items:tt)*) => { $($items)* };
}

/// Keeps items that exist for the contract alone.
#[cfg(not(feature = "contract"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __gateway_if_contract {
    ($($items:tt)*) => {};
}

pub use crate::{__gateway_described as described, __gateway_if_contract as if_contract};

use std::marker::PhantomData;
use std::sync::Arc;

#[cfg(feature = "contract")]
pub use crate::asyncapi::{Direction, SchemaRequest};
use crate::error::{Exception, Rejection};
#[cfg(feature = "contract")]
pub use crate::gateway::EventEntry;
pub use crate::gateway::{
    Concrete, ConcreteEntry, ConnectFuture, Describe, DisconnectFuture, EventFuture, GatewayEntry, GenericEntry,
    HandlersEntry, InitFuture, MessageFuture, MethodEntry, Part, Probe, Registration, SubscriptionEntry,
};
use crate::gateway::{Gateway, Handlers, Injectable, Layers};
#[cfg(feature = "contract")]
pub use crate::handler::{
    ArgumentKind, ArgumentProbe, ArgumentShape, ErrorCodes, EventDescription, GatewayDescription, MethodDescription,
    NoSchema, RefusalProbe, ReplyKind, ReplyProbe, ReplyShape, SchemaProbe, ToldReply, UnknownArgument, UnknownRefusal,
    UnknownReply,
};
use crate::handler::{Context, HandlerFuture};
pub use crate::handler::{
    Driven, ErasedGuard, ErrorTypes, FrameworkError, FromContextOptional, Prompt, ReplyStream, Waits, call_0, call_1,
    call_2, call_3, call_4,
};
pub use crate::hub::RoomName;
use crate::manual::Written;
pub use crate::server::IntoEndpoint;

/// Makes a guard, an interceptor or a filter that is named by its type: one that was provided to the server; else one whose
/// fields are filled; else its default; else a problem of the start. Which of these a type has is found by looking at
/// `&&&Make<T>`, then at what it refers to.
#[derive(Debug)]
pub struct Make<T>(PhantomData<fn() -> T>);

impl<T> Make<T> {
    /// Of this type.
    #[must_use]
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<T> Default for Make<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// A type whose fields are filled.
pub trait MakeInjected<T> {
    /// Makes it, or notes why not.
    fn __gateway_make(&self, layers: &mut Layers<'_>, written: Written) -> Option<Arc<T>>;
}

impl<T: Injectable + Send + Sync + 'static> MakeInjected<T> for &&Make<T> {
    fn __gateway_make(&self, layers: &mut Layers<'_>, _: Written) -> Option<Arc<T>> {
        layers.provided().or_else(|| layers.inject())
    }
}

/// A type with a default.
pub trait MakeDefault<T> {
    /// Makes it.
    fn __gateway_make(&self, layers: &mut Layers<'_>, written: Written) -> Option<Arc<T>>;
}

impl<T: Default + Send + Sync + 'static> MakeDefault<T> for &Make<T> {
    fn __gateway_make(&self, layers: &mut Layers<'_>, _: Written) -> Option<Arc<T>> {
        layers.provided().or_else(|| Some(Arc::default()))
    }
}

/// A type that has to be provided.
pub trait MakeProvided<T> {
    /// Finds it, or notes that nobody provided it.
    fn __gateway_make(&self, layers: &mut Layers<'_>, written: Written) -> Option<Arc<T>>;
}

impl<T: Send + Sync + 'static> MakeProvided<T> for Make<T> {
    fn __gateway_make(&self, layers: &mut Layers<'_>, written: Written) -> Option<Arc<T>> {
        let provided = layers.provided();
        if provided.is_none() {
            layers.missing::<T>(written);
        }
        provided
    }
}

/// The outcome of a method that was not called: its argument of this type, as it is written, could not be read.
#[must_use]
pub fn rejected<T: From<Rejection>>(
    context: &Context<'_>,
    argument: &'static str,
    rejection: Rejection,
) -> HandlerFuture<T> {
    context.note(|| format!("the argument `{argument}` could not be read: {rejection}"));
    HandlerFuture::rejected(rejection)
}

/// Asks of the type that `register!` names that it is a gateway.
pub const fn is_gateway<G: Gateway>() {}

/// The other side of [`Probe`]: a block that does not exist adds nothing.
pub trait NoPart<G> {
    /// Adds nothing.
    fn __gateway_add(&self, _: &mut Handlers<G>) {}
}

impl<G, const N: usize> NoPart<G> for &Probe<G, N> {}

/// The other side of [`Concrete`]: where a type is no gateway, the compiler has said so.
pub trait NoRegistration<G> {
    #[doc(hidden)]
    fn __gateway_registration(&self, _: fn(&mut Handlers<G>)) -> Registration {
        unreachable!("only a gateway compiles")
    }
}

impl<G> NoRegistration<G> for &Concrete<G> {}

/// A field that its macro cannot read. Nobody provides it.
#[derive(Clone, Copy, Debug)]
pub enum Unread {}

/// Markers, each in a module of its own, from which made code imports it where nobody has imported it by its name.
pub mod markers {
    macro_rules! markers {
        ($($name:ident)*) => {$(
            /// A marker.
            pub mod $name {
                pub use gateway_macros::$name;
            }
        )*};
    }

    markers!(subscribe on_init on_connect on_disconnect on_message on_server_event guard intercept filter);
}

/// Requirements of `#[derive(Exception)]` on its type.
// No supertrait: rustc would then complain of `Error`, in its own words.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no error, so it has no text to tell a client",
    label = "does not implement `std::error::Error`",
    note = "derive it too: `#[derive(Debug, thiserror::Error, Exception)]`, with an `#[error(\"…\")]` for each failure"
)]
pub trait Failure {
    /// The text for the client.
    fn text(&self) -> String;
    /// The error for the log.
    fn as_error(&self) -> &(dyn std::error::Error + '_);
    /// The exception with the error in it, for filters.
    fn keep(self, exception: Exception) -> Exception
    where
        Self: Shareable;
}

/// An error, or a box of one.
pub trait AsError {
    #[doc(hidden)]
    fn __gateway_as_error(&self) -> &(dyn std::error::Error + 'static);
}

impl<T: std::error::Error + 'static> AsError for T {
    fn __gateway_as_error(&self) -> &(dyn std::error::Error + 'static) {
        self
    }
}

macro_rules! as_error {
    ($($($auto:ident)*;)*) => {$(
        impl AsError for dyn std::error::Error $(+ $auto)* + 'static {
            fn __gateway_as_error(&self) -> &(dyn std::error::Error + 'static) {
                self
            }
        }
    )*};
}

as_error!(; Send; Send Sync;);

/// An error type with `#[derive(Exception)]`, which knows the errors in its fields.
pub trait Nested {
    /// The error in a field of it, or in a field of that one, and so on to this depth.
    fn nested(&self, depth: usize) -> Option<&(dyn std::error::Error + 'static)>;
}

/// Finds what is nested in an error: a type that knows is preferred to any other.
#[derive(Debug)]
pub struct Inside<'a, T: ?Sized>(pub &'a T);

impl<'a, T: Nested> Inside<'a, T> {
    #[doc(hidden)]
    #[must_use]
    pub fn __gateway_nested(&self, depth: usize) -> Option<&'a (dyn std::error::Error + 'static)> {
        self.0.nested(depth)
    }
}

/// The other side of [`Inside`].
pub trait NothingInside<'a> {
    #[doc(hidden)]
    fn __gateway_nested(&self, _: usize) -> Option<&'a (dyn std::error::Error + 'static)> {
        None
    }
}

impl<'a, T: ?Sized> NothingInside<'a> for &Inside<'a, T> {}

/// Finds the error types of a field: of what is known, its own and those behind it.
#[derive(Debug)]
pub struct Field<T>(PhantomData<fn() -> T>);

impl<T> Field<T> {
    /// Of this type.
    #[must_use]
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<T> Default for Field<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: crate::IntoException> Field<T> {
    #[doc(hidden)]
    pub fn __gateway_error_types(&self, types: &mut ErrorTypes) {
        T::error_types(types);
    }
}

/// The other side of [`Field`].
pub trait UnknownField {
    #[doc(hidden)]
    fn __gateway_error_types(&self, types: &mut ErrorTypes) {
        types.add_unknown();
    }
}

impl<T> UnknownField for &Field<T> {}

/// The exception with the error in it, and with the errors in that one's fields.
#[must_use]
pub fn keep<T: Failure + Nested + Shareable + std::error::Error>(error: T, exception: Exception) -> Exception {
    error.keep(exception).with_behind(|error, depth| error.downcast_ref::<T>()?.nested(depth))
}

/// Requirements of `#[derive(Exception)]` on a type that stays in its exception: a filter may read it on another
/// thread.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be kept in an exception: threads cannot share it",
    label = "not `Send + Sync + 'static`",
    note = "an exception keeps the error it was made from, for filters: keep in it only what is `Send + Sync + 'static`, such as its text"
)]
pub trait Shareable: Sized + Send + Sync + 'static {}

#[diagnostic::do_not_recommend]
impl<T: Send + Sync + 'static> Shareable for T {}

/// Requirements of a generic gateway, guard, interceptor or filter on its parameters.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a parameter here: threads cannot share it",
    label = "not `Send + Sync + 'static`",
    note = "all sockets share one gateway: keep an `Arc` in place of an `Rc`, a `Mutex` or an atomic in place of a `Cell`"
)]
pub trait Shared: Send + Sync + 'static {}

#[diagnostic::do_not_recommend]
impl<T: Send + Sync + 'static + ?Sized> Shared for T {}

#[diagnostic::do_not_recommend]
impl<T: std::error::Error> Failure for T {
    fn text(&self) -> String {
        self.to_string()
    }

    fn as_error(&self) -> &(dyn std::error::Error + '_) {
        self
    }

    fn keep(self, exception: Exception) -> Exception
    where
        Self: Shareable,
    {
        exception.with_source(self)
    }
}
