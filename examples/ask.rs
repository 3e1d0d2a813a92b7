//! The server asks the client and waits for its answer.
//!
//! `cargo run --example ask`, then send `{"event":"delete","data":"plans.txt","id":1}` to `ws://127.0.0.1:3000/ask`, and
//! answer the question that comes with `{"answer":1,"data":true}` (with the number in its `ask`).

use std::time::Duration;

use gateway_core::prelude::*;

#[gateway(namespace = "/ask")]
struct Files;

#[gateway]
impl Files {
    /// Deletes nothing without the client's yes; answers what became of the file.
    #[subscribe("delete")]
    async fn delete(&self, socket: Socket, Data(name): Data<String>) -> &'static str {
        let question = format!("delete {name} for good?");
        match socket.request::<bool>("confirm", &question).timeout(Duration::from_secs(60)).await {
            Ok(true) => "deleted",
            Ok(false) => "kept",
            Err(_) => "kept, for want of an answer",
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), StartError> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:3000".to_owned());
    Server::new().serve(address).await
}
