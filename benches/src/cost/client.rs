//! A client for each way in. Looks at nothing of an answer but its length.

use std::net::SocketAddr;

use gateway_core::Message;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::cost::measure::Outcome;
use crate::cost::{Family, Way, deflate};
use crate::frame::{Kind, write};

/// Messages that are answered at a time: fewer than wait for a client that reads.
const PORTION: usize = 32;

/// Bytes of the buffers of a narrow socket.
const WINDOW: u32 = 16 * 1024;

/// Divides the packets of a body of long polling.
const SEPARATOR: &str = "\u{1e}";

/// Messages that are sent together, and the number of frames or packets that answer them.
pub(super) struct Portion {
    bytes: Vec<u8>,
    answers: usize,
}

/// A connection, or a session of long polling.
pub(super) struct Client {
    stream: TcpStream,
    read: Vec<u8>,
    way: Way,
    /// Path and query of each request of a session of long polling.
    target: String,
}

impl Client {
    pub(super) async fn connect(address: SocketAddr, family: &Family) -> Outcome<Self> {
        Self::open(TcpStream::connect(address).await?, family).await
    }

    /// A client that takes little at a time.
    pub(super) async fn connect_narrow(address: SocketAddr, family: &Family) -> Outcome<Self> {
        let socket = narrow_socket()?;
        Self::open(socket.connect(address).await?, family).await
    }

    async fn open(stream: TcpStream, family: &Family) -> Outcome<Self> {
        let mut client = Self { stream, read: Vec::with_capacity(1 << 16), way: family.way, target: String::new() };
        match family.way {
            Way::Plain => client.upgrade(family.namespace, "").await?,
            Way::Packed => client.upgrade(family.namespace, "Sec-WebSocket-Protocol: gateway.v1.msgpack\r\n").await?,
            Way::Deflated => {
                let offer = "Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover\r\n";
                client.upgrade(family.namespace, offer).await?;
            }
            Way::SocketIo => {
                client.upgrade("/socket.io/?EIO=4&transport=websocket", "").await?;
                client.stream.write_all(&framed(&Message::from("40"))).await?;
                client.hear(2).await?;
            }
            Way::Polling => client.open_session().await?,
        }
        Ok(client)
    }

    async fn upgrade(&mut self, target: &str, more: &str) -> Outcome<()> {
        let head = format!(
            "GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n{more}\r\n"
        );
        self.stream.write_all(head.as_bytes()).await?;
        let end = self.head_end().await?;
        let head = String::from_utf8_lossy(&self.read[..end]);
        let is_agreed = self.way != Way::Deflated || head.to_ascii_lowercase().contains("permessage-deflate");
        if !head.starts_with("HTTP/1.1 101") || !is_agreed {
            return Err(head.into());
        }
        self.read.drain(..end);
        Ok(())
    }

    async fn open_session(&mut self) -> Outcome<()> {
        "/socket.io/?EIO=4&transport=polling".clone_into(&mut self.target);
        let opened = self.poll().await?;
        let id = opened.split('"').nth(3).ok_or("no open packet")?;
        self.target = format!("{}&sid={id}", self.target);
        let portion = Portion { bytes: posted(&self.target, "40"), answers: 1 };
        self.send(&[portion]).await
    }

    /// The messages of this size. Behind messages that are not answered stands an event that is.
    pub(super) fn portions(&self, family: &Family, size: usize) -> Vec<Portion> {
        let portion = |messages: &[Message]| {
            if family.answered {
                return Portion { bytes: self.encoded(messages), answers: messages.len() };
            }
            let asked = match self.way {
                Way::SocketIo | Way::Polling => r#"427["nothing"]"#,
                Way::Plain | Way::Packed | Way::Deflated => r#"{"event":"nothing","id":7}"#,
            };
            Portion { bytes: self.encoded(&[messages, &[asked.into()]].concat()), answers: 1 }
        };
        let messages = (family.messages)(size);
        let together = if family.answered { PORTION } else { messages.len() };
        messages.chunks(together).map(portion).collect()
    }

    /// These messages as this client sends them together.
    pub(super) fn encoded(&self, messages: &[Message]) -> Vec<u8> {
        match self.way {
            Way::Plain | Way::Packed | Way::SocketIo => messages.iter().flat_map(framed).collect(),
            Way::Deflated => messages.iter().flat_map(deflated).collect(),
            Way::Polling => {
                let packet = |message: &Message| match message {
                    Message::Text(text) => text.to_string(),
                    Message::Binary(bytes) => format!("b{}", data_encoding::BASE64.encode(bytes)),
                };
                posted(&self.target, &messages.iter().map(packet).collect::<Vec<_>>().join(SEPARATOR))
            }
        }
    }

