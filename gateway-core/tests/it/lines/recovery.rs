//! Clients that come back after a lost connection.

use std::time::Duration;

use gateway_core::serve::Recovery;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;

use super::messages::{message, read};
use super::{Wire, start};

/// Connects with what the first line says of recovery, and returns the greeting.
async fn connect(wire: &mut Wire, resume: Value) -> Value {
    wire.write(&format!("{}\n", json!({"connect": "/room/a", "resume": resume}))).await;
    wire.json().await["session"].clone()
}

#[tokio::test(start_paused = true)]
async fn a_client_that_comes_back_misses_nothing() {
    let (server, _) = start(|server| server.recovery(Recovery::new().within(Duration::from_mins(1)))).await;
    let mut other = server.connect("/room/a").await.unwrap();
    for loss in ["drop", "half-close"] {
        let mut wire = Wire::open(&server);
        let session = connect(&mut wire, json!(true)).await;
        assert_eq!(session["resumed"], false);
        assert_eq!(other.emit_with_ack::<usize>("tell", "one").await, Ok(1));
        let first = wire.json().await;
        assert_eq!((&first["event"], &first["data"]), (&json!("told"), &json!("one")));
        if loss == "drop" {
            drop(wire);
        } else {
            wire.finish().await;
            assert_eq!(wire.rest().await, "");
        }
        assert_eq!(other.emit_with_ack::<usize>("tell", "two").await, Ok(1), "{loss}: it is still in its room");
        let mut back = Wire::open(&server);
        let resume = json!({"key": session["resume"], "offset": first["offset"]});
        back.write(&format!("{}\n", json!({"connect": "/room/a", "resume": resume}))).await;
        // What was missed comes before the greeting.
        assert_eq!(back.json().await["data"], "two");
        let resumed = back.json().await["session"].clone();
        assert_eq!((&resumed["id"], &resumed["resumed"]), (&session["id"], &json!(true)), "{loss}");
        assert_eq!(other.emit_with_ack::<usize>("tell", "three").await, Ok(1));
        assert_eq!(back.json().await["data"], "three");
        back.write("{\"close\":{}}\n").await;
        back.rest().await;
    }
}

#[tokio::test(start_paused = true)]
async fn who_did_not_ask_has_no_key_and_who_closed_does_not_come_back() {
    let (server, _) = start(|server| server.recovery(Recovery::new())).await;
    let mut wire = Wire::open(&server);
    assert_eq!(connect(&mut wire, json!(false)).await["resume"], Value::Null);
    let mut wire = Wire::open(&server);
    let session = connect(&mut wire, json!(true)).await;
    wire.write("{\"close\":{}}\n").await;
    wire.rest().await;
    let mut back = Wire::open(&server);
    let new = connect(&mut back, json!({"key": session["resume"], "offset": 0})).await;
    assert_eq!(new["resumed"], false);
    assert_ne!(new["id"], session["id"]);
}

#[tokio::test(start_paused = true)]
async fn a_test_client_of_lines_comes_back_too() {
    let (server, _) = start(|server| server.recovery(Recovery::new())).await;
    let mut other = server.connect("/room/a").await.unwrap();
    let mut device = server.connect_tcp("/room/a").resumable().await.unwrap();
    other.emit_with_ack::<usize>("tell", "one").await.unwrap();
    assert_eq!(device.expect_named("told").await, json!("one"));
    let lost = device.lose();
    other.emit_with_ack::<usize>("tell", "two").await.unwrap();
    let mut device = server.connect_tcp("/room/a").come_back(&lost).await.unwrap();
    assert_eq!(device.expect_named("told").await, json!("two"));
}

#[tokio::test(start_paused = true)]
async fn a_client_of_messagepack_comes_back_too() {
    let (server, _) = start(|server| server.recovery(Recovery::new().within(Duration::from_mins(1)))).await;
    let mut other = server.connect("/room/a").await.unwrap();
    let mut device = server.tcp();
    device.write_all(&message(b"\x82\xa7connect\xa7/room/a\xa6resume\xc3")).await.unwrap();
    let session = read(&mut device).await;
    // The id and the key are texts of 20 bytes.
    let (id, key) = (&session[14..34], &session[42..62]);
    let greeting = |resumed: u8| {
        [b"\x81\xa7session\x83\xa2id\xb4", id, b"\xa6resume\xb4", key, b"\xa7resumed", &[resumed]].concat()
    };
    assert_eq!(session, greeting(0xc2));
    other.emit_with_ack::<usize>("tell", "one").await.unwrap();
    let first = read(&mut device).await;
    let (event, offset) = first.split_at(first.len() - 1);
    assert_eq!(event, b"\x83\xa5event\xa4told\xa4data\xa3one\xa6offset");
    drop(device);

    other.emit_with_ack::<usize>("tell", "two").await.unwrap();
    let mut device = server.tcp();
    let resume = [b"\x82\xa7connect\xa7/room/a\xa6resume\x82\xa3key\xb4", key, b"\xa6offset", offset].concat();
    device.write_all(&message(&resume)).await.unwrap();
    let missed = [b"\x83\xa5event\xa4told\xa4data\xa3two\xa6offset", &[offset[0] + 1][..]].concat();
    assert_eq!(read(&mut device).await, missed);
    assert_eq!(read(&mut device).await, greeting(0xc3));
    // The answer to a request has no offset.
    device.write_all(&message(b"\x83\xa5event\xa4echo\xa4data\x01\xa2id\x02")).await.unwrap();
    assert_eq!(read(&mut device).await, b"\x83\xa5event\xa4echo\xa4data\x01\xa2id\x02");
}
