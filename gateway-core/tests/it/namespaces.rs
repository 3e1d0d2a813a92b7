//! Namespaces from outside of their sockets: found by name, all of a pattern, users across them, what guards granted.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use gateway_core::NamespaceError;
use gateway_core::pipeline::AsyncGuard;
use gateway_core::prelude::*;
use gateway_core::testing::{TestClient, TestServer};
use gateway_core::{Disconnect, ServerHandle};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::counts;

#[derive(Clone, Debug, PartialEq)]
struct User {
    name: String,
}

/// Names the user that the query says, and lets everybody in.
#[derive(Default)]
struct Named;

impl Guard for Named {
    type Grants = User;

    fn check(&self, context: &GuardContext<'_>) -> Result<Grant<User>, Exception> {
        match context.handshake().query("user") {
            Some(name) => Ok(Grant::with(User { name: name.to_owned() }).user(name).for_socket()),
            None => Ok(Grant::new().for_socket()),
        }
    }
}

#[derive(Debug, Deserialize, Event, PartialEq, Serialize)]
#[event("closing")]
struct Closing {
    minutes: u8,
}

#[gateway(namespace = "/room/{id}")]
#[guard(Named)]
struct Room;

#[gateway]
impl Room {
    #[subscribe]
    async fn join(&self, socket: Socket, Data(room): Data<String>) -> Result<(), Exception> {
        Ok(socket.join(room).await?)
    }

    #[subscribe]
    fn others(&self, socket: Socket) -> Data<Vec<String>> {
        let names = socket.broadcast().sockets().into_iter().filter_map(|other| other.granted::<User>());
        Data(names.map(|user| user.name.clone()).collect())
    }

    #[subscribe]
    fn ask(&self, State(server): State<ServerHandle>, Data(name): Data<String>) -> Result<usize, Exception> {
        Ok(server.of(name)?.count())
    }
}

#[gateway(namespace = "/room/lobby")]
struct Lobby;

#[gateway]
impl Lobby {
    #[subscribe]
    fn wait(&self) {}
}

#[gateway(namespace = "/mail")]
#[guard(Named)]
struct Mail;

#[gateway]
impl Mail {
    #[subscribe]
    fn read(&self) {}
}

fn server() -> Server {
    Server::empty().gateway::<Room>().gateway::<Lobby>().gateway::<Mail>()
}

struct World {
    server: TestServer,
    ann: [TestClient; 2],
    bob: TestClient,
    lobby: TestClient,
}

async fn world() -> World {
    let server = server().test().await.unwrap();
    let ann = [server.connect("/room/a?user=ann").await.unwrap(), server.connect("/mail?user=ann").await.unwrap()];
    let bob = server.connect("/room/b?user=bob").await.unwrap();
    let lobby = server.connect("/room/lobby").await.unwrap();
    World { server, ann, bob, lobby }
}

