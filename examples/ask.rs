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
        match socket.emit_with_ack::<bool>("confirm", &question).timeout(Duration::from_secs(20)).await {
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

#[cfg(test)]
mod tests {
    use gateway_core::testing::{Received, TestClient};
    use serde_json::json;

    use super::*;

    /// State of the file once `answer` was given to the question.
    async fn outcome(answer: impl AsyncFnOnce(&mut TestClient, u64)) -> String {
        let server = Server::empty().gateway::<Files>().test().await.unwrap();
        let mut ann = server.connect("/ask").await.unwrap();
        ann.begin("delete", "plans.txt").await;
        let (ask, question) = ann.expect_question("confirm").await;
        assert_eq!(question, json!("delete plans.txt for good?"));
        answer(&mut ann, ask).await;
        match ann.next().await {
            Received::Reply { data, .. } => data.as_str().unwrap().to_owned(),
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn only_a_yes_deletes() {
        assert_eq!(outcome(async |ann, ask| ann.answer(ask, true).await).await, "deleted");
        assert_eq!(outcome(async |ann, ask| ann.answer(ask, false).await).await, "kept");
    }

    #[tokio::test(start_paused = true)]
    async fn no_answer_a_strange_one_or_an_error_keeps_the_file() {
        let kept = "kept, for want of an answer";
        assert_eq!(outcome(async |ann, ask| ann.answer(ask, "maybe").await).await, kept);
        assert_eq!(outcome(async |ann, ask| ann.answer_with_error(ask, json!({"code": "busy"})).await).await, kept);
        assert_eq!(outcome(async |_, _| {}).await, kept);
    }
}
