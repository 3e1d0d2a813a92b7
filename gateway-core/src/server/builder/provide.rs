//! Values given to a server for its gateways: services, and values that each socket has of its own.

use std::fmt;

use crate::gateway::{Services, SocketFactory};
use crate::handler::{IntoConnectRejection, Service};
use crate::server::builder::server::Server;
use crate::socket::Socket;

impl Server {
    /// Adds a service. Gateway fields and `State<T>` arguments of exactly this type get a clone of it. A later service of the
    /// same type replaces an earlier one, also one from [`Server::provide_with`].
    pub fn provide<T: Service>(mut self, service: T) -> Self {
        self.factories.forget::<T>();
        self.services.provide(service);
        self
    }

    /// Adds a service that `make` creates once, when the server starts and before the port opens.
    ///
    /// `make` may use other services, also those made by other factories. All factories run concurrently. A factory that fails
    /// stops the start and is reported together with all other problems.
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use gateway_core::prelude::*;
    ///
    /// #[derive(Clone)]
    /// struct Settings {
    ///     database: String,
    /// }
    ///
    /// struct Pool(String);
    ///
    /// impl Pool {
    ///     async fn connect(url: &str) -> std::io::Result<Arc<Self>> {
    ///         Ok(Arc::new(Self(url.to_owned())))
    ///     }
    /// }
    ///
    /// let server = Server::new()
    ///     .provide(Settings { database: "db:5432".to_owned() })
    ///     .provide_with(async |services| {
    ///         let settings: Settings = services.get().await?;
    ///         Ok::<_, Box<dyn std::error::Error>>(Pool::connect(&settings.database).await?)
    ///     });
    /// # drop(server);
    /// ```
    #[track_caller]
    pub fn provide_with<T, E, F, A>(mut self, make: F) -> Self
    where
        T: Service,
        E: fmt::Display,
        F: FnOnce(Services) -> A + Send + 'static,
        A: Future<Output = Result<T, E>> + Send + 'static,
    {
        self.services.promise::<T>();
        self.factories.add(make);
        self
    }

    /// Adds a value that each socket has its own instance of, read as [`PerSocket<T>`](crate::extract::PerSocket). `make` runs when a
    /// socket connects to a namespace with a method that uses the value, and may refuse the socket. The value is dropped after
    /// the last disconnect hook. A later factory for the same type replaces an earlier one.
    pub fn provide_per_socket<T, E, F, A>(mut self, make: F) -> Self
    where
        T: Send + Sync + 'static,
        E: IntoConnectRejection,
        F: Fn(Socket, Services) -> A + Send + Sync + 'static,
        A: Future<Output = Result<T, E>> + Send + 'static,
    {
        let factory = SocketFactory::new(make);
        self.per_socket.retain(|other| other.makes != factory.makes);
        self.per_socket.push(factory);
        self
    }
}