#[tokio::test(start_paused = true)]
async fn all_namespaces_of_a_pattern_are_listed_and_reached_together() {
    let World { server, ann: [mut ann, mut mail], mut bob, mut lobby } = world().await;
    let handle = server.handle();
    let rooms = handle.of_pattern("/room/{any}").unwrap();

    let mut names: Vec<_> = rooms.namespaces().iter().map(|namespace| namespace.name().to_owned()).collect();
    names.sort();
    assert_eq!(names, ["/room/a", "/room/b"]);
    assert_eq!((rooms.count(), rooms.sockets().len()), (2, 2));
    assert_eq!(counts(rooms.send(Closing { minutes: 5 })), (2, 0));
    assert_eq!(ann.expect::<Closing>().await, Closing { minutes: 5 });
    assert_eq!(bob.expect::<Closing>().await, Closing { minutes: 5 });
    lobby.expect_nothing().await;
    mail.expect_nothing().await;

    ann.emit_with_ack::<()>("join", "quiet").await.unwrap();
    assert_eq!(rooms.clone().to("quiet").emit("hush", &1).queued, 1);
    assert_eq!(ann.expect_named("hush").await, 1);
    assert_eq!(rooms.clone().except("quiet").count(), 1);
    // One that comes later is meant, too; a handle of one that is empty is not.
    let empty = server.of("/room/empty");
    let _cid = server.connect("/room/c").await.unwrap();
    assert_eq!((rooms.namespaces().len(), empty.count()), (3, 0));
    assert_eq!(handle.all().count(), 5);
    assert_eq!(rooms.disconnect(Disconnect::default()), 3);
    assert!(ann.closed().await.is_some());
    lobby.expect_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn a_user_is_reached_and_counted_in_all_namespaces() {
    let World { server, ann: [mut ann, mut mail], mut bob, .. } = world().await;
    let handle = server.handle();
    assert_eq!(counts(handle.user("ann").emit("mail", &3)), (2, 0));
    assert_eq!((ann.expect_named("mail").await, mail.expect_named("mail").await), (json!(3), json!(3)));
    bob.expect_nothing().await;
    assert_eq!((handle.user("ann").count(), handle.user("nobody").count()), (2, 0));
    assert_eq!(handle.of_pattern("/room/{id}").unwrap().user("ann").count(), 1);

    let mut users = handle.users();
    users.sort();
    assert_eq!(users, [("ann".to_owned(), 2), ("bob".to_owned(), 1)]);
    assert_eq!(server.of("/room/a").users(), [("ann".to_owned(), 1)]);
    assert_eq!(server.of("/room/a").rooms(), []);
    assert_eq!(handle.user("ann").disconnect(Disconnect::default()), 2);
    mail.closed().await;
    ann.closed().await;
    assert_eq!(handle.users(), [("bob".to_owned(), 1)]);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_written_reaches_nobody() {
    let World { server, .. } = world().await;
    let unserializable = std::collections::HashMap::from([((1, 2), 3)]);
    assert_eq!(counts(server.handle().all().emit("map", &unserializable)), (0, 4));
}

#[tokio::test(start_paused = true)]
async fn what_a_guard_granted_is_read_on_any_socket() {
    let World { server, mut bob, ann: _ann, lobby: _lobby } = world().await;
    let mut ann = server.connect("/room/b?user=ann").await.unwrap();
    let nobody = server.connect("/room/b").await.unwrap();
    assert_eq!(ann.emit_with_ack::<Vec<String>>("others", ()).await.unwrap(), ["bob"]);
    assert_eq!(bob.emit_with_ack::<Vec<String>>("others", ()).await.unwrap(), ["ann"]);
    drop(nobody);
    let mut cid = server.connect("/room/c?user=cid").socket_io().await.unwrap();
    cid.emit_with_ack::<()>("join", "late").await.unwrap();
    let socket = server.of("/room/c").sockets().remove(0);
    assert_eq!(socket.granted::<User>().unwrap().name, "cid");
    assert!(socket.granted::<String>().is_none());
    let lobby = server.of("/room/lobby").sockets().remove(0);
    assert!(lobby.granted::<User>().is_none(), "nothing guards it");
}

#[tokio::test(start_paused = true)]
async fn a_name_that_no_gateway_has_is_an_error_that_names_the_nearest() {
    let World { server, ann: [mut ann, _mail], .. } = world().await;
    let handle = server.handle();
    let check = |name: &str, expected: &str| assert_eq!(handle.of(name).unwrap_err().to_string(), expected);
    check("/mial", "no gateway has the namespace `/mial`: `/mail` comes nearest");
    check("mail", "`mail` is no namespace, as it does not begin with a slash: write `/mail`");
    check("", "`` is no namespace, as it does not begin with a slash: write `/`");
    check("/x", "no gateway has the namespace `/x`: there are /mail, /room/lobby, /room/{id}");
    assert!(matches!(handle.of("/room/{id}"), Err(NamespaceError::Pattern { .. })));
    assert!(matches!(handle.of_pattern("/rooms/{id}"), Err(NamespaceError::Unknown { .. })));
    assert_eq!(handle.of(String::from("/room/a")).unwrap().name(), "/room/a");
    // However it is encoded, it is one.
    let _dan = server.connect("/room/d%20e").await.unwrap();
    assert_eq!((handle.of("/room/d%20e").unwrap().count(), handle.of("/room/d e").unwrap().count()), (1, 1));

    assert_eq!(ann.emit_with_ack::<usize>("ask", "/mail").await.unwrap(), 1);
    let failure = ann.emit_with_ack::<usize>("ask", "/mial").await.unwrap_err();
    assert_eq!((failure.code(), failure.message()), (Some("no_namespace"), "Internal server error"));
}

#[tokio::test]
async fn a_handle_that_is_asked_for_no_namespace_before_the_start_stops_it() {
    let server = server();
    let handle = server.handle();
    assert!(matches!(handle.of("mail"), Err(NamespaceError::NoSlash { .. })));
    assert!(matches!(handle.of_pattern("/room/{id}"), Err(NamespaceError::NotStarted { .. })));
    let (_mail, _mial) = (handle.of("/mail").unwrap(), handle.of("/mial").unwrap());
    let report = server.test().await.unwrap_err().to_string();
    assert!(report.contains("no gateway has the namespace `/mial`: `/mail` comes nearest"), "{report}");
    assert!(report.contains("correct the name in `of`"), "{report}");
}

/// Lets in whoever has a name, once it has looked the name up.
#[derive(Default)]
struct LookedUp;

impl AsyncGuard for LookedUp {
    type Grants = User;

    async fn check(&self, context: &GuardContext<'_>) -> Result<Grant<User>, Exception> {
        tokio::task::yield_now().await;
        let name = context.handshake().query("user").ok_or_else(Exception::unauthorized)?;
        Ok(Grant::with(User { name: name.to_owned() }))
    }
}

#[gateway(namespace = "/late")]
struct Late;

#[gateway]
impl Late {
    #[on_connect]
    fn joined(&self, socket: Socket) {
        assert_eq!(socket.granted::<User>(), None);
    }

    #[subscribe]
    #[guard(LookedUp)]
    fn once(&self, user: Auth<User>, socket: Socket) -> bool {
        socket.granted::<User>().is_some_and(|granted| *granted == *user.0)
    }
}

#[tokio::test(start_paused = true)]
async fn what_counts_for_one_event_is_not_the_sockets() {
    let server = Server::empty().gateway::<Late>().test().await.unwrap();
    let mut ann = server.connect("/late?user=ann").await.unwrap();
    assert!(!ann.emit_with_ack::<bool>("once", ()).await.unwrap());
}
