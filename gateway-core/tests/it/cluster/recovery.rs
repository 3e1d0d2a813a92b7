//! Clients that resume on another server of a cluster with a log, in either format.

use std::time::Duration;

use gateway_core::cluster::ClusterOptions;
use gateway_core::prelude::*;
use gateway_core::serve::Recovery;
use gateway_core::testing::{LostConnection, Received, TestClient, TestCluster, TestServer, cluster_with_log};
use gateway_core::{Disconnect, Message, SendError, ServerHandle};
use serde_json::{Value, json};
use tokio::time::sleep;

const WITHIN: Duration = Duration::from_mins(1);

/// Time in which a change of a session is written for other servers.
const RECORDED: Duration = Duration::from_millis(110);

#[gateway(namespace = "/room")]
struct Room;

#[gateway]
impl Room {
    #[on_connect]
    async fn joined(&self, socket: Socket) -> Result<(), ConnectRejection> {
        if !socket.is_recovered() {
            socket.join("lobby").await?;
            socket.set_data(&json!({"visits": 1})).unwrap();
        }
        Ok(())
    }

    #[subscribe]
    async fn join(&self, socket: Socket, Data(room): Data<String>) -> Result<(), Exception> {
        Ok(socket.join(room).await?)
    }

    #[subscribe]
    fn leave(&self, socket: Socket, Data(room): Data<String>) {
        socket.leave(&room);
    }

    /// Sends to a room from outside of it.
    #[subscribe]
    fn say(&self, namespace: Namespace, Data((room, text)): Data<(String, String)>) -> bool {
        namespace.to(room).emit("said", &text).not_published
    }

