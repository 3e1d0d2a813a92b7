//! One attempt: the stream of bytes, and the WebSocket handshake on it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use http::header::{HeaderMap, RETRY_AFTER, SEC_WEBSOCKET_PROTOCOL};
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::error::{CapacityError, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use crate::connector::{ByteStream, Destination};
use crate::link::Link;
use crate::shared::Shared;
use crate::status::{ConnectError, Refusal};
use crate::wire::{Offer, SUBPROTOCOL, upgrade_request};

pub(super) type Socket = WebSocketStream<Box<dyn ByteStream>>;

/// Bytes of a refusal's body that are kept.
const MOST_TEXT: usize = 1024;

/// Bytes that are read at once, and that are collected before they are written.
const BUFFER: usize = 16 * 1024;

/// An upgraded connection.
pub(super) struct Upgraded {
    pub(super) socket: Socket,
    /// `true` if the server will send the frame of the session.
    pub(super) has_session: bool,
}

impl Link {
    /// Connects. The caller bounds the time.
    pub(super) async fn open(&self, shared: &Shared) -> Result<Upgraded, ConnectError> {
        let auth = self.credentials.get().await.map_err(|error| ConnectError::Credentials(Arc::from(error)))?;
        let offer = Offer {
            headers: &self.headers,
            protocols: &self.protocols,
            auth,
            is_auth_in_query: self.is_auth_in_query,
            resume: self.resumes.then(|| shared.session.entry()),
        };
        let invalid = |error: http::Error| failed(io::Error::new(io::ErrorKind::InvalidInput, error));
        let request = upgrade_request(&self.address, offer).map_err(invalid)?;
        let destination =
            Destination { host: &self.address.host, port: self.address.port, is_tls: self.address.is_tls };
        let stream = self.connector.connect(&destination).await.map_err(failed)?;
        let config = WebSocketConfig::default()
            .read_buffer_size(BUFFER)
            .write_buffer_size(BUFFER)
            .max_message_size(Some(shared.bounds.message))
            .max_frame_size(Some(shared.bounds.message));
        let upgraded = client_async_with_config(request, stream, Some(config)).await;
        let (socket, response) = upgraded.map_err(|error| broken(error, shared.bounds.message))?;
        let has_session =
            self.resumes && response.headers().get(SEC_WEBSOCKET_PROTOCOL).is_some_and(|it| it == SUBPROTOCOL);
        Ok(Upgraded { socket, has_session })
    }
}

fn failed(error: io::Error) -> ConnectError {
    ConnectError::Io(Arc::new(error))
}

/// Returns the failure behind an error of the WebSocket; `bound` is the longest message.
pub(super) fn broken(error: Error, bound: usize) -> ConnectError {
    match error {
        Error::Io(error) => failed(error),
        Error::Tls(error) => failed(io::Error::other(error)),
        Error::Capacity(CapacityError::MessageTooLong { .. }) => ConnectError::TooBig(bound),
        Error::Http(response) => {
            let (parts, body) = response.into_parts();
            let mut body = body.unwrap_or_default();
            body.truncate(MOST_TEXT);
            ConnectError::Refused(Refusal {
                status: parts.status.as_u16(),
                text: String::from_utf8_lossy(&body).trim().to_owned(),
                retry_after: retry_after(&parts.headers),
            })
        }
        Error::Url(_) | Error::HttpFormat(_) => failed(io::Error::new(io::ErrorKind::InvalidInput, error.to_string())),
        // The connection ended although the protocol did not allow it yet.
        Error::ConnectionClosed
        | Error::AlreadyClosed
        | Error::Protocol(ProtocolError::ResetWithoutClosingHandshake | ProtocolError::HandshakeIncomplete) => {
            failed(io::ErrorKind::UnexpectedEof.into())
        }
        other => ConnectError::Violation(other.to_string()),
    }
}

/// RFC 9110 §10.2.3; a date is not read.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}
