//! Options of a client, until it is made.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};
use serde::Serialize;

use crate::client::{Client, StartError};
#[cfg(feature = "tls")]
use crate::connector::Tls;
use crate::connector::{Connector, TcpConnector};
use crate::link::{Credentials, CredentialsFuture, Link, Malformed};
use crate::options::{Bounds, Delays};
use crate::session::{Resumption, Session};
use crate::shared::Shared;
use crate::wire::{Address, AddressError, is_own_header, write};

/// A fault of a client's options.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The URL is wrong.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// The credentials cannot be written as JSON.
    #[error("the credentials cannot be written as JSON")]
    Credentials(#[source] serde_json::Error),
    /// This header is invalid, or the handshake sets it.
    #[error("`{0}` is no header that can be set")]
    Header(String),
    /// This text cannot be a subprotocol.
    #[error("`{0}` is no name of a subprotocol")]
    Protocol(String),
}

/// A client that has not been made yet. See [`Client::builder`].
#[must_use = "a client is made by `build` or `connect`"]
pub struct ClientBuilder {
    url: String,
    credentials: Result<Credentials, BuildError>,
    is_auth_in_query: bool,
    headers: Result<HeaderMap, BuildError>,
    protocols: Vec<String>,
    resumes: bool,
    from: Option<Resumption>,
    delays: Delays,
    bounds: Bounds,
    connector: Option<Arc<dyn Connector>>,
    #[cfg(feature = "tls")]
    tls: Option<Tls>,
    malformed: Malformed,
}

impl ClientBuilder {
    pub(crate) fn new(url: String) -> Self {
        Self {
            url,
            credentials: Ok(Credentials::None),
            is_auth_in_query: false,
            headers: Ok(HeaderMap::new()),
            protocols: Vec::new(),
            resumes: true,
            from: None,
            delays: Delays::default(),
            bounds: Bounds::default(),
            connector: None,
            #[cfg(feature = "tls")]
            tls: None,
            malformed: Malformed::default(),
        }
    }

    /// Sends credentials with each attempt, as the subprotocol entry `auth.…`. The server reads them with `Handshake::auth`. Text, a value of
    /// your own or `json!({…})`, or a reference to one.
    #[allow(
        clippy::needless_pass_by_value,
        reason = "`json!({…})` without a `&` is what people write, as in tests of a server"
    )]
    pub fn auth<T: Serialize>(mut self, credentials: T) -> Self {
        self.credentials = write(&credentials).map(Credentials::Fixed).map_err(BuildError::Credentials);
        self
    }

    /// Calls a function for the credentials before each attempt. An attempt without credentials counts as a loss. With such a function
    /// the client also reconnects after close code 4502 and the statuses 401 and 403.
    pub fn auth_with<T, E, F>(mut self, credentials: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        T: Serialize,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
        F: Future<Output = Result<T, E>> + Send + 'static,
    {
        let credentials = move || -> CredentialsFuture {
            let credentials = credentials();
            Box::pin(async move { Ok(write(&credentials.await.map_err(Into::into)?)?) })
        };
        self.credentials = Ok(Credentials::Function(Box::new(credentials)));
        self
    }

    /// Sends the credentials in the query, as `?auth=…`, in place of a subprotocol entry. Servers and proxies may log it.
    pub fn auth_in_query(mut self) -> Self {
        self.is_auth_in_query = true;
        self
    }

    /// Adds a header to the handshake, such as `authorization`, `cookie` or `traceparent`.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        if let Ok(headers) = &mut self.headers {
            match (HeaderName::try_from(name), HeaderValue::try_from(value)) {
                (Ok(name), Ok(mut value)) if !is_own_header(&name) => {
                    value.set_sensitive(true);
                    headers.append(name, value);
                }
                (Ok(_) | Err(_), Ok(_) | Err(_)) => self.headers = Err(BuildError::Header(name.to_owned())),
            }
        }
        self
    }

    /// Offers a further subprotocol beside `gateway.v1`.
    pub fn protocol(mut self, name: &str) -> Self {
        self.protocols.push(name.to_owned());
        self
    }

    /// Sets whether the client asks for a session, and resumes it after a loss. Default: `true`. Without one, missed events are lost
    /// and each connection is a new socket.
    pub fn resume(mut self, resumes: bool) -> Self {
        self.resumes = resumes;
        self
    }

    /// Resumes the session of another client, such as one of an earlier process.
    pub fn resume_from(mut self, place: Resumption) -> Self {
        self.resumes = true;
        self.from = Some(place);
        self
    }

    /// Sets the times.
    pub fn delays(mut self, delays: Delays) -> Self {
        self.delays = delays;
        self
    }

    /// Sets the bounds of what is held in memory.
    pub fn bounds(mut self, bounds: Bounds) -> Self {
        self.bounds = bounds;
        self
    }

    /// Opens streams of bytes by this connector in place of TCP.
    pub fn connector(mut self, connector: impl Connector) -> Self {
        self.connector = Some(Arc::new(connector));
        self
    }

    /// Sets the certificates for `wss:`. Default: the authorities of the operating system.
    #[cfg(feature = "tls")]
    #[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Calls a function with each message of the server that cannot be read, which is skipped. Default: a warning in the log.
    pub fn on_malformed(mut self, report: impl Fn(&str) + Send + Sync + 'static) -> Self {
        self.malformed = Malformed::new(report);
        self
    }

    /// Makes the client. The first attempt begins with its first use.
    ///
    /// # Errors
    ///
    /// [`BuildError`] for the first option that is wrong.
    pub fn build(self) -> Result<Client, BuildError> {
        let address = Address::parse(&self.url)?;
        let is_token = |name: &String| !name.is_empty() && name.bytes().all(is_token_byte);
        if let Some(wrong) = self.protocols.iter().find(|name| !is_token(name)) {
            return Err(BuildError::Protocol(wrong.clone()));
        }
        let tcp = TcpConnector {
            #[cfg(feature = "tls")]
            tls: self.tls,
        };
        let link = Link {
            address,
            headers: self.headers?,
            protocols: self.protocols,
            credentials: self.credentials?,
            is_auth_in_query: self.is_auth_in_query,
            resumes: self.resumes,
            connector: self.connector.unwrap_or_else(|| Arc::new(tcp)),
            malformed: self.malformed,
        };
        Ok(Client::new(Shared::new(self.delays, self.bounds, Session::new(self.from), link)))
    }

    /// Makes the client and waits until the server has accepted it. While attempts fail, it waits for the next: bound it by a timeout.
    ///
    /// # Errors
    ///
    /// [`StartError`] if an option is wrong, or the server refuses the client for good.
    ///
    /// # Panics
    ///
    /// Outside of a Tokio runtime.
    ///
    /// # Cancel safety
    ///
    /// A dropped call closes the client.
    pub async fn connect(self) -> Result<Client, StartError> {
        let client = self.build()?;
        client.ready().await?;
        Ok(client)
    }
}

/// RFC 9110 §5.6.2.
fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ClientBuilder").finish_non_exhaustive()
    }
}
