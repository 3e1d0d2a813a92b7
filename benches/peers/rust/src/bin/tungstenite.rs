//! tokio-tungstenite as its documentation has it; `--read-buffer N` changes that one setting.

use std::sync::Arc;

use futures_util::{SinkExt, StreamExt};
use peers::{Asked, Room, dispatch};
use tokio::net::TcpStream;
use tokio::sync::mpsc::unbounded_channel;
use tokio_tungstenite::accept_async_with_config;
use tokio_tungstenite::tungstenite::{Error, Message, protocol::WebSocketConfig};

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let mut config = WebSocketConfig::default();
    if let Some(pair) = arguments.windows(2).find(|pair| pair[0] == "--read-buffer") {
        config = config.read_buffer_size(pair[1].parse().unwrap());
    }
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
    loop {
        tokio::select! {
            message = socket.next() => match message {
                Some(Ok(Message::Text(text))) => match dispatch(&text) {
                    Some(Asked::Echo(text)) => socket.send(Message::text(text)).await?,
                    Some(Asked::Broadcast(text)) => room.send(&Message::text(text)),
                    None => break,
                },
                Some(Ok(_)) => {}
                Some(Err(_)) | None => break,
            },
            Some(message) = inbox.recv() => socket.send(message).await?,
        }
    }
    room.leave(id);
    Ok(())
}
