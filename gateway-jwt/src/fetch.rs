//! Fetching of keys: from a file, and over HTTP/1.1, each bounded in bytes. The time is bounded by the caller.

use std::io;
use std::net::IpAddr;
use std::path::Path;
use std::pin::pin;

use bytes::Bytes;
use http::header::{ACCEPT, HOST};
use http::{Request, StatusCode, Uri};
use http_body_util::{BodyExt, Empty, LengthLimitError, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::net::TcpStream;

use crate::keys::{KeysError, MOST_BYTES};

/// Reason why keys could not be fetched. It is logged; clients are told that the keys are away.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// The file or the other machine cannot be reached.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The answer is no HTTP.
    #[error("{0}")]
    Http(#[from] hyper::Error),
    /// The answer has another status than 200. Redirects are not followed.
    #[error("the answer has the status {0}")]
    Status(StatusCode),
    /// There are more than 256 KiB.
    #[error("there are more than 256 KiB")]
    TooLarge,
    /// It took longer than 5 s.
    #[error("it took longer than 5 s")]
    TimedOut,
    /// The text is no set of keys.
    #[error("{0}")]
    Unusable(String),
    /// The application's own fetch failed.
    #[error("{0}")]
    Application(String),
}

/// Reads a file.
pub(crate) async fn read_file(path: &Path) -> Result<String, FetchError> {
    let file = tokio::fs::File::open(path).await?;
    let mut text = String::new();
    file.take(MOST_BYTES as u64 + 1).read_to_string(&mut text).await?;
    if text.len() > MOST_BYTES { Err(FetchError::TooLarge) } else { Ok(text) }
}

/// A URL of keys.
#[derive(Debug)]
pub(crate) struct KeysUrl {
    host: String,
    port: u16,
    authority: String,
    path: String,
    encryption: Encryption,
}

impl KeysUrl {
    pub(crate) fn parse(url: &str) -> Result<Self, KeysError> {
        let wrong = || KeysError::Url(url.to_owned());
        let uri: Uri = url.parse().map_err(|_| wrong())?;
        let authority = uri.authority().filter(|authority| !authority.as_str().contains('@')).ok_or_else(wrong)?;
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let (encryption, usual_port) = match uri.scheme_str() {
            Some("https") => {
                let encryption = Encryption::new(&host).map_err(|why| KeysError::Tls(url.to_owned(), why))?;
                (encryption, 443)
            }
            Some("http") if is_this_machine(&host) => (Encryption::None, 80),
            Some("http") => return Err(KeysError::NotEncrypted(url.to_owned())),
            Some(_) | None => return Err(wrong()),
        };
        Ok(Self {
            port: authority.port_u16().unwrap_or(usual_port),
            authority: authority.as_str().to_owned(),
            path: uri.path_and_query().map_or("/", |path| path.as_str()).to_owned(),
            host,
            encryption,
        })
    }

    pub(crate) async fn fetch(&self) -> Result<String, FetchError> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
        match &self.encryption {
            Encryption::None => self.get(stream).await,
            #[cfg(feature = "tls")]
            Encryption::Tls(tls) => self.get(tls.connect(stream).await?).await,
        }
    }

    async fn get(&self, stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Result<String, FetchError> {
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let request = Request::get(self.path.as_str())
            .header(HOST, self.authority.as_str())
            .header(ACCEPT, "application/jwk-set+json, application/json")
            .body(Empty::<Bytes>::new())
            .map_err(|error| FetchError::Unusable(error.to_string()))?;
        let answer = async {
            let response = sender.send_request(request).await?;
            if response.status() != StatusCode::OK {
                return Err(FetchError::Status(response.status()));
            }
            let body = Limited::new(response.into_body(), MOST_BYTES).collect().await.map_err(unread)?;
            String::from_utf8(body.to_bytes().to_vec()).map_err(|_| FetchError::Unusable("it is not UTF-8".to_owned()))
        };
        let (mut answer, mut connection) = (pin!(answer), pin!(connection));
        let mut is_open = true;
        loop {
            tokio::select! {
                biased;
                answer = &mut answer => return answer,
                // What was read before the end is still taken.
                _ = &mut connection, if is_open => is_open = false,
            }
        }
    }
}

fn unread(error: Box<dyn std::error::Error + Send + Sync>) -> FetchError {
    if error.is::<LengthLimitError>() {
        return FetchError::TooLarge;
    }
    match error.downcast::<hyper::Error>() {
        Ok(error) => FetchError::Http(*error),
        Err(error) => FetchError::Unusable(error.to_string()),
    }
}

fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

/// Encryption of the connection to a URL.
enum Encryption {
    None,
    #[cfg(feature = "tls")]
    Tls(tls::TlsClient),
}

impl Encryption {
    #[cfg(feature = "tls")]
    fn new(host: &str) -> Result<Self, String> {
        tls::TlsClient::new(host).map(Self::Tls)
    }

    #[cfg(not(feature = "tls"))]
    fn new(_: &str) -> Result<Self, String> {
        Err("the feature `tls` of gateway-jwt is off".to_owned())
    }
}

impl std::fmt::Debug for Encryption {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::None => "None",
            #[cfg(feature = "tls")]
            Self::Tls(_) => "Tls",
        })
    }
}

#[cfg(feature = "tls")]
mod tls {
    //! TLS by rustls with ring, and the authorities of the operating system.

    use std::io;
    use std::sync::Arc;

    use tokio::net::TcpStream;
    use tokio_rustls::TlsConnector;
    use tokio_rustls::client::TlsStream;
    use tokio_rustls::rustls::crypto::ring;
    use tokio_rustls::rustls::pki_types::ServerName;
    use tokio_rustls::rustls::{ClientConfig, RootCertStore};

    pub(super) struct TlsClient {
        connector: TlsConnector,
        name: ServerName<'static>,
    }

    impl TlsClient {
        pub(super) fn new(host: &str) -> Result<Self, String> {
            let found = rustls_native_certs::load_native_certs();
            let mut roots = RootCertStore::empty();
            roots.add_parsable_certificates(found.certs);
            if roots.is_empty() {
                return Err("the system has no certificates of authorities".to_owned());
            }
            let name = ServerName::try_from(host.to_owned()).map_err(|error| error.to_string())?;
            let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
                .with_safe_default_protocol_versions()
                .map_err(|error| error.to_string())?
                .with_root_certificates(roots)
                .with_no_client_auth();
            Ok(Self { connector: TlsConnector::from(Arc::new(config)), name })
        }

        pub(super) async fn connect(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
            self.connector.connect(self.name.clone(), stream).await
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_encrypted_or_of_this_machine() {
        let check = |url: &str, expected: &str| {
            let found = KeysUrl::parse(url).map(|url| format!("{}:{}{}", url.host, url.port, url.path));
            assert_eq!(found.unwrap_or_else(|error| error.to_string()), expected, "{url}");
        };
        check("http://127.0.0.1:8080/keys?v=1", "127.0.0.1:8080/keys?v=1");
        check("http://[::1]/", "::1:80/");
        check("http://localhost", "localhost:80/");
        let bare = "`http://accounts.example.com/keys` is not encrypted: use https, or fetch the keys yourself with `Keys::fetched`";
        check("http://accounts.example.com/keys", bare);
        check("ftp://localhost/keys", "`ftp://localhost/keys` is no URL of keys");
        check("keys.json", "`keys.json` is no URL of keys");
        check("http://ann:secret@localhost/", "`http://ann:secret@localhost/` is no URL of keys");
    }
}
