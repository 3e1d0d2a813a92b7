//! The wire formats: plain WebSocket, MessagePack, custom formats, Socket.IO.

mod formats;
mod nestjs;
mod protocol;
mod socket_io;
