//! Clients that make the server answer what nobody reads: it stops reading, so what it holds does not grow with what they send.

use std::io;
use std::time::Duration;

use gateway_core::limits::Limits;
use gateway_core::metrics::Counter;
use gateway_core::socket_io::SocketIo;
use gateway_tests::{Frame, Raw};
use tokio::net::TcpStream;

use crate::gateway::Target;
use crate::{Growth, alone, settle, until};

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// Bytes that wait for one connection before it is read no more: 64 KiB and a turn's answers, 512 frames of a few
/// bytes, and the bytes of one read.
const HELD: usize = 512 * KIB;

/// A connection of Socket.IO over a WebSocket that is in these namespaces and reads nothing from now on.
async fn socket_io(target: &Target, namespaces: &[&str]) -> TcpStream {
    let mut client = target.narrow("/socket.io/?EIO=4&transport=websocket").await;
    assert!(client.next_text().await.starts_with("0{"));
    for namespace in namespaces {
        client.text(&format!("40{namespace},")).await;
        assert!(client.next_text().await.starts_with(&format!("40{namespace},{{")));
    }
    client.into_inner()
}

/// Sends these bytes again and again, until nobody takes any for long or so many were taken. Gives how many.
async fn flood(client: &TcpStream, bytes: &[u8], most: usize, growth: &mut Growth) -> usize {
    let (mut sent, mut idle) = (0, 0);
    while sent < most && idle < 2000 {
        match client.try_write(&bytes[sent % bytes.len()..]) {
            Ok(written) => (sent, idle) = (sent + written, 0),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => idle += 1,
            Err(error) => panic!("{error}"),
        }
        growth.look();
        tokio::task::yield_now().await;
    }
    sent
}

fn frames(texts: &[String]) -> Vec<u8> {
    texts.iter().flat_map(|text| Frame::text(text.clone()).bytes()).collect()
}

#[tokio::test]
async fn what_is_answered_and_not_read_is_bounded_whatever_was_asked() {
    let _alone = alone().await;
    let wishes = frames(&["40/nobody,".to_owned()]).repeat(1000);
    let unknown = |namespace: &str| format!(r#"42{namespace},["nobody"]"#);
    let coming_and_going =
        [vec![r#"42/prey,["x"]"#.to_owned(); 900], vec!["41/prey,".to_owned(), "40/prey,".to_owned()]];
    let cases: [(&str, &[&str], Vec<u8>); 5] = [
        ("asks for what nobody serves, in no namespace", &[], wishes.clone()),
        ("asks for what nobody serves, in one", &["/prey"], wishes.clone()),
        ("asks for what nobody serves, in two", &["/prey", "/lair"], wishes),
        (
            "sends unknown events, in two",
            &["/prey", "/lair"],
            frames(&[unknown("/prey"), unknown("/lair")]).repeat(1000),
        ),
        ("comes and goes with answers that wait", &["/prey", "/lair"], frames(&coming_and_going.concat())),
    ];
    for (what, namespaces, bytes) in cases {
        let target = Target::start().await;
        let client = socket_io(&target, namespaces).await;
        settle().await;
        let mut growth = Growth::begin();
        let sent = flood(&client, &bytes, 16 * MIB, &mut growth).await;
        println!("{what}: {} bytes for {sent} sent", growth.most());
        assert!(sent < 16 * MIB, "{what}: it is read no more");
        assert!(growth.most() <= HELD, "{what}: {}", growth.most());
        drop(client);
        target.is_empty().await;
        until(|| crate::held() < growth.base + 64 * KIB).await;
    }
}

#[tokio::test]
async fn the_same_is_bounded_for_a_plain_client() {
    let _alone = alone().await;
    let target = Target::start().await;
    for text in
        [r#"{"event":"nobody","id":1}"#, r#"{"event":"nobody"}"#, "malformed", r#"{"event":"echo","data":"abc"}"#]
    {
        let bytes = frames(&[text.to_owned()]).repeat(1000);
        let client = target.stream("/prey").await;
        settle().await;
        let mut growth = Growth::begin();
        let sent = flood(&client, &bytes, 16 * MIB, &mut growth).await;
        println!("{text}: {} bytes for {sent} sent", growth.most());
        assert!(sent < 16 * MIB && growth.most() <= HELD, "{text}: {}", growth.most());
        drop(client);
        target.is_empty().await;
        until(|| crate::held() < growth.base + 64 * KIB).await;
    }
}

/// The answer to a POST of a session.
async fn post(target: &Target, id: &str, body: &str) -> u16 {
    let mut client = Raw::dial(target.address).await;
    let head = format!(
        "POST /socket.io/?EIO=4&transport=polling&sid={id} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\
         Content-Type: text/plain;charset=UTF-8\r\n\r\n{body}",
        body.len()
    );
    client.ask(&head).await.status
}

#[tokio::test]
async fn what_is_posted_and_never_polled_for_costs_its_bytes() {
    let _alone = alone().await;
    let limits = Limits::new().post_timeout(Duration::from_millis(20));
    let engine = || SocketIo::new().ping_interval(Duration::from_millis(300)).ping_timeout(Duration::from_millis(200));
    let bodies = [vec!["40/nobody,"; 80_000].join("\u{1e}"), vec![r#"42/prey,["x"]"#; 60_000].join("\u{1e}")];
    for body in bodies {
        let target = Target::with(|server| server.limits(limits.clone()).socket_io(engine())).await;
        let open = "GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: localhost\r\n\r\n";
        let answer = Raw::dial(target.address).await.ask(open).await;
        let id = answer.body.split('"').nth(3).expect("an id").to_owned();
        assert_eq!(post(&target, &id, "40/prey,").await, 200);
        settle().await;
        let mut growth = Growth::begin();
        let mut sent = 0;
        while post(&target, &id, &body).await == 200 {
            sent += body.len();
            growth.look();
        }
        println!("{} bytes for {sent} posted", growth.most());
        // One body is being taken, another waits, a third is on its way; the client has one too.
        assert!(growth.most() <= 4 * body.len() + HELD, "{}", growth.most());
        target.is_empty().await;
        until(|| crate::held() < growth.base + 128 * KIB).await;
        assert_eq!(target.running.handle().count(Counter::SlowDisconnects), 1);
    }
}
