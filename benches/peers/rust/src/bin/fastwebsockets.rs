//! fastwebsockets: the reading half in a task, the writing half behind a lock, a broadcast written by its sender.

use std::collections::HashMap;
use std::sync::Arc;

use data_encoding::BASE64;
use fastwebsockets::{Frame, FragmentCollectorRead, OpCode, Payload, Role, WebSocket, WebSocketError, WebSocketWrite};
use peers::{Asked, dispatch};
use sha1::{Digest, Sha1};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::sync::Mutex;

type Writer = Arc<Mutex<WebSocketWrite<OwnedWriteHalf>>>;
type Room = Arc<Mutex<HashMap<u64, Writer>>>;

fn main() {
    peers::run(async {
        let listener = peers::listener().await;
        let room = Room::default();
        for id in 0.. {
            let (stream, _) = listener.accept().await.unwrap();
            let room = room.clone();
            tokio::spawn(async move {
                // A connection that breaks has nobody left to tell.
                let _ = serve(stream, id, &room).await;
                room.lock().await.remove(&id);
            });
        }
    });
}

async fn serve(mut stream: TcpStream, id: u64, room: &Room) -> Result<(), WebSocketError> {
    stream.set_nodelay(true)?;
    handshake(&mut stream).await?;
    let socket = WebSocket::after_handshake(stream, Role::Server);
    let (reader, writer) = socket.split(TcpStream::into_split);
    let mut reader = FragmentCollectorRead::new(reader);
    let writer = Arc::new(Mutex::new(writer));
    room.lock().await.insert(id, writer.clone());
    loop {
        let mut answer = async |frame: Frame<'_>| writer.lock().await.write_frame(frame).await;
        let frame = reader.read_frame(&mut answer).await?;
        match frame.opcode {
            OpCode::Text => {}
            OpCode::Close => return Ok(()),
            _ => continue,
        }
        let text = std::str::from_utf8(&frame.payload).map_err(|_| WebSocketError::InvalidUTF8)?;
        match dispatch(text) {
            Some(Asked::Echo(text)) => send(&writer, text.as_bytes()).await?,
            Some(Asked::Broadcast(text)) => {
                for member in room.lock().await.values() {
                    send(member, text.as_bytes()).await?;
                }
            }
            None => return Ok(()),
        }
    }
}

async fn send(writer: &Writer, text: &[u8]) -> Result<(), WebSocketError> {
    writer.lock().await.write_frame(Frame::text(Payload::Borrowed(text))).await
}

async fn handshake(stream: &mut TcpStream) -> Result<(), WebSocketError> {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        if stream.read_buf(&mut request).await? == 0 {
            return Err(WebSocketError::UnexpectedEOF);
        }
    }
    let text = String::from_utf8_lossy(&request);
    let key = text.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).unwrap_or_default();
    let accept = BASE64.encode(&Sha1::new().chain_update(key).chain_update("258EAFA5-E914-47DA-95CA-C5AB0DC85B11").finalize());
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    stream.write_all(answer.as_bytes()).await?;
    Ok(())
}
