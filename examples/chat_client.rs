//! A chat client for the command line, written with `gateway-client`. It speaks to the `chat` example.
//!
//! `cargo run --example chat`, then in two other terminals `cargo run --example chat_client -- Ann` and
//! `cargo run --example chat_client -- Bob`. Each line is sent to the room. Stop the server and start it again: the clients reconnect.

use std::error::Error;

use gateway_client::{Client, Event, Request, RequestError, Status};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncWrite, AsyncWriteExt, BufReader};

const ROOM: &str = "lobby";

#[derive(Serialize, Request)]
#[request("join")]
struct Join {
    room: &'static str,
}

#[derive(Serialize, Request)]
#[request("message", reply = Receipt)]
struct NewMessage {
    room: &'static str,
    text: String,
}

#[derive(Deserialize)]
struct Receipt {
    id: u64,
}

#[derive(Deserialize, Event, Serialize)]
#[event("posted")]
struct Posted {
    from: String,
    text: String,
}

/// Credentials of the chat.
#[derive(Serialize)]
struct Login {
    nickname: String,
}

/// Sends each line of `input` to the room, and writes what happens, until there are no more lines.
async fn chat(
    url: &str,
    nickname: &str,
    input: impl AsyncBufRead + Unpin,
    mut output: impl AsyncWrite + Unpin,
) -> Result<(), Box<dyn Error>> {
    let client = Client::builder(url).auth(Login { nickname: nickname.to_owned() }).build()?;
    // Before the first use: no event is missed.
    let mut posted = client.events::<Posted>();
    let mut status = client.watch();
    client.ready().await?;
    let mut lines = input.lines();
    loop {
        let line = tokio::select! {
            biased;
            changed = status.changed() => {
                changed?;
                let now = status.borrow_and_update().clone();
                match now {
                    // A new socket is in no room.
                    Status::Open(open) if !open.resumed => client.call(&Join { room: ROOM }).await?,
                    Status::Waiting(waiting) => output.write_all(format!("lost: {}\n", waiting.reason).as_bytes()).await?,
                    Status::Closed(closed) => return Err(closed.into()),
                    _ => {}
                }
                continue;
            }
            Some(message) = posted.next() => {
                let Posted { from, text } = message?;
                output.write_all(format!("{from}: {text}\n").as_bytes()).await?;
                continue;
            }
            line = lines.next_line() => line?,
        };
        let Some(text) = line else { break };
        match client.call(&NewMessage { room: ROOM, text }).await {
            Ok(Receipt { id }) => output.write_all(format!("sent as {id}\n").as_bytes()).await?,
            Err(RequestError::Exception(refused)) => output.write_all(format!("{refused}\n").as_bytes()).await?,
            Err(error) => output.write_all(format!("perhaps not sent: {error}\n").as_bytes()).await?,
        }
    }
    client.close().await;
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let nickname = arguments.next().ok_or("usage: chat_client NICKNAME [ADDRESS]")?;
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:3000".to_owned());
    let (input, output) = (BufReader::new(tokio::io::stdin()), tokio::io::stdout());
    chat(&format!("ws://{address}/chat"), &nickname, input, output).await
}

#[cfg(test)]
mod tests {
    use gateway_core::prelude::{Data, Exception, Handshake, Namespace, Socket, gateway, subscribe};
    use gateway_core::serve::LocalAddr;
    use gateway_core::{JoinError, Server};
    use serde_json::Value;
    use tokio::io::{BufReader, duplex, split};

    use super::*;

    /// The part of the chat that this client needs.
    #[gateway(namespace = "/chat")]
    struct Chat;

    #[gateway]
    impl Chat {
        #[subscribe]
        async fn join(&self, socket: Socket, Data(join): Data<Value>) -> Result<(), JoinError> {
            socket.join(join["room"].as_str().unwrap()).await
        }

        #[subscribe]
        fn message(&self, namespace: Namespace, login: Handshake, Data(new): Data<Value>) -> Result<Value, Exception> {
            let text = new["text"].as_str().unwrap().to_owned();
            if text.is_empty() {
                return Err(Exception::new("message_empty", "there is nothing in this message"));
            }
            let from = login.auth::<Value>().unwrap()["nickname"].as_str().unwrap().to_owned();
            namespace.to("lobby").send(Posted { from, text });
            Ok(serde_json::json!({"id": 7}))
        }
    }

    #[tokio::test]
    async fn a_line_is_sent_and_everybody_reads_it() {
        let server = Server::empty().gateway::<Chat>().start("127.0.0.1:0").await.unwrap();
        let LocalAddr::Tcp(address) = server.local_addr() else { panic!("not TCP") };
        let url = format!("ws://{address}/chat");
        let (terminal, program) = duplex(1024);
        let (input, output) = split(program);
        let person = async {
            let (screen, mut keyboard) = split(terminal);
            let mut screen = BufReader::new(screen).lines();
            let mut read = Vec::new();
            for line in ["hello\n", "\n"] {
                keyboard.write_all(line.as_bytes()).await.unwrap();
                let expected = if line == "\n" { 1 } else { 2 };
                for _ in 0..expected {
                    read.push(screen.next_line().await.unwrap().unwrap());
                }
            }
            keyboard.shutdown().await.unwrap();
            read.sort();
            assert_eq!(read, ["Ann: hello", "sent as 7", "there is nothing in this message (message_empty)"]);
        };
        let (ended, ()) = tokio::join!(chat(&url, "Ann", BufReader::new(input), output), person);
        ended.unwrap();
    }
}
