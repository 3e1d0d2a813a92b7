//! axum's WebSocket as its documentation has it.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use axum::routing::any;
use axum::serve::ListenerExt;
use peers::{Asked, Room, dispatch};
use tokio::sync::mpsc::unbounded_channel;

fn main() {
    peers::run(async {
        let room: Arc<Room<Message>> = Arc::new(Room::new());
        let app = Router::new().route("/", any(upgrade)).with_state(room);
        let listener = peers::listener().await.tap_io(|stream| stream.set_nodelay(true).unwrap());
        axum::serve(listener, app).await.unwrap();
    });
}

async fn upgrade(upgrade: WebSocketUpgrade, State(room): State<Arc<Room<Message>>>) -> Response {
    upgrade.on_upgrade(|socket| async {
        // A connection that breaks has nobody left to tell.
        let _ = serve(socket, room).await;
    })
}

async fn serve(mut socket: WebSocket, room: Arc<Room<Message>>) -> Result<(), axum::Error> {
    let (send, mut inbox) = unbounded_channel();
    let id = room.join(send);
    loop {
        tokio::select! {
            message = socket.recv() => match message {
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
