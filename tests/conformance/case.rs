//! A case: frames to send, frames that must come back, and the server between them.

use std::time::Duration;

use gateway_core::limits::Limits;
use gateway_core::prelude::gateway;
use gateway_core::serve::{LocalAddr, RunningServer};
use gateway_core::{Message, Server};
use gateway_tests::{Frame, Raw, Received};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// No case takes longer than this, whatever it sends. Less than the client's own patience, so that a hang names its case.
const BOUND: Duration = Duration::from_secs(15);

/// One case: a script, and how it ends.
#[must_use]
pub(crate) struct Case {
    name: String,
    steps: Vec<Step>,
    end: End,
}

enum Step {
    Send(Pace, Vec<Frame>),
    /// The next frame, exactly this.
    Hear(Received),
}

/// In which pieces frames are written.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Pace {
    /// All frames in one write.
    AtOnce,
    /// A write for each frame.
    Frames,
    /// Writes of so many bytes each.
    Chops(usize),
}

/// End of a connection.
enum End {
    /// The client closes with 1000, which is answered with 1000.
    ByClient,
    /// The close frame that the script sent is answered with this code; `None` is an empty one.
    Answered(Option<u16>),
    /// The server fails the connection with this code.
    Failed(u16),
}

impl Case {
    pub(crate) fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), steps: Vec::new(), end: End::ByClient }
    }

    pub(crate) fn sends(mut self, pace: Pace, frames: impl IntoIterator<Item = Frame>) -> Self {
        self.steps.push(Step::Send(pace, frames.into_iter().collect()));
        self
    }

    pub(crate) fn hears(mut self, received: impl IntoIterator<Item = Received>) -> Self {
        self.steps.extend(received.into_iter().map(Step::Hear));
        self
    }

    pub(crate) fn answered(self, code: impl Into<Option<u16>>) -> Self {
        Self { end: End::Answered(code.into()), ..self }
    }

    pub(crate) fn fails(self, code: u16) -> Self {
        Self { end: End::Failed(code), ..self }
    }

    /// Runs it on a connection of its own. Says what was wrong.
    async fn run(self, server: &Echo) -> Result<(), String> {
        let mut client = server.connect().await;
        for step in self.steps {
            match step {
                Step::Send(pace, frames) => send(&mut client, pace, &frames).await,
                Step::Hear(expected) => expect(&mut client, &expected).await?,
            }
        }
        let code = match self.end {
            End::ByClient => {
                client.send(Frame::close(1000, "")).await;
                Some(1000)
            }
            End::Answered(code) => code,
            End::Failed(code) => Some(code),
        };
        match client.next().await {
            Received::Close(found, _) if found == code => {}
            other => return Err(format!("a close frame with {code:?} was expected, not {}", short(&other))),
        }
        if matches!(self.end, End::Failed(_)) {
            client.send(Frame::close(code.unwrap_or_default(), "")).await;
        }
        expect(&mut client, &Received::End).await
    }
}

async fn send(client: &mut Raw, pace: Pace, frames: &[Frame]) {
    let bytes = frames.iter().map(Frame::bytes);
    match pace {
        Pace::AtOnce => client.write(&bytes.flatten().collect::<Vec<_>>()).await,
        Pace::Frames => {
            for frame in bytes {
                client.write(&frame).await;
            }
        }
        Pace::Chops(size) => {
            for chop in bytes.flatten().collect::<Vec<_>>().chunks(size) {
                client.write(chop).await;
            }
        }
    }
}

async fn expect(client: &mut Raw, expected: &Received) -> Result<(), String> {
    let found = client.next().await;
    if found == *expected { Ok(()) } else { Err(format!("{} was expected, not {}", short(expected), short(&found))) }
}

/// Enough of a message to tell it from others.
fn short(received: &Received) -> String {
    let mut text = format!("{received:?}");
    if text.len() > 200 {
        text.truncate(text.floor_char_boundary(200));
        text.push('…');
    }
    text
}

/// Runs a whole section, and names every case that failed.
pub(crate) async fn section(cases: Vec<Case>, count: usize) {
    assert_eq!(cases.len(), count, "the section is complete");
    let server = Echo::start().await;
    let mut failures = Vec::new();
    for case in cases {
        let name = case.name.clone();
        match timeout(BOUND, case.run(&server)).await {
            Ok(Ok(())) => {}
            Ok(Err(failure)) => failures.push(format!("{name}: {failure}")),
            Err(_) => failures.push(format!("{name}: not over after {BOUND:?}")),
        }
    }
    assert!(failures.is_empty(), "{} of {count} cases failed:\n{}", failures.len(), failures.join("\n"));
}

pub(crate) fn text(text: impl Into<String>) -> Received {
    Received::Text(text.into())
}

pub(crate) fn binary(bytes: impl Into<Vec<u8>>) -> Received {
    Received::Binary(bytes.into())
}

pub(crate) fn pong(payload: impl Into<Vec<u8>>) -> Received {
    Received::Pong(payload.into())
}

pub(crate) struct Echo {
    running: RunningServer,
}

#[gateway(namespace = "/echo")]
struct EchoGateway;

#[gateway]
impl EchoGateway {
    #[on_message]
    fn echo(&self, message: Message) -> Message {
        message
    }
}

impl Echo {
    async fn start() -> Self {
        Self::with(|server| server).await
    }

    pub(crate) async fn with(options: impl FnOnce(Server) -> Server) -> Self {
        let limits = Limits::new().message_bytes(16 * 1024 * 1024);
        let server = options(Server::empty().gateway::<EchoGateway>().limits(limits));
        Self { running: server.start("127.0.0.1:0").await.expect("a server that starts") }
    }

    async fn connect(&self) -> Raw {
        let mut client = self.dial().await;
        client.upgrade("/echo").await;
        client
    }

    /// A connection before its handshake.
    pub(crate) async fn dial(&self) -> Raw {
        let LocalAddr::Tcp(address) = self.running.local_addr() else { panic!("a TCP address was asked for") };
        let stream = TcpStream::connect(address).await.expect("the server listens");
        // Each write is a packet of its own.
        stream.set_nodelay(true).expect("a TCP stream");
        Raw::over(stream)
    }
}
