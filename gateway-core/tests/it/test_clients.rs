//! Clients in memory: what a test sends arrives alike, whichever format the client speaks.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use futures_core::Stream;
use gateway_core::extract::{Args, RawArgs};
use gateway_core::prelude::*;
use gateway_core::testing::{Received, TestClient, TestServer};
use gateway_core::{CloseCode, Disconnect};
use serde_json::json;

#[gateway(namespace = "/all")]
struct All;

#[gateway]
impl All {
    #[subscribe]
    fn place(&self, socket: Socket, Args((piece, field)): Args<(String, u8)>) -> Result<usize, Exception> {
        socket.emit("placed", &Args((&piece, field)))?;
        Ok(piece.len())
    }

    #[subscribe]
    fn count(&self, args: RawArgs) -> usize {
        args.len()
    }

    #[subscribe]
    fn upload(&self, Args((name, file)): Args<(String, Bytes)>) -> String {
        format!("{name}: {file:?}")
    }

    #[subscribe]
    async fn ask(&self, socket: Socket) -> Result<Bytes, Exception> {
        let Args((agreed, why)) = socket.emit_with_ack::<Args<(bool, Bytes)>>("agree?", &Args((1, "b"))).await?;
        Ok(if agreed { why } else { Bytes::new() })
    }

    #[subscribe]
    fn up_to(&self, Data(end): Data<u32>) -> impl Stream<Item = Result<u32, Exception>> {
        futures_util::stream::iter((1..=end).map(|n| if n < 4 { Ok(n) } else { Err(Exception::message("too far")) }))
    }

    #[subscribe]
    fn leave(&self, socket: Socket) {
        socket.disconnect(Disconnect::default());
    }
}

/// A client of each format.
async fn clients() -> (TestServer, [TestClient; 3]) {
    let server = Server::empty().gateway::<All>().test().await.unwrap();
    let plain = server.connect("/all").await.unwrap();
    let packed = server.connect("/all").protocol("gateway.v1.msgpack").await.unwrap();
    let socket_io = server.connect("/all").socket_io().await.unwrap();
    (server, [plain, packed, socket_io])
}

#[tokio::test(start_paused = true)]
async fn several_arguments_are_sent_as_several() {
    let (_server, clients) = clients().await;
    for mut client in clients {
        assert_eq!(client.emit_with_ack::<usize>("place", Args(("king", 4))).await.unwrap(), 4);
        assert_eq!(client.expect_named("placed").await, json!(["king", 4]));
        client.emit("place", Args(("rook", 1))).await;
        assert_eq!(client.expect_named("placed").await, json!(["rook", 1]));
        assert_eq!(client.emit_with_ack::<usize>("count", Args(())).await.unwrap(), 0);
        assert_eq!(client.emit_with_ack::<usize>("count", Args((1, 2, 3))).await.unwrap(), 3);
    }
}

#[tokio::test(start_paused = true)]
async fn a_tuple_is_one_argument_to_socket_io() {
    let (_server, [mut plain, _, mut socket_io]) = clients().await;
    assert_eq!(plain.emit_with_ack::<usize>("count", (1, 2)).await.unwrap(), 2);
    assert_eq!(socket_io.emit_with_ack::<usize>("count", (1, 2)).await.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn bytes_are_sent_as_bytes_also_in_an_answer() {
    let (_server, clients) = clients().await;
    for mut client in clients {
        let file = Bytes::from_static(b"hi");
        assert_eq!(client.emit_with_ack::<String>("upload", Args(("a", &file))).await.unwrap(), "a: b\"hi\"");
        let id = client.begin("ask", ()).await;
        let (ask, data) = client.expect_question("agree?").await;
        assert_eq!(data, json!([1, "b"]));
        client.answer(ask, Args((true, &file))).await;
        let Received::Reply { id: answered, data, .. } = client.next().await else { panic!("no reply") };
        assert_eq!((answered, data), (id, json!("aGk=")));
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_read_to_its_end_or_its_failure() {
    let (_server, clients) = clients().await;
    for mut client in clients {
        assert_eq!(client.stream("up_to", 3).await.collect::<u32>().await.unwrap(), [1, 2, 3]);
        let mut stream = client.stream("up_to", 4).await;
        for expected in 1..4 {
            assert_eq!(stream.next::<u32>().await.unwrap().unwrap(), expected);
        }
        assert_eq!(stream.next::<u32>().await.unwrap().unwrap_err().message(), "too far");
        client.expect_nothing().await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_servers_disconnect_is_the_end() {
    let (_server, [mut plain, mut packed, mut socket_io]) = clients().await;
    for client in [&mut plain, &mut packed] {
        client.emit("leave", ()).await;
        assert_eq!(client.closed().await.unwrap().code, CloseCode::DISCONNECTED);
    }
    socket_io.emit("leave", ()).await;
    assert_eq!(socket_io.closed().await, None, "Socket.IO has no code");
}
