use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use gateway_core::manual::Gateway;
use gateway_core::prelude::*;
use serde::{Deserialize, Serialize};

trait Store: Send + Sync {
    fn save(&self, text: String) -> u64;
}

#[derive(Deserialize)]
struct NewMessage {
    text: String,
}

#[derive(Serialize)]
struct Receipt {
    number: u64,
}

#[derive(Serialize, Event)]
#[event("posted")]
struct Posted {
    number: u64,
}

#[derive(Debug, thiserror::Error, Exception)]
enum ChatError {
    #[error("you are muted")]
    Muted,
}

/// Public chat.
#[gateway(namespace = "/chat")]
struct Chat {
    store: Arc<dyn Store>,
    #[inject(default)]
    seen: AtomicU64,
    #[inject(with = greeting)]
    greeting: String,
}

fn greeting() -> String {
    "welcome".to_owned()
}

#[gateway]
impl Chat {
    #[on_connect]
    async fn joined(&self, _socket: Socket) -> Result<(), ChatError> {
        if self.greeting.is_empty() { Err(ChatError::Muted) } else { Ok(()) }
    }

    #[subscribe("message")]
    async fn message(&self, _socket: Socket, Data(new): Data<NewMessage>) -> Result<Data<Receipt>, ChatError> {
        self.seen.fetch_add(1, Ordering::Relaxed);
        let number = self.store.save(new.text);
        Ok(Data(Receipt { number }))
    }
}

#[test]
fn a_gateway_has_its_namespace_and_its_events() {
    assert_eq!(<Chat as Gateway>::NAMESPACE, "/chat");
    assert_eq!(Posted::NAME, "posted");
    assert_eq!(Posted { number: 1 }.number, 1);
}
