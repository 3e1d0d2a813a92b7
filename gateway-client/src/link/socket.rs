//! A connection's messages, whatever carries them.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use futures_util::Sink;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::connector::ByteStream;
use crate::link::line_socket::LineSocket;

pub(super) enum Socket {
    WebSocket(Box<WebSocketStream<Box<dyn ByteStream>>>),
    Lines(Box<LineSocket>),
}

impl Stream for Socket {
    type Item = Result<Message, Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match self.get_mut() {
            Self::WebSocket(socket) => Pin::new(&mut **socket).poll_next(context),
            Self::Lines(socket) => Pin::new(&mut **socket).poll_next(context),
        }
    }
}

impl Sink<Message> for Socket {
    type Error = Error;

    fn poll_ready(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        match self.get_mut() {
            Self::WebSocket(socket) => Pin::new(&mut **socket).poll_ready(context),
            Self::Lines(socket) => Pin::new(&mut **socket).poll_ready(context),
        }
    }

    fn start_send(self: Pin<&mut Self>, message: Message) -> Result<(), Error> {
        match self.get_mut() {
            Self::WebSocket(socket) => Pin::new(&mut **socket).start_send(message),
            Self::Lines(socket) => Pin::new(&mut **socket).start_send(message),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        match self.get_mut() {
            Self::WebSocket(socket) => Pin::new(&mut **socket).poll_flush(context),
            Self::Lines(socket) => Pin::new(&mut **socket).poll_flush(context),
        }
    }

    fn poll_close(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        match self.get_mut() {
            Self::WebSocket(socket) => Pin::new(&mut **socket).poll_close(context),
            Self::Lines(socket) => Pin::new(&mut **socket).poll_close(context),
        }
    }
}