    /// Sends them one after the other, each once the one before was answered.
    pub(super) async fn send(&mut self, portions: &[Portion]) -> Outcome<()> {
        for Portion { bytes, answers } in portions {
            self.stream.write_all(bytes).await?;
            if self.way == Way::Polling {
                self.hear_polls(*answers).await?;
            } else {
                self.hear(*answers).await?;
            }
        }
        Ok(())
    }

    /// Gives the connection away, to be read no more.
    pub(super) fn into_unread(self) -> TcpStream {
        self.stream
    }

    /// Reads so many frames.
    async fn hear(&mut self, mut frames: usize) -> Outcome<()> {
        let mut at = 0;
        loop {
            while frames > 0
                && let Some(length) = frame_length(&self.read[at..])
            {
                if self.read[at] & 0x0f == 8 {
                    return Err(format!("the server closed: {}", String::from_utf8_lossy(&self.read[at..])).into());
                }
                at += length;
                frames -= 1;
            }
            if frames == 0 {
                self.read.drain(..at);
                return Ok(());
            }
            self.read_more().await?;
        }
    }

    /// Reads the answer to a POST, then polls for so many packets.
    async fn hear_polls(&mut self, packets: usize) -> Outcome<()> {
        self.body().await?;
        let mut heard = 0;
        while heard < packets {
            heard += self.poll().await?.split(SEPARATOR).count();
        }
        Ok(())
    }

    async fn poll(&mut self) -> Outcome<String> {
        let head = format!("GET {} HTTP/1.1\r\nHost: localhost\r\n\r\n", self.target);
        self.stream.write_all(head.as_bytes()).await?;
        self.body().await
    }

    /// Reads an answer; its body.
    async fn body(&mut self) -> Outcome<String> {
        let end = self.head_end().await?;
        let head = String::from_utf8(self.read.drain(..end).collect())?.to_ascii_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
        let length: usize = length.ok_or("an answer without a length")?.trim().parse()?;
        while self.read.len() < length {
            self.read_more().await?;
        }
        let body = String::from_utf8(self.read.drain(..length).collect())?;
        if head.starts_with("http/1.1 200") { Ok(body) } else { Err(format!("{head}{body}").into()) }
    }

    /// Reads on until a whole head is there.
    async fn head_end(&mut self) -> Outcome<usize> {
        loop {
            if let Some(end) = self.read.windows(4).position(|end| end == b"\r\n\r\n") {
                return Ok(end + 4);
            }
            self.read_more().await?;
        }
    }

    async fn read_more(&mut self) -> Outcome<()> {
        match self.stream.read_buf(&mut self.read).await? {
            0 => Err("the server is gone".into()),
            _ => Ok(()),
        }
    }
}

/// A socket with small buffers: what its client does not read soon waits in the server, and what the server does not read in
/// the client. A connection has the buffers of its listener.
pub(super) fn narrow_socket() -> Outcome<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_recv_buffer_size(WINDOW)?;
    socket.set_send_buffer_size(WINDOW)?;
    Ok(socket)
}

/// The frame of a client (RFC 6455 §5.2).
fn framed(message: &Message) -> Vec<u8> {
    let mut out = Vec::new();
    match message {
        Message::Text(text) => write(&mut out, Kind::Text, Some([1, 2, 3, 4]), text.as_bytes()),
        Message::Binary(bytes) => {
            write(&mut out, Kind::Text, Some([1, 2, 3, 4]), bytes);
            out[0] = 0x82;
        }
    }
    out
}

/// The frame of a client that compresses (RFC 7692 §7.2.1).
fn deflated(message: &Message) -> Vec<u8> {
    let compressed = |bytes: &[u8]| Message::Binary(deflate::compressed(bytes).into());
    let (mut out, opcode) = match message {
        Message::Text(text) => (framed(&compressed(text.as_bytes())), 1),
        Message::Binary(bytes) => (framed(&compressed(bytes)), 2),
    };
    out[0] = 0xc0 | opcode;
    out
}

/// The request that brings these packets.
fn posted(target: &str, body: &str) -> Vec<u8> {
    let head = format!(
        "POST {target} HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain;charset=UTF-8\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    (head + body).into_bytes()
}

/// Bytes of the frame at the front, where all of it is there.
fn frame_length(bytes: &[u8]) -> Option<usize> {
    let whole = match *bytes.get(1)? {
        126 => 4 + usize::from(u16::from_be_bytes(*bytes.get(2..4)?.first_chunk()?)),
        127 => 10 + usize::try_from(u64::from_be_bytes(*bytes.get(2..10)?.first_chunk()?)).ok()?,
        short => 2 + usize::from(short),
    };
    (bytes.len() >= whole).then_some(whole)
}
