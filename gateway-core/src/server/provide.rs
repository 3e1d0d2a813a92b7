//! Values given to a server for its gateways: services, and values that each socket has of its own.

use std::fmt;

use crate::gateway::{Services, SocketFactory};
use crate::handler::{IntoConnectRejection, Service};
use crate::server::builder::Server;
use crate::socket::Socket;

impl Server {
    /// Gives gateways a service: fields and `State<T>` arguments of this very type get a clone of it. The later of two
    /// values of one type counts, whether it is given or made.
    pub fn provide<T: Service>(mut self, service: T) -> Self {
        self.factories.forget::<T>();
        self.services.provide(service);
        self
    }

    /// Gives gateways a service that has to be made first, once, when the server starts and before the port opens.
    ///
    /// `make` may ask for other services, those that are made included. All of them are made at the same time; one that
    /// fails stops the start, and is reported with everything else that is wrong.
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

    /// Gives each socket a value of its own, read as [`PerSocket<T>`](crate::extract::PerSocket). It is made when the socket comes
    /// in, where a method of its namespace asks for it, and dropped when its last disconnect hook has run. `make` may refuse
    /// the socket. The later of two of one type counts.
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
