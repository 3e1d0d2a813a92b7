//! Rooms: sockets join them by name, and what is sent to a room reaches whoever is in it.
//!
//! `cargo run --example rooms`, then, on two connections to `ws://127.0.0.1:3000/rooms`, `{"event":"join","data":"tea"}`,
//! and on one of them `{"event":"say","data":{"room":"tea","text":"milk?"}}`.

use gateway_core::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
struct Say {
    room: String,
    text: String,
}

#[derive(Debug, Deserialize, Event, PartialEq, Serialize)]
#[event("said")]
struct Said {
    room: String,
    text: String,
}

#[gateway(namespace = "/rooms")]
struct Rooms;

#[gateway]
impl Rooms {
    /// Answers how many are in the room now.
    #[subscribe("join")]
    async fn join(&self, socket: Socket, Data(room): Data<String>) -> Result<usize, Rejection> {
        socket.join(&room).await.map_err(|error| Rejection::new("join", error.to_string()))?;
        Ok(socket.namespace().to(&room).count())
    }

    #[subscribe("leave")]
    fn leave(&self, socket: Socket, Data(room): Data<String>) -> bool {
        socket.leave(&room)
    }

    /// Reaches the others in the room; answers how many.
    #[subscribe("say")]
    fn say(&self, socket: Socket, Data(Say { room, text }): Data<Say>) -> usize {
        socket.to(room.clone()).send(Said { room, text }).queued
    }
}

#[tokio::main]
async fn main() -> Result<(), StartError> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:3000".to_owned());
    Server::new().serve(address).await
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_is_said_stays_in_the_room() {
        let server = Server::empty().gateway::<Rooms>().test().await.unwrap();
        let mut ann = server.connect("/rooms").await.unwrap();
        let mut bob = server.connect("/rooms").await.unwrap();
        let mut cid = server.connect("/rooms").await.unwrap();
        assert_eq!(ann.emit_with_ack::<usize>("join", json!("tea")).await.unwrap(), 1);
        assert_eq!(bob.emit_with_ack::<usize>("join", json!("tea")).await.unwrap(), 2);

        let reached: usize = ann.emit_with_ack("say", json!({"room": "tea", "text": "milk?"})).await.unwrap();

        assert_eq!(reached, 1);
        assert_eq!(bob.expect::<Said>().await, Said { room: "tea".into(), text: "milk?".into() });
        cid.expect_nothing().await;
        ann.expect_nothing().await;
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_left_hears_nothing() {
        let server = Server::empty().gateway::<Rooms>().test().await.unwrap();
        let mut ann = server.connect("/rooms").await.unwrap();
        let mut bob = server.connect("/rooms").await.unwrap();
        bob.emit_with_ack::<usize>("join", json!("tea")).await.unwrap();
        assert!(bob.emit_with_ack::<bool>("leave", json!("tea")).await.unwrap());
        let reached: usize = ann.emit_with_ack("say", json!({"room": "tea", "text": "milk?"})).await.unwrap();
        assert_eq!(reached, 0);
        bob.expect_nothing().await;
    }
}
