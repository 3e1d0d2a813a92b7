//! Values that each socket has its own instance of, created when the socket connects.

use std::any::{Any, TypeId, type_name};
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use crate::error::ConnectRejection;
use crate::gateway::Services;
use crate::handler::IntoConnectRejection;
use crate::socket::Socket;

type SocketValue = Arc<dyn Any + Send + Sync>;
type ValueFuture = Pin<Box<dyn Future<Output = Result<SocketValue, ConnectRejection>> + Send>>;

/// A factory of a value per socket, for namespaces whose methods use the value.
pub(crate) struct SocketFactory {
    pub(crate) makes: TypeId,
    pub(crate) name: &'static str,
    make: Box<dyn Fn(Socket, Services) -> ValueFuture + Send + Sync>,
}

impl SocketFactory {
    pub(crate) fn new<T, E, F, A>(make: F) -> Arc<Self>
    where
        T: Send + Sync + 'static,
        E: IntoConnectRejection,
        F: Fn(Socket, Services) -> A + Send + Sync + 'static,
        A: Future<Output = Result<T, E>> + Send + 'static,
    {
        let make = Box::new(move |socket, provided| -> ValueFuture {
            let making = make(socket, provided);
            Box::pin(async {
                making.await.map(|made| Arc::new(made) as SocketValue).map_err(E::into_connect_rejection)
            })
        });
        Arc::new(Self { makes: TypeId::of::<T>(), name: type_name::<T>(), make })
    }

    pub(crate) fn make(&self, socket: Socket, provided: Services) -> ValueFuture {
        (self.make)(socket, provided)
    }
}

impl fmt::Debug for SocketFactory {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SocketFactory({})", self.name)
    }
}
