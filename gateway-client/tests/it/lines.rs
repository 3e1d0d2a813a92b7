//! Clients over lines: what differs from a WebSocket.

use std::time::Duration;

use futures_util::StreamExt;
use gateway_client::{BuildError, Client, ConnectError, Delays, Status};
use gateway_core::prelude::{Exception, Grant, Guard, GuardContext, Handshake, Socket, gateway, guard, subscribe};
use gateway_core::serve::RunningServer;
use gateway_core::{CloseCode, Disconnect, Server};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Default)]
struct Word;

impl Guard for Word {
    type Grants = ();

    fn check(&self, context: &GuardContext<'_>) -> Result<Grant, Exception> {
        Grant::when(context.handshake().auth::<String>().is_ok_and(|word| word == "right"))
    }
}

#[gateway(namespace = "/lines")]
#[guard(Word)]
struct Lines;

#[gateway]
impl Lines {
    #[subscribe]
    async fn ask(&self, socket: Socket) -> Result<String, Exception> {
        socket.emit_with_ack("name", &()).await.map_err(|error| Exception::new("asked", error.to_string()))
    }

    #[subscribe]
    fn said(&self, handshake: Handshake) -> gateway_core::prelude::Data<Value> {
        let header = handshake.header("x-device").map(str::to_owned);
        gateway_core::prelude::Data(json!({"header": header, "query": handshake.query("a")}))
    }

    #[subscribe]
    fn count(&self) -> impl futures_util::Stream<Item = u8> {
        futures_util::stream::iter(0..3)
    }

    #[subscribe]
    fn end(&self, socket: Socket) {
        socket.disconnect(Disconnect::new(CloseCode::DISCONNECTED, "enough"));
    }
}

async fn serve(endpoint: &str) -> RunningServer {
    Server::empty().gateway::<Lines>().lines(endpoint).start("127.0.0.1:0").await.unwrap()
}

#[tokio::test]
async fn a_client_of_lines_does_what_every_client_does() {
    let folder = tempfile::tempdir().unwrap();
    let socket = format!("unix:{}", folder.path().join("s").display());
    for endpoint in ["127.0.0.1:0", &*socket] {
        let server = serve(endpoint).await;
        let address = server.lines_addrs()[0].to_string();
        let url = if endpoint.starts_with("unix") {
            format!("{address}:/lines?a=1")
        } else {
            format!("tcp://{address}/lines?a=1")
        };
        let client = Client::builder(url).auth("right").header("x-device", "7").build().unwrap();
        client.answer("name", |()| async { Ok::<_, gateway_client::Exception>("Ann") });
        let said = timeout(PATIENCE, client.request::<Value>("said", &()).into_future()).await.unwrap().unwrap();
        assert_eq!(said, json!({"header": "7", "query": "1"}));
        assert_eq!(client.request::<String>("ask", &()).await.unwrap(), "Ann");
        let items: Vec<u8> = client.stream::<u8>("count", &()).map(Result::unwrap).collect().await;
        assert_eq!(items, [0, 1, 2]);
        client.emit("end", &()).await.unwrap();
        let mut status = client.watch();
        let closed = timeout(PATIENCE, status.wait_for(|status| matches!(status, Status::Closed(_)))).await.unwrap();
        let Status::Closed(closed) = &*closed.unwrap() else { unreachable!() };
        assert_eq!((closed.code, &*closed.reason), (4501, "enough"));
    }
}

#[tokio::test]
async fn a_refusal_is_told_and_final() {
    let server = serve("127.0.0.1:0").await;
    let address = server.lines_addrs()[0].to_string();
    for (path, auth, expected) in [("/lines", "wrong", 403), ("/nowhere", "right", 404)] {
        let client = Client::builder(format!("tcp://{address}{path}")).auth(auth).build().unwrap();
        client.try_emit("said", &()).unwrap();
        let mut status = client.watch();
        let closed = timeout(PATIENCE, status.wait_for(|status| matches!(status, Status::Closed(_)))).await.unwrap();
        let Status::Closed(closed) = closed.unwrap().clone() else { unreachable!() };
        let Some(ConnectError::Refused(refusal)) = closed.error else { panic!("{closed:?}") };
        assert_eq!(refusal.status, expected, "{refusal:?}");
    }
}

#[tokio::test]
async fn a_refusal_that_passes_is_waited_for() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = Client::builder(format!("tcp://{}/lines", listener.local_addr().unwrap())).build().unwrap();
    client.try_emit("said", &()).unwrap();
    let (mut stream, _) = timeout(PATIENCE, listener.accept()).await.unwrap().unwrap();
    let mut first = String::new();
    BufReader::new(&mut stream).read_line(&mut first).await.unwrap();
    assert_eq!(first, "{\"connect\":\"/lines\",\"resume\":true}\n");
    stream.write_all(b"{\"refused\":{\"status\":503,\"message\":\"full\",\"retry_after\":7}}\n").await.unwrap();
    let mut status = client.watch();
    let waiting = timeout(PATIENCE, status.wait_for(|status| matches!(status, Status::Waiting(_)))).await.unwrap();
    let Status::Waiting(waiting) = waiting.unwrap().clone() else { unreachable!() };
    let Some(ConnectError::Refused(refusal)) = waiting.error else { panic!("{waiting:?}") };
    assert_eq!((refusal.status, &*refusal.text, refusal.retry_after), (503, "full", Some(Duration::from_secs(7))));
}

#[tokio::test]
async fn a_silent_server_is_pinged_and_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("tcp://{}/lines", listener.local_addr().unwrap());
    let silence = Duration::from_millis(50);
    let delays = Delays { ping_interval: silence, ping_timeout: silence, ..Delays::default() };
    let client = Client::builder(url).delays(delays).build().unwrap();
    let mut status = client.watch();
    client.try_emit("said", &()).unwrap();
    let (stream, _) = timeout(PATIENCE, listener.accept()).await.unwrap().unwrap();
    let mut stream = BufReader::new(stream);
    let mut first = String::new();
    stream.read_line(&mut first).await.unwrap();
    stream.write_all(b"{\"session\":{\"id\":\"a\",\"resumed\":false}}\n{\"ping\":5}\n").await.unwrap();
    let mut all = String::new();
    timeout(PATIENCE, stream.read_to_string(&mut all)).await.unwrap().unwrap();
    let mut lines: Vec<&str> = all.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, [r#"{"event":"said","data":null}"#, r#"{"ping":1}"#, r#"{"pong":5}"#]);
    let waiting = timeout(PATIENCE, status.wait_for(|status| matches!(status, Status::Waiting(_)))).await.unwrap();
    let Status::Waiting(waiting) = waiting.unwrap().clone() else { unreachable!() };
    assert!(matches!(waiting.error, Some(ConnectError::Silence)), "{waiting:?}");
}

#[test]
fn an_address_of_lines_names_its_port() {
    assert!(matches!(Client::builder("tcp://localhost/lines").build(), Err(BuildError::Address(_))));
}
