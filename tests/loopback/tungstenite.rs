//! A client that somebody else wrote.

use futures_util::{SinkExt, StreamExt};
use gateway_core::limits::Limits;
use gateway_core::prelude::gateway;
use gateway_core::serve::RunningServer;
use gateway_core::{Message as Whole, Server};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode as Code;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use crate::server::tcp;

const MOST: usize = 20 * 1024 * 1024;

#[gateway(namespace = "/echo")]
struct Echo;

#[gateway]
impl Echo {
    #[on_message]
    fn echo(&self, message: Whole) -> Whole {
        message
    }
}

type Client = WebSocketStream<TcpStream>;

async fn connect(request: impl IntoClientRequest + Unpin) -> (RunningServer, Client) {
    let limits = Limits::new().message_bytes(MOST);
    let running = Server::empty().gateway::<Echo>().limits(limits).start("127.0.0.1:0").await.expect("it starts");
    let stream = TcpStream::connect(tcp(&running)).await.expect("a connection");
    let config = WebSocketConfig::default().max_message_size(Some(MOST)).max_frame_size(Some(MOST));
    let (client, _) = client_async_with_config(request, stream, Some(config)).await.expect("an upgrade");
    (running, client)
}

async fn next(client: &mut Client) -> Message {
    client.next().await.expect("a message").expect("a right one")
}

#[tokio::test]
async fn texts_and_bytes_come_back_as_they_were() {
    let (_running, mut client) = connect("ws://localhost/echo").await;
    for length in [0, 1, 125, 126, 65_535, 65_536, 1024 * 1024, 16 * 1024 * 1024] {
        for message in [Message::text("x".repeat(length)), Message::binary(vec![0xFF; length])] {
            client.send(message.clone()).await.expect("sent");
            assert!(next(&mut client).await == message, "{length} bytes");
        }
    }
}

#[tokio::test]
async fn a_ping_is_answered_with_its_payload() {
    let (_running, mut client) = connect("ws://localhost/echo").await;
    client.send(Message::Ping("are you there".into())).await.expect("sent");
    assert_eq!(next(&mut client).await, Message::Pong("are you there".into()));
}

#[tokio::test]
async fn a_close_is_answered() {
    let (_running, mut client) = connect("ws://localhost/echo").await;
    let close = CloseFrame { code: Code::from(4321), reason: "enough".into() };
    client.close(Some(close)).await.expect("sent");
    let Message::Close(Some(answer)) = next(&mut client).await else { panic!("a close frame was expected") };
    assert_eq!(answer.code, Code::from(4321));
    assert!(matches!(client.next().await, None | Some(Err(Error::ConnectionClosed))));
}

#[tokio::test]
async fn a_server_that_stops_says_so() {
    let (running, mut client) = connect("ws://localhost/echo").await;
    let stopped = tokio::spawn(running.stop());
    let Message::Close(Some(close)) = next(&mut client).await else { panic!("a close frame was expected") };
    assert_eq!((close.code, close.reason.as_str()), (Code::Away, "going away"));
    assert!(matches!(client.next().await, None | Some(Err(Error::ConnectionClosed))));
    stopped.await.expect("it stops");
}
