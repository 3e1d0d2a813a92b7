//! tokio-tungstenite as one who has measured writes it: 4 KiB read buffer, one flush per ready batch, raw data, shared
//! broadcasts.

use std::sync::Arc;

use futures_util::{FutureExt, SinkExt, StreamExt};
use peers::Room;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::net::TcpStream;
use tokio::sync::mpsc::unbounded_channel;
use tokio_tungstenite::tungstenite::{Error, Message, protocol::WebSocketConfig};
use tokio_tungstenite::{WebSocketStream, accept_async_with_config};

#[derive(Deserialize)]
struct Envelope<'a> {
    event: &'a str,
    #[serde(borrow)]
    data: &'a RawValue,
}

const BATCH: usize = 32;

fn main() {
    let config = WebSocketConfig::default().read_buffer_size(4096);
    peers::run(async {
        let listener = peers::listener().await;
        let room = Arc::new(Room::new());
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(serve(stream, config, room.clone()));
        }
    });
}

async fn serve(stream: TcpStream, config: WebSocketConfig, room: Arc<Room<Message>>) -> Result<(), Error> {
    stream.set_nodelay(true)?;
    let mut socket = accept_async_with_config(stream, Some(config)).await?;
    let (send, mut inbox) = unbounded_channel();
    let id = room.join(send);
    let mut ended = false;
    while !ended {
        tokio::select! {
            message = socket.next() => {
                ended = taken(&mut socket, message, &room).await?;
                for _ in 1..BATCH {
                    if ended { break }
                    let Some(message) = socket.next().now_or_never() else { break };
                    ended = taken(&mut socket, message, &room).await?;
                }
            }
            Some(message) = inbox.recv() => {
                socket.feed(message).await?;
                while let Ok(message) = inbox.try_recv() {
                    socket.feed(message).await?;
                }
            }
        }
        socket.flush().await?;
    }
    room.leave(id);
    Ok(())
}

/// Takes a message; returns `true` after the last.
async fn taken(
    socket: &mut WebSocketStream<TcpStream>,
    message: Option<Result<Message, Error>>,
    room: &Room<Message>,
) -> Result<bool, Error> {
    let text = match message {
        Some(Ok(Message::Text(text))) => text,
        Some(Ok(_)) => return Ok(false),
        Some(Err(_)) | None => return Ok(true),
    };
    let Ok(envelope) = serde_json::from_str::<Envelope<'_>>(&text) else { return Ok(true) };
    let answer = |event: &str| {
        let data = envelope.data.get();
        let mut text = String::with_capacity(data.len() + 32);
        text.extend([r#"{"event":""#, event, r#"","data":"#, data, "}"]);
        Message::text(text)
    };
    match envelope.event {
        "echo" => socket.feed(answer("echo")).await?,
        "broadcast" => room.send(&answer("broadcast")),
        _ => return Ok(true),
    }
    Ok(false)
}
