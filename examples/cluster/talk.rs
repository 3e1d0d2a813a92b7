//! The gateway of every server, and its page.

use gateway_core::prelude::*;
use gateway_core::serve::Body;
use http::header::CONTENT_TYPE;
use http::{Request, Response, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

const ROOM: &str = "everybody";

/// Name of a server.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ServerName(pub(crate) &'static str);

/// A text, and the server that its author is connected to.
#[derive(Debug, Deserialize, Event, PartialEq, Serialize)]
#[event("said")]
struct Said {
    node: String,
    text: String,
}

#[gateway(namespace = "/talk")]
pub(crate) struct Talk {
    name: ServerName,
}

#[gateway]
impl Talk {
    #[on_connect]
    async fn connected(&self, socket: Socket) -> Result<(), ConnectRejection> {
        let failed = |error: String| ConnectRejection::message(error);
        socket.join(ROOM).await.map_err(|error| failed(error.to_string()))?;
        socket.set_data(&json!({ "node": self.name.0 })).map_err(|error| failed(error.to_string()))
    }

    /// Reaches the clients of all servers.
    #[subscribe]
    fn say(&self, namespace: Namespace, Data(text): Data<String>) {
        namespace.to(ROOM).send(Said { node: self.name.0.to_owned(), text });
    }

    /// Answers the names of the servers that the clients are connected to, one for each client.
    #[subscribe]
    async fn who(&self, namespace: Namespace) -> Data<Vec<Value>> {
        let sockets = namespace.fetch_sockets().await;
        let mut names: Vec<Value> = sockets.iter().map(|socket| socket.data["node"].clone()).collect();
        names.sort_by_key(Value::to_string);
        Data(names)
    }

    /// Another server has started.
    #[on_server_event]
    fn hello(&self, Data(from): Data<String>) {
        println!("{}: {from} is here", self.name.0);
    }
}

/// Answers what is no WebSocket with the page.
#[allow(clippy::needless_pass_by_value, reason = "the fallback's signature")]
pub(crate) fn answer(request: Request<Body>) -> Response<Body> {
    let (status, content) = match request.uri().path() {
        "/" => (StatusCode::OK, include_str!("page.html")),
        _ => (StatusCode::NOT_FOUND, "Nothing is here.\n"),
    };
    let response = Response::builder().status(status).header(CONTENT_TYPE, "text/html; charset=utf-8");
    response.body(content.into()).expect("constant headers are valid")
}

#[cfg(test)]
mod tests {
    use gateway_core::testing::{MemoryBus, TestServer};

    use super::*;

    async fn node(bus: &MemoryBus, name: &'static str) -> TestServer {
        let server = Server::empty().gateway::<Talk>().provide(ServerName(name)).cluster(bus.engine());
        server.test().await.unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn clients_of_two_servers_talk() {
        let bus = MemoryBus::new();
        let (one, two) = (node(&bus, "one").await, node(&bus, "two").await);
        let mut ann = one.connect("/talk").await.unwrap();
        let mut bob = two.connect("/talk").await.unwrap();
        ann.emit_with_ack::<()>("say", "hello").await.unwrap();
        let said = Said { node: "one".to_owned(), text: "hello".to_owned() };
        assert_eq!(bob.expect::<Said>().await, said);
        assert_eq!(ann.expect::<Said>().await, said);
        assert_eq!(bob.emit_with_ack::<Vec<String>>("who", ()).await.unwrap(), ["one", "two"]);
    }
}
