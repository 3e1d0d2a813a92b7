//! What a message costs the Rust client: CPU time of its thread, beside a loop over tokio-tungstenite that does the same and no more.

#![allow(clippy::cast_precision_loss, reason = "figures are read to three digits")]

use std::error::Error;
use std::fs;
use std::process::ExitCode;
use std::sync::mpsc;
use std::thread;

use futures_util::{SinkExt, StreamExt, stream};
use gateway_benches::arguments::{follow, option};
use gateway_client::Client;
use gateway_core::Server;
use gateway_core::prelude::{Data, Socket, gateway, subscribe};
use gateway_core::serve::LocalAddr;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

const USAGE: &str = "client [--messages 50000] [--rounds 5] [--bound 1.3]";

/// Requests under way at the same time in the work `requests`.
const WINDOW: usize = 32;

/// Events that one request of the work `events` asks for.
const BURST: usize = 100;

type Failure = Box<dyn Error + Send + Sync>;

#[derive(Clone, Deserialize, Serialize)]
struct Payload {
    from: String,
    text: String,
    number: usize,
}

impl Payload {
    fn new(number: usize) -> Self {
        Self { from: "ann".to_owned(), text: "hello, how are you today?".to_owned(), number }
    }
}

#[gateway(namespace = "/bench")]
struct Bench;

#[gateway]
impl Bench {
    #[subscribe]
    fn echo(&self, Data(payload): Data<Payload>) -> Data<Payload> {
        Data(payload)
    }

    #[subscribe]
    fn burst(&self, socket: Socket) {
        for number in 0..BURST {
            let _ = socket.emit("pushed", &Payload::new(number));
        }
    }
}

/// One kind of work.
#[derive(Clone, Copy, Debug)]
enum Work {
    /// One request after the other.
    Request,
    /// Many requests at once.
    Requests,
    /// Events of the server.
    Events,
}

fn main() -> ExitCode {
    follow(USAGE, 0);
    let (messages, rounds) = (option("--messages").unwrap_or(50_000), option("--rounds").unwrap_or(5));
    let bound: f64 = option("--bound").unwrap_or(1.3);
    match compare(messages, rounds, bound) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Prints the figures, and returns `true` if all ratios are within the bound.
fn compare(messages: usize, rounds: usize, bound: f64) -> Result<bool, Failure> {
    let address = serve()?;
    println!("CPU of the client's thread for a message, median of {rounds} rounds of {messages} messages");
    println!("{:<10} {:>12} {:>12} {:>7}", "", "bare ns", "client ns", "ratio");
    let mut is_within = true;
    for work in [Work::Request, Work::Requests, Work::Events] {
        let mut figures = Vec::new();
        for _ in 0..rounds {
            let bare = measure(bare(address.clone(), work, messages))?;
            let client = measure(client(address.clone(), work, messages))?;
            figures.push((bare / messages as f64, client / messages as f64));
        }
        figures.sort_by(|one, other| (one.1 / one.0).total_cmp(&(other.1 / other.0)));
        let (bare, client) = figures[rounds / 2];
        let ratio = client / bare;
        is_within &= ratio <= bound;
        println!("{:<10} {bare:>12.0} {client:>12.0} {ratio:>7.2}", format!("{work:?}").to_lowercase());
    }
    Ok(is_within)
}

/// Starts a server in a thread of its own.
fn serve() -> Result<String, Failure> {
    let (tell, told) = mpsc::channel();
    thread::spawn(move || -> Result<(), Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let server = Server::empty().gateway::<Bench>().start("127.0.0.1:0").await?;
            if let LocalAddr::Tcp(address) = server.local_addr() {
                tell.send(address.to_string())?;
            }
            std::future::pending().await
        })
    });
    Ok(told.recv()?)
}

