//! Values that each socket has of its own, made when it comes in.

use std::any::{Any, TypeId, type_name};
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use crate::dispatch::{IntoRefusal, Refusal};
use crate::gateway::Provided;
use crate::socket::Socket;

type Value = Arc<dyn Any + Send + Sync>;
type Making = Pin<Box<dyn Future<Output = Result<Value, Refusal>> + Send>>;

/// Makes one value for each socket of the namespaces whose methods ask for it.
pub(crate) struct SocketFactory {
    pub(crate) makes: TypeId,
    pub(crate) name: &'static str,
    make: Box<dyn Fn(Socket, Provided) -> Making + Send + Sync>,
}

impl SocketFactory {
    pub(crate) fn new<T, E, F, A>(make: F) -> Arc<Self>
    where
        T: Send + Sync + 'static,
        E: IntoRefusal,
        F: Fn(Socket, Provided) -> A + Send + Sync + 'static,
        A: Future<Output = Result<T, E>> + Send + 'static,
    {
        let make = Box::new(move |socket, provided| -> Making {
            let making = make(socket, provided);
            Box::pin(async { making.await.map(|made| Arc::new(made) as Value).map_err(E::into_refusal) })
        });
        Arc::new(Self { makes: TypeId::of::<T>(), name: type_name::<T>(), make })
    }

    pub(crate) fn make(&self, socket: Socket, provided: Provided) -> Making {
        (self.make)(socket, provided)
    }
}

impl fmt::Debug for SocketFactory {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SocketFactory({})", self.name)
    }
}
