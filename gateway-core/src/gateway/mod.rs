//! Gateways: their declaration, construction from services, link-time registration, and assembly into routes. Nothing here
//! runs a handler.

mod assembly;
#[cfg(feature = "contract")]
mod contract;
mod factories;
mod fields;
mod handlers;
mod known_namespaces;
mod layers;
mod method_entry;
mod namespace_error;
mod pattern;
mod per_socket;
mod problem;
mod registry;
mod renewal;
mod requirements_check;
mod route;
mod unreachable_filters;

pub(crate) use assembly::{Assembled, Assembly, AssemblyInputs};
#[cfg(feature = "contract")]
pub(crate) use contract::{NamespaceEvents, describe_gateways, listed_events};
pub(crate) use factories::Factories;
pub use factories::{ServiceMissing, Services};
pub use fields::Fields;
pub use handlers::Handlers;
pub(crate) use known_namespaces::{KnownNamespaces, check_slash};
pub(crate) use layers::BuiltLayers;
pub use layers::{Injectable, Layers};
pub use method_entry::{
    ConnectFuture, Describe, DisconnectFuture, EventFuture, InitFuture, MessageFuture, MethodEntry, SubscriptionEntry,
};
pub use namespace_error::NamespaceError;
pub(crate) use per_socket::SocketFactory;
pub use problem::{Problem, StartError};
#[cfg(feature = "contract")]
pub use registry::EventEntry;
pub(crate) use registry::GatewaySelection;
pub use registry::{Concrete, ConcreteEntry, GatewayEntry, GenericEntry, HandlersEntry, Part, Probe, Registration};
pub(crate) use route::{MatchedRoute, Route, Routes};

use crate::handler::Declared;

/// A type whose methods handle the events of a namespace. Implemented by `#[gateway(namespace = "/…")]` on a struct, or
/// by hand for use with [`Server::gateway_with`](crate::Server::gateway_with).
///
/// One value serves all sockets, from many tasks at once. Events of one socket are handled one after the other, in order;
/// events of different sockets are handled concurrently.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a gateway",
    label = "this type has no namespace",
    note = "put `#[gateway(namespace = \"/…\")]` on `struct {Self}`"
)]
pub trait Gateway: Send + Sync + Sized + 'static {
    /// The path of the namespace, such as `/chat` or `/chat/{room}`.
    const NAMESPACE: &'static str;
    /// Location of the declaration.
    const DECLARED: Declared;

    /// Constructs the gateway from the server's services. Returns `None` if `fields` has noted a missing one.
    fn construct(fields: &mut Fields<'_>) -> Option<Self>;

    /// Adds the guards, interceptors and filters around all methods.
    fn around(layers: &mut Layers<'_>) {
        let _ = layers;
    }

    /// Describes the gateway for the contract.
    #[cfg(feature = "contract")]
    #[doc(hidden)]
    fn describe(gateway: &mut crate::handler::GatewayDescription) {
        let _ = gateway;
    }
}

/// A gateway that is in the link-time registry, by its macro or by [`register!`](crate::register).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not registered",
    label = "this concrete gateway is in no registry",
    note = "a gateway registers itself: put `#[gateway(namespace = \"/…\")]` on `struct {Self}`",
    note = "a generic gateway is registered by naming a concrete type, once: `gateway_core::register!({Self});`",
    note = "one written by hand is added with `.gateway_with::<{Self}>(…)`"
)]
pub trait Registered {}

#[cfg(test)]
mod tests;
