//! An expectation that fails says what became of what the client sent.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Mutex;
use std::time::Duration;

use gateway_core::pipeline::GuardPoints;
use gateway_core::prelude::*;
use gateway_core::testing::{TestClient, TestServer};
use tokio::time::sleep;

#[derive(Default)]
struct SignedIn;

impl Guard for SignedIn {
    type Grants = ();

    fn check(&self, context: &GuardContext<'_>) -> Result<Grant, Exception> {
        Grant::when(context.handshake().query("token").is_some())
    }

    fn points(&self) -> GuardPoints {
        GuardPoints::EVENT
    }
}

#[gateway(namespace = "/desk")]
struct Desk {
    #[inject(default)]
    kept: Mutex<Vec<Ack>>,
}

#[gateway]
impl Desk {
    #[on_connect]
    async fn joined(&self, handshake: Handshake) {
        if handshake.query("slow").is_some() {
            sleep(Duration::from_secs(3)).await;
        }
    }

    #[subscribe]
    #[guard(SignedIn)]
    fn secret(&self, Data(number): Data<u8>) -> u8 {
        number
    }

    #[subscribe]
    fn number(&self, Data(number): Data<u8>) -> u8 {
        number
    }

    #[subscribe]
    fn keep(&self, ack: Ack) {
        self.kept.lock().unwrap().push(ack);
    }

    #[subscribe]
    async fn ask(&self, socket: Socket) -> Result<u8, Exception> {
        Ok(socket.emit_with_ack("how many", &()).timeout(Duration::from_hours(1)).await?)
    }

    #[subscribe]
    fn pop(&self) -> Reply {
        Reply::event("popped", 1)
    }

    #[subscribe(rate = "1/60s", overflow = "drop_newest")]
    fn rare(&self) -> u8 {
        1
    }
}

async fn server() -> TestServer {
    Server::empty().gateway::<Desk>().test().await.unwrap()
}

/// Message of the test that fails in `expect`.
async fn told<F: Future<Output = ()> + Send + 'static>(expect: F) -> String {
    let panic = tokio::spawn(expect).await.unwrap_err().into_panic();
    *panic.downcast::<String>().unwrap()
}

fn check(told: &str, expected: &[&str]) {
    for text in expected {
        assert!(told.contains(text), "no {text:?} in:\n{told}");
    }
}

/// Waits for an event that does not come, after `event` was sent.
async fn after(mut client: TestClient, event: &'static str, data: &'static str) -> String {
    client.emit(event, data).await;
    told(async move { drop(client.expect_named("never").await) }).await
}

#[tokio::test(start_paused = true)]
async fn where_an_event_went_and_how_it_was_answered() {
    let server = server().await;
    let client = server.connect("/desk").await.unwrap();
    let text = after(client, "number", "seven").await;
    check(
        &text,
        &[
            "the event `never` did not come; unread: [Exception",
            "what became of what this client sent:\n  `number` came, for `Desk::number` (gateway-core/tests/it/why_no_reply.rs:",
            "\n  the argument `Data<u8>` could not be read: ",
            "\n  `number` was answered by an exception {\"status\":\"error\"",
        ],
    );
}

#[tokio::test(start_paused = true)]
async fn what_guards_have_said() {
    let server = server().await;
    let client = server.connect("/desk").await.unwrap();
    check(
        &after(client, "secret", "").await,
        &["\n  guard SignedIn (", ") said no to Event: Forbidden resource (forbidden)"],
    );
    let client = server.connect("/desk?token=1").await.unwrap();
    check(&after(client, "secret", "").await, &[") said yes to Event", "the argument `Data<u8>` could not be read"]);
}

#[tokio::test(start_paused = true)]
async fn that_an_event_has_no_handler_and_which_there_are() {
    let server = server().await;
    let client = server.connect("/desk").await.unwrap();
    check(
        &after(client, "nmuber", "").await,
        &["`nmuber` came, and has no handler: `/desk` has `secret`, `number`, `keep`"],
    );
}

#[tokio::test(start_paused = true)]
async fn where_a_request_waits() {
    let server = server().await;
    let mut client = server.connect("/desk").await.unwrap();
    client.begin("ask", ()).await;
    client.expect_question("how many").await;
    let text = told(async move { drop(client.emit_with_ack::<u8>("number", 7).await) }).await;
    check(
        &text,
        &[
            "an answer to `number` did not come",
            "`ask` (id 1) came, for `Desk::ask`",
            ") was called and has not returned yet",
            "`number` (id 2) waits for `Desk::ask` (",
        ],
    );

    let mut client = server.connect("/desk").await.unwrap();
    let text = told(async move { drop(client.emit_with_ack::<u8>("keep", ()).await) }).await;
    check(&text, &["\n  the handler returned, and is to answer by its `Ack`"]);

    let mut client = server.connect("/desk?slow=1").without_waiting().unwrap();
    client.emit("number", 7).await;
    let text = told(async move {
        assert_eq!(client.expect_named("number").await, 7);
        client.expect_named("never").await;
    });
    check(
        &text.await,
        &["`number` waits: the connect hooks have not accepted yet", "`number` was answered by a value 7"],
    );
}

#[tokio::test(start_paused = true)]
async fn that_an_answer_went_where_nobody_looks() {
    let server = server().await;
    let client = server.connect("/desk").socket_io().await.unwrap();
    check(&after(client, "number", "7").await, &["could not be read"]);
    let mut client = server.connect("/desk").socket_io().await.unwrap();
    client.emit("number", 7).await;
    let text = told(async move { drop(client.next().await) }).await;
    check(&text, &["`number` was answered by a value, which goes nowhere: the event asked for no ack 7"]);
    let client = server.connect("/desk").await.unwrap();
    check(&after(client, "pop", "").await, &["`pop` was answered on `popped` by 1"]);
}

#[tokio::test(start_paused = true)]
async fn that_an_event_was_dropped_or_was_none() {
    let server = server().await;
    let mut client = server.connect("/desk").await.unwrap();
    client.emit("rare", ()).await;
    check(&after(client, "rare", "").await, &["`rare` was dropped: its handler's policy says so"]);
    let mut client = server.connect("/desk").await.unwrap();
    client.send_text("{").await;
    let text = told(async move { drop(client.expect_named("never").await) }).await;
    check(&text, &["\n  a message was no event: "]);
    let mut client = server.connect("/desk").await.unwrap();
    let text = told(async move { drop(client.expect_named("never").await) }).await;
    check(&text, &["nothing that this client sent has come to the server"]);
}
