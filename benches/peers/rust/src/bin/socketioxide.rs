//! socketioxide on axum, as its documentation has it.

use axum::Router;
use axum::serve::ListenerExt;
use serde_json::Value;
use socketioxide::SocketIo;
use socketioxide::extract::{AckSender, Data, SocketRef};

fn main() {
    peers::run(async {
        let (layer, io) = SocketIo::new_layer();
        io.ns("/", connected);
        let app = Router::new().layer(layer);
        let listener = peers::listener().await.tap_io(|stream| stream.set_nodelay(true).unwrap());
        axum::serve(listener, app).await.unwrap();
    });
}

async fn connected(socket: SocketRef) {
    socket.join("everybody");
    socket.on("echo", async |socket: SocketRef, Data::<Value>(data)| {
        // Who has gone needs no answer.
        let _ = socket.emit("echo", &data);
    });
    socket.on("ask", async |Data::<Value>(data), ack: AckSender| {
        let _ = ack.send(&data);
    });
    socket.on("broadcast", async |socket: SocketRef, Data::<Value>(data)| {
        let _ = socket.within("everybody").emit("broadcast", &data).await;
    });
}