    /// Several events to one client around a reply, in this order.
    #[subscribe]
    async fn several(&self, socket: Socket) -> Result<&'static str, SendError> {
        socket.emit("first", "1")?;
        socket.to("lobby").except(socket.id()).emit("others", "x");
        socket.only().emit("local", "here");
        socket.emit("second", "2")?;
        Ok("done")
    }

    #[subscribe]
    fn whisper(&self, namespace: Namespace, Data((id, text)): Data<(String, String)>) {
        namespace.to(id).emit("whispered", &text);
    }

    #[subscribe]
    fn farewell(&self, socket: Socket) -> Result<(), SendError> {
        socket.emit("bye", "now")?;
        socket.disconnect(Disconnect::default());
        Ok(())
    }

    #[subscribe]
    fn local(&self, namespace: Namespace, Data(text): Data<String>) {
        namespace.local().emit("local", &text);
    }

    #[subscribe]
    fn id(&self, socket: Socket) -> String {
        socket.id().to_string()
    }

    #[subscribe]
    fn about(&self, socket: Socket) -> Data<(Vec<String>, Value)> {
        let mut rooms = socket.rooms();
        rooms.sort();
        Data((rooms, socket.data()))
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Format {
    Plain,
    Msgpack,
    SocketIo,
}

const FORMATS: [Format; 3] = [Format::Plain, Format::Msgpack, Format::SocketIo];

impl Format {
    async fn connect(self, server: &TestServer) -> TestClient {
        match self {
            Self::Plain => server.connect("/room").resumable().await.unwrap(),
            Self::Msgpack => server.connect("/room").protocol("gateway.v1.msgpack").resumable().await.unwrap(),
            Self::SocketIo => server.connect("/room").socket_io().await.unwrap(),
        }
    }

    async fn come_back(self, server: &TestServer, lost: &LostConnection) -> TestClient {
        let connecting = server.connect("/room").come_back(lost);
        match self {
            Self::Plain => connecting.await.unwrap(),
            Self::Msgpack => connecting.protocol("gateway.v1.msgpack").await.unwrap(),
            Self::SocketIo => connecting.socket_io().await.unwrap(),
        }
    }
}

async fn nodes(count: usize) -> TestCluster {
    nodes_with(count, Recovery::new().within(WITHIN)).await
}

async fn nodes_with(count: usize, recovery: Recovery) -> TestCluster {
    cluster_with_log(count, |server| server.gateway::<Room>().recovery(recovery.clone())).await.unwrap()
}

async fn say(client: &mut TestClient, room: &str, text: &str) {
    let not_published: bool = client.emit_with_ack("say", (room, text)).await.unwrap();
    assert!(!not_published);
}

async fn id_of(client: &mut TestClient) -> String {
    client.emit_with_ack("id", ()).await.unwrap()
}

async fn hears(client: &mut TestClient, texts: &[&str]) {
    for text in texts {
        assert_eq!(client.expect_named("said").await, *text);
    }
}

pub(super) fn metric(server: &TestServer, name: &str) -> String {
    let handle: ServerHandle = server.handle();
    let metrics = handle.metrics().to_string();
    let line = metrics.lines().find(|line| line.starts_with(name));
    line.unwrap_or_else(|| panic!("{name} is in {metrics}")).rsplit(' ').next().unwrap().to_owned()
}

#[tokio::test(start_paused = true)]
async fn a_client_of_a_killed_server_has_missed_nothing_on_another() {
    for format in FORMATS {
        let cluster = nodes(3).await;
        let mut ann = format.connect(cluster.node(0)).await;
        let mut bob = format.connect(cluster.node(1)).await;
        let () = ann.emit_with_ack("join", "red").await.unwrap();
        say(&mut bob, "red", "before").await;
        hears(&mut ann, &["before"]).await;
        sleep(RECORDED).await;

        cluster.kill_node(0);
        let lost = ann.lose();
        say(&mut bob, "red", "one").await;
        say(&mut bob, "elsewhere", "not for ann").await;
        say(&mut bob, "lobby", "two").await;
        let mut ann = format.come_back(cluster.node(2), &lost).await;
        assert!(ann.is_recovered(), "{format:?}");
        hears(&mut ann, &["one", "two"]).await;
        say(&mut bob, "red", "three").await;
        say(&mut ann, "red", "four").await;
        hears(&mut ann, &["three", "four"]).await;
        let (rooms, data): (Vec<String>, Value) = ann.emit_with_ack("about", ()).await.unwrap();
        assert_eq!((rooms, data), (vec!["lobby".to_owned(), "red".to_owned()], json!({"visits": 1})), "{format:?}");
        ann.expect_nothing().await;
        assert_eq!(metric(cluster.node(2), "gateway_cluster_sessions_total{outcome=\"taken\"}"), "1");
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_has_read_nothing_misses_nothing() {
    let cluster = nodes(2).await;
    let mut bob = Format::Plain.connect(cluster.node(1)).await;
    say(&mut bob, "nobody", "the log has begun").await;
    let ann = Format::Plain.connect(cluster.node(0)).await;
    cluster.quiet().await;
    cluster.kill_node(0);
    say(&mut bob, "lobby", "one").await;
    let mut ann = Format::Plain.come_back(cluster.node(1), &ann.lose()).await;
    assert!(ann.is_recovered());
    hears(&mut ann, &["one"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_client_moves_between_servers_and_back() {
    for format in FORMATS {
        let cluster = nodes(2).await;
        let mut ann = format.connect(cluster.node(0)).await;
        let mut bob = format.connect(cluster.node(1)).await;
        let id = id_of(&mut ann).await;
        for (round, node) in [1, 0, 1, 1, 0].into_iter().enumerate() {
            let seen = format!("seen {round}");
            say(&mut bob, "lobby", &seen).await;
            hears(&mut ann, &[&seen]).await;
            let () = ann.emit_with_ack("join", format!("room-{round}")).await.unwrap();
            cluster.quiet().await;
            let lost = ann.lose();
            let missed = format!("missed {round}");
            say(&mut bob, &format!("room-{round}"), &missed).await;
            bob.emit("whisper", (&id, &missed)).await;
            cluster.quiet().await;
            ann = format.come_back(cluster.node(node), &lost).await;
            assert!(ann.is_recovered(), "{format:?}, round {round}");
            assert_eq!(id_of(&mut ann).await, id);
            hears(&mut ann, &[&missed]).await;
            assert_eq!(ann.expect_named("whispered").await, missed);
            ann.expect_nothing().await;
        }
        // A session that is on the other server is not one of this server any more.
        sleep(Duration::from_secs(15)).await;
        assert_eq!(cluster.node(1).of("/room").local().count(), 1, "{format:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn events_keep_their_order_among_replies_and_local_events() {
    for format in FORMATS {
        for delay in [0, 50] {
            let cluster = nodes(2).await;
            cluster.delay(Duration::from_millis(delay));
            let mut ann = format.connect(cluster.node(0)).await;
            let mut bob = format.connect(cluster.node(1)).await;
            let id = ann.begin("several", ()).await;
            for (event, data) in [("first", "1"), ("local", "here"), ("second", "2")] {
                let expected = Received::Event { event: event.to_owned(), data: data.into() };
                assert_eq!(ann.next().await, expected, "{format:?}");
            }
            let Received::Reply { id: about, data, .. } = ann.next().await else { panic!("the reply is last") };
            assert_eq!((about, data), (id, json!("done")), "{format:?}");
            assert_eq!(bob.expect_named("others").await, "x");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_before_a_disconnect_arrives() {
    for format in FORMATS {
        let cluster = nodes(2).await;
        cluster.delay(Duration::from_millis(50));
        let mut ann = format.connect(cluster.node(0)).await;
        ann.emit("farewell", ()).await;
        assert_eq!(ann.expect_named("bye").await, "now", "{format:?}");
        ann.closed().await;
    }
}

#[tokio::test(start_paused = true)]
async fn servers_that_stop_hand_their_clients_over() {
    for format in FORMATS {
        let cluster = nodes(2).await;
        let mut ann = format.connect(cluster.node(0)).await;
        let mut bob = format.connect(cluster.node(1)).await;
        say(&mut bob, "lobby", "seen").await;
        hears(&mut ann, &["seen"]).await;
        let () = ann.emit_with_ack("join", "late").await.unwrap();
        cluster.node(0).handle().shutdown();
        ann.closed().await;
        cluster.quiet().await;
        say(&mut bob, "late", "missed").await;
        let mut ann = format.come_back(cluster.node(1), &ann.lose()).await;
        assert!(ann.is_recovered(), "{format:?}");
        hears(&mut ann, &["missed"]).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_that_cannot_be_resumed_is_a_new_one_and_the_client_is_told() {
    #[derive(Clone, Copy, Debug)]
    enum Fault {
        Expired,
        Trimmed,
        Forgotten,
        TooMuch,
    }
    use Fault::{Expired, Forgotten, TooMuch, Trimmed};
    for format in FORMATS {
        for fault in [Expired, Trimmed, Forgotten, TooMuch] {
            let cluster = nodes_with(2, Recovery::new().within(WITHIN).events(5)).await;
            let mut ann = format.connect(cluster.node(0)).await;
            let mut bob = format.connect(cluster.node(1)).await;
            say(&mut bob, "lobby", "seen").await;
            hears(&mut ann, &["seen"]).await;
            cluster.quiet().await;
            let lost = ann.lost_unnoticed();
            if let Forgotten = fault {
                ann.close().await;
                cluster.quiet().await;
            }
            cluster.kill_node(0);
            match fault {
                Expired => sleep(WITHIN * 4).await,
                Trimmed => {
                    say(&mut bob, "lobby", "missed").await;
                    cluster.trim_log();
                }
                Forgotten => {}
                TooMuch => {
                    for _ in 0..6 {
                        say(&mut bob, "lobby", "missed").await;
                    }
                }
            }
            let mut ann = format.come_back(cluster.node(1), &lost).await;
            // Socket.IO has no word for a close that is no disconnect.
            let is_recovered = matches!((fault, format), (Forgotten, Format::SocketIo));
            if is_recovered {
                continue;
            }
            assert!(!ann.is_recovered(), "{format:?} {fault:?}");
            assert_eq!(metric(cluster.node(1), "gateway_cluster_sessions_total{outcome=\"missing\"}"), "1");
            say(&mut bob, "lobby", "live").await;
            hears(&mut ann, &["live"]).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn of_two_servers_one_takes_a_session() {
    for format in FORMATS {
        let cluster = nodes(3).await;
        let mut ann = format.connect(cluster.node(0)).await;
        let mut bob = format.connect(cluster.node(1)).await;
        say(&mut bob, "lobby", "seen").await;
        hears(&mut ann, &["seen"]).await;
        cluster.quiet().await;
        cluster.kill_node(0);
        let lost = ann.lose();
        let (one, other) =
            tokio::join!(format.come_back(cluster.node(1), &lost), format.come_back(cluster.node(2), &lost));
        assert_eq!(usize::from(one.is_recovered()) + usize::from(other.is_recovered()), 1, "{format:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn while_the_engine_is_away_events_arrive_at_once_and_are_counted() {
    for format in FORMATS {
        let cluster = nodes(2).await;
        let mut ann = format.connect(cluster.node(0)).await;
        let mut bob = format.connect(cluster.node(1)).await;
        say(&mut bob, "lobby", "seen").await;
        hears(&mut ann, &["seen"]).await;
        hears(&mut bob, &["seen"]).await;
        sleep(RECORDED).await;
        cluster.lose_engine(0);
        say(&mut ann, "lobby", "here").await;
        hears(&mut ann, &["here"]).await;
        assert_eq!(metric(cluster.node(0), "gateway_cluster_without_offset_total"), "1");
        assert_eq!(metric(cluster.node(0), "gateway_cluster_up"), "0");
        bob.expect_nothing().await;
        // A client that comes from elsewhere cannot be looked up.
        let lost = bob.lose();
        let stranger = format.come_back(cluster.node(0), &lost).await;
        assert!(!stranger.is_recovered(), "{format:?}");
        cluster.restore_engine(0);
        let mut bob = format.come_back(cluster.node(1), &lost).await;
        assert!(bob.is_recovered(), "{format:?}");
        hears(&mut bob, &["here"]).await;
        say(&mut bob, "lobby", "again").await;
        hears(&mut ann, &["again"]).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_that_could_not_be_written_is_written_again() {
    for format in FORMATS {
        let cluster = nodes(2).await;
        let mut ann = format.connect(cluster.node(0)).await;
        let mut bob = format.connect(cluster.node(1)).await;
        say(&mut bob, "lobby", "seen").await;
        hears(&mut ann, &["seen"]).await;
        sleep(RECORDED).await;
        cluster.lose_engine(0);
        let () = ann.emit_with_ack("join", "attic").await.unwrap();
        sleep(RECORDED).await;
        cluster.restore_engine(0);
        sleep(10 * RECORDED).await;
        cluster.kill_node(0);
        let lost = ann.lose();
        say(&mut bob, "attic", "missed").await;
        let mut ann = format.come_back(cluster.node(1), &lost).await;
        assert!(ann.is_recovered(), "{format:?}");
        hears(&mut ann, &["missed"]).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_whose_offset_does_not_come_goes_out_without_it() {
    for format in FORMATS {
        let options = ClusterOptions::new().offset_timeout(Duration::from_millis(200));
        let configure = |server: Server| {
            server.gateway::<Room>().recovery(Recovery::new().within(WITHIN)).cluster_options(options.clone())
        };
        let cluster = cluster_with_log(2, configure).await.unwrap();
        let mut ann = format.connect(cluster.node(0)).await;
        cluster.quiet().await;
        cluster.delay(Duration::from_secs(10));
        let begin = tokio::time::Instant::now();
        say(&mut ann, "lobby", "slow").await;
        hears(&mut ann, &["slow"]).await;
        assert!(begin.elapsed() <= Duration::from_millis(260), "{:?}", begin.elapsed());
        assert_eq!(metric(cluster.node(0), "gateway_cluster_without_offset_total"), "1");
        cluster.quiet().await;
        ann.expect_nothing().await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_end_of_texts_is_no_offset() {
    // A client of Socket.IO reads the last text of every event as its offset.
    let cluster = nodes(2).await;
    let mut ann = Format::SocketIo.connect(cluster.node(0)).await;
    let mut bob = Format::SocketIo.connect(cluster.node(1)).await;
    say(&mut bob, "lobby", "seen").await;
    hears(&mut ann, &["seen"]).await;
    ann.emit("local", "no offset").await;
    assert_eq!(ann.expect_named("local").await, "no offset");
    cluster.quiet().await;
    cluster.kill_node(0);
    say(&mut bob, "lobby", "missed").await;
    let mut ann = Format::SocketIo.come_back(cluster.node(1), &ann.lose()).await;
    assert!(ann.is_recovered());
    hears(&mut ann, &["missed"]).await;
}

/// The session of a plain client that reads its frames itself.
async fn session(client: &mut TestClient) -> Value {
    match client.next().await {
        Received::Message(Message::Text(text)) => serde_json::from_str::<Value>(&text).unwrap()["session"].clone(),
        other => panic!("no session: {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn an_offset_that_the_log_never_had_is_no_way_back() {
    let cluster = nodes(2).await;
    let mut bob = Format::Plain.connect(cluster.node(1)).await;
    say(&mut bob, "nobody", "the log has begun").await;
    for offset in ["7", "-1", "1-1-1", "1767225600000-1", "99999999999999999999", "", "9007199254740991"] {
        let mut ann = cluster.node(0).connect("/room?resume").await.unwrap();
        let told = session(&mut ann).await;
        let (id, key) = (told["id"].as_str().unwrap(), told["resume"].as_str().unwrap());
        cluster.quiet().await;
        let path = format!("/room?resume={key}&offset={offset}");
        let mut ann = cluster.node(1).connect(&path).await.unwrap();
        let told = session(&mut ann).await;
        assert_eq!((told["resumed"].clone(), told["id"] == id), (json!(false), false), "{offset}");
    }
}