/// Nanoseconds of CPU that the future takes on a runtime of this thread.
fn measure(work: impl Future<Output = Result<(), Failure>>) -> Result<f64, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let before = cpu()?;
    runtime.block_on(work)?;
    Ok(cpu()? - before)
}

/// Nanoseconds of CPU that this thread has taken.
fn cpu() -> Result<f64, Failure> {
    let text = fs::read_to_string("/proc/thread-self/schedstat")?;
    Ok(text.split(' ').next().unwrap_or_default().parse()?)
}

async fn client(address: String, work: Work, messages: usize) -> Result<(), Failure> {
    let client = Client::builder(format!("ws://{address}/bench")).resume(false).connect().await?;
    let echo = |number| client.request::<Payload>("echo", &Payload::new(number)).into_future();
    match work {
        Work::Request => {
            for number in 0..messages {
                check(number, echo(number).await?.number)?;
            }
        }
        Work::Requests => {
            let mut replies = stream::iter(0..messages).map(echo).buffered(WINDOW);
            for number in 0..messages {
                check(number, replies.next().await.ok_or("an end")??.number)?;
            }
        }
        Work::Events => {
            let mut pushed = client.on::<Payload>("pushed");
            for _ in 0..messages / BURST {
                client.emit("burst", &()).await?;
                for number in 0..BURST {
                    check(number, pushed.next().await.ok_or("an end")??.number)?;
                }
            }
        }
    }
    client.close().await;
    Ok(())
}

fn check(expected: usize, found: usize) -> Result<(), Failure> {
    if expected == found { Ok(()) } else { Err(format!("{found} in place of {expected}").into()) }
}

#[derive(Serialize)]
struct Sent<'a> {
    event: &'a str,
    data: &'a Payload,
    id: usize,
}

#[derive(Deserialize)]
struct Received<'a> {
    #[serde(borrow)]
    event: &'a str,
    #[serde(borrow)]
    data: &'a RawValue,
    id: Option<usize>,
}

/// A connection without a client.
struct Bare(WebSocketStream<TcpStream>);

impl Bare {
    async fn connect(address: &str) -> Result<Self, Failure> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (socket, _) = tokio_tungstenite::client_async(format!("ws://{address}/bench"), stream).await?;
        Ok(Self(socket))
    }

    async fn send(&mut self, number: usize) -> Result<(), Failure> {
        let text = serde_json::to_string(&Sent { event: "echo", data: &Payload::new(number), id: number })?;
        Ok(self.0.send(Message::text(text)).await?)
    }

    /// Receives one message of this name, and returns its id and number.
    async fn receive(&mut self, event: &str) -> Result<(Option<usize>, usize), Failure> {
        loop {
            let Message::Text(text) = self.0.next().await.ok_or("an end")?? else { continue };
            let received: Received<'_> = serde_json::from_str(&text)?;
            if received.event == event {
                let payload: Payload = serde_json::from_str(received.data.get())?;
                return Ok((received.id, payload.number));
            }
        }
    }
}

async fn bare(address: String, work: Work, messages: usize) -> Result<(), Failure> {
    let mut socket = Bare::connect(&address).await?;
    match work {
        Work::Request => {
            for number in 0..messages {
                socket.send(number).await?;
                check(number, socket.receive("echo").await?.1)?;
            }
        }
        Work::Requests => {
            for number in 0..WINDOW {
                socket.send(number).await?;
            }
            for number in 0..messages {
                let (id, received) = socket.receive("echo").await?;
                check(number, received)?;
                check(number, id.unwrap_or_default())?;
                if number + WINDOW < messages {
                    socket.send(number + WINDOW).await?;
                }
            }
        }
        Work::Events => {
            for _ in 0..messages / BURST {
                socket.0.send(Message::text(r#"{"event":"burst"}"#)).await?;
                for number in 0..BURST {
                    check(number, socket.receive("pushed").await?.1)?;
                }
            }
        }
    }
    socket.0.close(None).await?;
    Ok(())
}
