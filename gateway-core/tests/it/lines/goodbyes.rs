//! What a client of lines has said before its goodbye is handled, in either framing.

use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::{Wire, start};

/// A message of MessagePack behind its length.
fn packed(message: &[u8]) -> Vec<u8> {
    [&u32::try_from(message.len()).unwrap().to_be_bytes(), message].concat()
}

/// A visit that is said in one write: the namespace, an event that takes two seconds, three behind it, and the goodbye.
fn visits() -> [(&'static str, Vec<u8>); 2] {
    let lines = [
        r#"{"connect":"/room/a"}"#,
        r#"{"event":"slowly","data":1}"#,
        r#"{"event":"tell","data":"1"}"#,
        r#"{"event":"tell","data":"2","id":1}"#,
        r#"{"event":"tell","data":"3"}"#,
        r#"{"close":{}}"#,
    ];
    let messages: [&[u8]; 6] = [
        b"\x81\xa7connect\xa7/room/a",
        b"\x82\xa5event\xa6slowly\xa4data\x01",
        b"\x82\xa5event\xa4tell\xa4data\xa11",
        b"\x83\xa5event\xa4tell\xa4data\xa12\xa2id\x01",
        b"\x82\xa5event\xa4tell\xa4data\xa13",
        b"\x81\xa5close\x80",
    ];
    let lines = lines.map(|line| format!("{line}\n")).concat().into_bytes();
    [("lines", lines), ("packed", messages.map(packed).concat())]
}

#[tokio::test(start_paused = true)]
async fn what_waits_when_its_client_says_goodbye_is_handled() {
    for (framing, visit) in visits() {
        for at_once in [true, false] {
            let (server, ends) = start(|server| server).await;
            let mut witness = server.connect("/room/a").await.unwrap();
            let mut stream = server.tcp();
            for piece in visit.chunks(if at_once { visit.len() } else { 7 }) {
                stream.write_all(piece).await.unwrap();
            }
            for number in ["1", "2", "3"] {
                assert_eq!(witness.expect_named("told").await, number, "{framing}");
            }
            let mut rest = Vec::new();
            timeout(Duration::from_mins(1), stream.read_to_end(&mut rest)).await.expect("an end").unwrap();
            drop(stream);
            server.stop().await;
            assert_eq!(ends.all().first().unwrap(), "the client closed (1005)", "{framing}");
        }
    }
}

/// As a program that writes all it has to say and ends.
#[tokio::test(start_paused = true)]
async fn a_goodbye_right_before_the_end_of_the_half_is_a_goodbye() {
    let (server, ends) = start(|server| server).await;
    let mut witness = server.connect("/room/a").await.unwrap();
    let mut wire = Wire::enter(&server, "a").await;
    wire.write("{\"event\":\"slowly\"}\n{\"event\":\"tell\",\"data\":\"1\"}\n{\"close\":{}}\n").await;
    wire.finish().await;
    assert_eq!(witness.expect_named("told").await, json!("1"));
    wire.rest().await;
    server.stop().await;
    assert_eq!(ends.all().first().unwrap(), "the client closed (1005)");
}
