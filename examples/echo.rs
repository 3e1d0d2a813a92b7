//! The smallest gateway: it says back what it hears.
//!
//! `cargo run --example echo`, then send `{"event":"echo","data":"hi","id":1}` to `ws://127.0.0.1:3000/echo`.

use gateway_core::prelude::*;
use serde_json::Value;

#[gateway(namespace = "/echo")]
struct Echo;

#[gateway]
impl Echo {
    #[subscribe("echo")]
    fn echo(&self, data: Data<Value>) -> Data<Value> {
        data
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
    async fn what_is_sent_comes_back() {
        let server = Server::empty().gateway::<Echo>().test().await.unwrap();
        let mut ann = server.connect("/echo").await.unwrap();
        let reply: Value = ann.emit_with_ack("echo", json!({"deep": [1, null, "ä"]})).await.unwrap();
        assert_eq!(reply, json!({"deep": [1, null, "ä"]}));
    }
}
