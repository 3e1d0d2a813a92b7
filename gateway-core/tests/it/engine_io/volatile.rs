//! Volatile events to a client that polls.

use gateway_core::SendError;
use gateway_core::metrics::Counter;
use gateway_core::prelude::*;
use gateway_core::socket_io::SocketIo;

use super::support::{Engine, engine_of, settle};

#[gateway(namespace = "/")]
struct Board;

#[gateway]
impl Board {
    #[subscribe]
    fn pointer(&self, socket: Socket, namespace: Namespace, Data(number): Data<u8>) {
        let _ = socket.volatile().emit("own", &number);
        namespace.all().volatile().emit("all", &number);
    }

    #[subscribe]
    fn both(&self, socket: Socket) -> Result<(), SendError> {
        socket.emit("kept", &1)?;
        socket.volatile().emit("behind", &2).or(Ok(()))
    }
}

async fn board() -> (Engine, String) {
    let server = Server::empty().gateway::<Board>().socket_io(SocketIo::new().path("/engine.io"));
    let engine = engine_of(server).await;
    let id = engine.open().await;
    engine.post(&id, "40").await;
    assert!(engine.poll(&id).await.body.starts_with("40{"));
    (engine, id)
}

#[tokio::test(start_paused = true)]
async fn what_is_volatile_is_dropped_where_no_poll_waits() {
    let (engine, id) = board().await;
    engine.post(&id, r#"42["pointer",1]"#).await;
    engine.post(&id, r#"42["both"]"#).await;
    assert_eq!(engine.poll(&id).await.body, r#"42["kept",1]"#);
    assert_eq!(engine.handle.count(Counter::DroppedFrames), 3);
}

#[tokio::test(start_paused = true)]
async fn what_is_volatile_reaches_a_poll_that_waits() {
    let (engine, id) = board().await;
    let poll = engine.begin_poll(&id);
    settle().await;
    engine.post(&id, r#"42["pointer",1]"#).await;
    assert_eq!(poll.await.unwrap().body, r#"42["own",1]"#, "the second found the first waiting");
    let poll = engine.begin_poll(&id);
    settle().await;
    engine.post(&id, r#"42["pointer",2]"#).await;
    assert_eq!(poll.await.unwrap().body, r#"42["own",2]"#);
}
