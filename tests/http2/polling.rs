//! Socket.IO over HTTP/2: long polling, and its upgrade to a WebSocket in a stream.

use gateway_core::prelude::*;
use gateway_tests::Raw;
use http::Method;

use crate::client::{Answer, Client};
use crate::server::Probe;

/// The path of a session, once it has one.
fn path(transport: &str, session: Option<&str>) -> String {
    let session = session.map(|session| format!("&sid={session}")).unwrap_or_default();
    format!("/socket.io/?EIO=4&transport={transport}{session}")
}

async fn open(client: &mut Client) -> String {
    let opened = client.get(&path("polling", None)).await;
    assert_eq!(opened.status, 200, "{opened:?}");
    assert!(opened.body.contains(r#""upgrades":["websocket"]"#), "{opened:?}");
    let after = opened.body.split(r#""sid":""#).nth(1).expect("an id");
    after.split('"').next().expect("its end").to_owned()
}

async fn post(client: &mut Client, session: &str, packets: &str) -> Answer {
    let request = client.to(Method::POST, &path("polling", Some(session)));
    client.request(request, packets.to_owned()).await
}

#[tokio::test]
async fn a_session_polls_posts_and_moves_to_a_stream() {
    let mut probe = Probe::start().await;
    let mut client = probe.dial().await;
    let session = open(&mut client).await;
    assert_eq!(post(&mut client, &session, "40/probe,").await.body, "ok");
    let polled = client.get(&path("polling", Some(&session))).await;
    assert!(polled.body.starts_with(r#"40/probe,{"sid":""#), "{polled:?}");
    assert_eq!(polled.headers["content-type"], "text/plain; charset=UTF-8");
    assert_eq!(post(&mut client, &session, r#"42/probe,1["echo",[7]]"#).await.body, "ok");
    assert_eq!(client.get(&path("polling", Some(&session))).await.body, "43/probe,1[[7]]");

    let request = client.connect_request(&path("websocket", Some(&session)));
    let mut socket = Raw::over(client.ask(request).await.expect("a WebSocket").1);
    socket.text("2probe").await;
    assert_eq!(socket.next_text().await, "3probe");
    socket.text("5").await;
    socket.text(r#"42/probe,2["echo","moved"]"#).await;
    assert_eq!(socket.next_text().await, r#"43/probe,2["moved"]"#);
    assert_eq!(client.get(&path("polling", Some(&session))).await.status, 400, "it has moved");
    socket.text("41/probe,").await;
    assert_eq!(probe.end().await, DisconnectReason::Left);
}

#[tokio::test]
async fn a_session_over_a_stream_alone_talks() {
    let probe = Probe::start().await;
    let mut client = probe.dial().await;
    let request = client.connect_request(&path("websocket", None));
    let mut socket = Raw::over(client.ask(request).await.expect("a WebSocket").1);
    assert!(socket.next_text().await.starts_with(r#"0{"sid":""#));
    socket.text("40/probe,").await;
    assert!(socket.next_text().await.starts_with(r#"40/probe,{"sid":""#));
    socket.text(r#"42/probe,1["length","abc"]"#).await;
    assert_eq!(socket.next_text().await, "43/probe,1[3]");
}

#[tokio::test]
async fn a_large_post_waits_for_its_window_and_arrives_whole() {
    let probe = Probe::start().await;
    let mut client = probe.dial().await;
    let session = open(&mut client).await;
    post(&mut client, &session, "40/probe,").await;
    client.get(&path("polling", Some(&session))).await;
    let text = "l".repeat(900_000);
    assert_eq!(post(&mut client, &session, &format!(r#"42/probe,1["length","{text}"]"#)).await.body, "ok");
    assert_eq!(client.get(&path("polling", Some(&session))).await.body, "43/probe,1[900000]");
    let refused = post(&mut client, &session, &"l".repeat(1_100_000)).await;
    assert_eq!(refused.status, 413, "{refused:?}");
}

/// As over HTTP/1.1, where the end of the connection says it.
#[tokio::test]
async fn a_poll_that_is_reset_ends_its_session() {
    let mut probe = Probe::start().await;
    let mut client = probe.dial().await;
    let session = open(&mut client).await;
    post(&mut client, &session, "40/probe,").await;
    client.get(&path("polling", Some(&session))).await;
    let request = client.to(Method::GET, &path("polling", Some(&session)));
    let (response, mut sending) = client.open(request).await;
    // The next answer comes after the poll was taken.
    client.get("/nobody").await;
    sending.send_reset(h2::Reason::CANCEL);
    drop(response);
    assert_eq!(probe.end().await, DisconnectReason::Aborted);
    assert_eq!(client.get(&path("polling", Some(&session))).await.status, 400);
}
