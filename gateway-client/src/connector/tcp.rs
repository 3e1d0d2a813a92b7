//! TCP, with TLS where the URL asks for it, and Unix sockets.

use std::io;

use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;

#[cfg(feature = "tls")]
use crate::connector::Tls;
use crate::connector::{ByteStream, ConnectFuture, Connector, Destination};

/// Opens TCP connections.
#[derive(Debug, Default)]
pub(crate) struct TcpConnector {
    #[cfg(feature = "tls")]
    pub(crate) tls: Option<Tls>,
}

impl Connector for TcpConnector {
    fn connect(&self, destination: &Destination<'_>) -> ConnectFuture {
        #[cfg(unix)]
        if let Some(path) = destination.unix.map(ToOwned::to_owned) {
            return Box::pin(async move { Ok(Box::new(UnixStream::connect(path).await?) as Box<dyn ByteStream>) });
        }
        #[cfg(not(unix))]
        if destination.unix.is_some() {
            let text = "there are no Unix sockets on this system";
            return Box::pin(std::future::ready(Err(io::Error::new(io::ErrorKind::Unsupported, text))));
        }
        let (host, port) = (destination.host.to_owned(), destination.port);
        if !destination.is_tls {
            return Box::pin(async move { Ok(Box::new(open(&host, port).await?) as Box<dyn ByteStream>) });
        }
        #[cfg(feature = "tls")]
        {
            let tls = self.tls.clone();
            Box::pin(async move {
                let tls = tls.map_or_else(Tls::new, Ok).map_err(io::Error::other)?;
                let stream = open(&host, port).await?;
                Ok(Box::new(tls.connect(&host, stream).await?) as Box<dyn ByteStream>)
            })
        }
        #[cfg(not(feature = "tls"))]
        {
            let text = "`wss:` and `tls:` need the feature `tls` of gateway-client, or a connector of your own";
            Box::pin(std::future::ready(Err(io::Error::new(io::ErrorKind::Unsupported, text))))
        }
    }
}

async fn open(host: &str, port: u16) -> io::Result<TcpStream> {
    let stream = TcpStream::connect((host, port)).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}
