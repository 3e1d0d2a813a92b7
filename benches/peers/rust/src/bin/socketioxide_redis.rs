//! socketioxide with its adapter for Redis, as its documentation has it. `--redis URL` names the server.

use axum::Router;
use axum::serve::ListenerExt;
use serde_json::Value;
use socketioxide::SocketIo;
use socketioxide::adapter::Adapter;
use socketioxide::extract::{Data, SocketRef};
use socketioxide_redis::drivers::redis::redis_client;
use socketioxide_redis::{RedisAdapter, RedisAdapterCtr};

fn main() {
    peers::run(async {
        let client = redis_client::Client::open(format!("{}?protocol=resp3", redis_url())).unwrap();
        let adapter = RedisAdapterCtr::new_with_redis(&client).await.unwrap();
        let (layer, io) = SocketIo::builder().with_adapter::<RedisAdapter<_>>(adapter).build_layer();
        io.ns("/", connected).await.unwrap();
        let app = Router::new().layer(layer);
        let listener = peers::listener().await.tap_io(|stream| stream.set_nodelay(true).unwrap());
        axum::serve(listener, app).await.unwrap();
    });
}

fn redis_url() -> String {
    let arguments: Vec<String> = std::env::args().collect();
    arguments.windows(2).find(|pair| pair[0] == "--redis").expect("--redis URL")[1].clone()
}

async fn connected<A: Adapter>(socket: SocketRef<A>) {
    socket.join("everybody");
    socket.on("echo", async |socket: SocketRef<A>, Data::<Value>(data)| {
        // Who has gone needs no answer.
        let _ = socket.emit("echo", &data);
    });
    socket.on("broadcast", async |socket: SocketRef<A>, Data::<Value>(data)| {
        let _ = socket.within("everybody").emit("broadcast", &data).await;
    });
    socket.on("alone", async |socket: SocketRef<A>, Data::<Value>(data)| {
        socket.join("alone");
        let _ = socket.within("alone").emit("broadcast", &data).await;
    });
}
