//! One attempt: the stream of bytes, and the WebSocket handshake on it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use http::header::{HeaderMap, RETRY_AFTER, SEC_WEBSOCKET_PROTOCOL};
use serde::Deserialize;
use tokio_tungstenite::client_async_with_config;
use tokio_tungstenite::tungstenite::error::{CapacityError, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::connector::Destination;
use crate::link::Link;
use crate::link::line_socket::LineSocket;
use crate::link::socket::Socket;
use crate::shared::Shared;
use crate::status::{ConnectError, Refusal};
use crate::wire::{Address, FirstLine, Offer, SUBPROTOCOL, upgrade_request};

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
        if self.address.speaks_lines {
            return self.open_lines(shared, auth).await;
        }
        let offer = Offer {
            headers: &self.headers,
            protocols: &self.protocols,
            auth,
            is_auth_in_query: self.is_auth_in_query,
            resume: self.resumes.then(|| shared.session.entry()),
        };
        let invalid = |error: http::Error| failed(io::Error::new(io::ErrorKind::InvalidInput, error));
        let request = upgrade_request(&self.address, offer).map_err(invalid)?;
        let stream = self.connector.connect(&self.destination()).await.map_err(failed)?;
        let config = WebSocketConfig::default()
            .read_buffer_size(BUFFER)
            .write_buffer_size(BUFFER)
            .max_message_size(Some(shared.bounds.message))
            .max_frame_size(Some(shared.bounds.message));
        let upgraded = client_async_with_config(request, stream, Some(config)).await;
        let (socket, response) = upgraded.map_err(|error| broken(error, shared.bounds.message))?;
        let has_session =
            self.resumes && response.headers().get(SEC_WEBSOCKET_PROTOCOL).is_some_and(|it| it == SUBPROTOCOL);
        Ok(Upgraded { socket: Socket::WebSocket(Box::new(socket)), has_session })
    }

    /// Connects over lines: the first one says what a handshake says, and the server's first greets or refuses.
    async fn open_lines(&self, shared: &Shared, auth: Option<String>) -> Result<Upgraded, ConnectError> {
        let first = FirstLine {
            address: &self.address,
            headers: &self.headers,
            auth,
            resumes: self.resumes,
            resumption: shared.session.resumption(),
        };
        let invalid = |error| failed(io::Error::new(io::ErrorKind::InvalidInput, error));
        let first = first.to_json().map_err(invalid)?;
        let stream = self.connector.connect(&self.destination()).await.map_err(failed)?;
        let bound = shared.bounds.message;
        let mut socket = LineSocket::new(stream, bound);
        socket.send(Message::Text(first.into())).await.map_err(|error| broken(error, bound))?;
        let answer = socket.next().await.ok_or_else(|| failed(io::ErrorKind::UnexpectedEof.into()))?;
        let answer = answer.map_err(|error| broken(error, bound))?;
        if let Message::Text(text) = &answer
            && let Ok(RefusedLine { refused }) = serde_json::from_str(text)
        {
            let RefusedMembers { status, message: mut text, retry_after } = refused;
            text.truncate(text.floor_char_boundary(MOST_TEXT));
            return Err(ConnectError::Refused(Refusal {
                status,
                text,
                retry_after: retry_after.map(Duration::from_secs),
            }));
        }
        socket.unread(answer);
        Ok(Upgraded { socket: Socket::Lines(Box::new(socket)), has_session: true })
    }

    fn destination(&self) -> Destination<'_> {
        let Address { host, port, is_tls, unix, .. } = &self.address;
        Destination { host, port: *port, is_tls: *is_tls, unix: unix.as_deref() }
    }
}

#[derive(Deserialize)]
struct RefusedLine {
    refused: RefusedMembers,
}

#[derive(Deserialize)]
struct RefusedMembers {
    status: u16,
    message: String,
    retry_after: Option<u64>,
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
