//! Large and binary messages, and the table that they go through.

use std::time::Duration;

use bytes::Bytes;
use gateway_core::cluster::Engine;
use gateway_core::cluster::{MessageBody, node_format};
use gateway_core::extract::Args;
use gateway_postgres::{Postgres, PostgresError};
use tokio::time::sleep;

use crate::support::{Database, Heard, TestNode, broadcast, database_of_its_own, text};

async fn rows(database: &Database) -> i64 {
    let count = database.client().await.query_one("SELECT count(*) FROM socket_io_attachments", &[]).await;
    count.unwrap().get(0)
}

#[tokio::test]
async fn a_message_goes_through_the_table_from_8000_bytes_on() {
    let database = database_of_its_own!();
    let ann = TestNode::start(&database.url, &["/"]).await;
    let mut bob = TestNode::start(&database.url, &["/"]).await;
    let empty = node_format::encode(ann.engine.node_id(), &broadcast("/", "e", "")).len();
    for (bytes, stored) in [(7999, 0), (8000, 1), (8001, 2), (100_000, 3)] {
        let data = "x".repeat(bytes - empty);
        let message = broadcast("/", "e", &data);
        assert_eq!(node_format::encode(ann.engine.node_id(), &message).len(), bytes);
        ann.publish(message).await;
        assert_eq!(text(&bob.body_from(&ann).await), data);
        assert_eq!(rows(&database).await, stored, "{bytes}");
    }
    // Bytes are counted, not characters.
    let data = "ü".repeat((8000 - empty) / 2);
    ann.publish(broadcast("/", "e", &data)).await;
    assert_eq!(text(&bob.body_from(&ann).await), data);
    assert_eq!(rows(&database).await, 3 + i64::from((8000 - empty).is_multiple_of(2)));
}

#[tokio::test]
async fn binary_parts_go_through_the_table() {
    let database = database_of_its_own!();
    let ann = TestNode::start(&database.url, &["/"]).await;
    let mut bob = TestNode::start(&database.url, &["/"]).await;
    let parts = [Bytes::from(vec![0, 255]), Bytes::new(), Bytes::from(vec![7; 300_000])];
    let message = broadcast("/", "e", &Args((&parts[0], ("x", &parts[1]), &parts[2])));
    ann.publish(message.clone()).await;
    assert_eq!(bob.body_from(&ann).await, message.body);
    assert_eq!(rows(&database).await, 1);
}

#[tokio::test]
async fn a_lower_threshold_and_another_table_are_used() {
    let database = database_of_its_own!();
    database.client().await.batch_execute("CREATE SCHEMA app").await.unwrap();
    let builder = || {
        let builder = Postgres::builder(&database.url).payload_threshold(0);
        builder.table_name("app.attachments").create_table()
    };
    let ann = TestNode::with(builder(), &["/"]).await;
    let mut bob = TestNode::with(builder(), &["/"]).await;
    ann.publish(broadcast("/", "e", "small")).await;
    assert_eq!(text(&bob.body_from(&ann).await), "small");
    let count = database.client().await.query_one("SELECT count(*) FROM app.attachments", &[]).await;
    assert_eq!((count.unwrap().get::<_, i64>(0), rows(&database).await), (1, 0));
}

#[tokio::test]
async fn a_table_is_created_by_many_servers_at_once() {
    let database = database_of_its_own!();
    database.client().await.batch_execute("DROP TABLE socket_io_attachments").await.unwrap();
    assert!(matches!(Postgres::connect(&database.url).await, Err(PostgresError::TableMissing(_))));
    let error = Postgres::connect(&database.url).await.unwrap_err();
    assert!(error.to_string().contains("socket_io_attachments"), "{error}");
    let create = || Postgres::builder(&database.url).create_table().connect();
    let (one, other, third) = tokio::join!(create(), create(), create());
    assert!(one.is_ok() && other.is_ok() && third.is_ok(), "{one:?} {other:?} {third:?}");
    assert_eq!(rows(&database).await, 0);
}

#[tokio::test]
async fn a_row_that_is_gone_is_ignored_and_the_next_message_arrives() {
    let database = database_of_its_own!();
    let ann = TestNode::start(&database.url, &["/"]).await;
    let mut bob = TestNode::start(&database.url, &["/"]).await;
    database.notify("socket.io#/", r#"{"uid":"00000000deadbeef","type":3,"attachmentId":"77"}"#).await;
    assert!(matches!(bob.next().await, Heard::Ignored(reason) if reason.contains("attachment")));
    let client = database.client().await;
    for payload in ["NULL", "''", "'\\x00'"] {
        let insert = format!("INSERT INTO socket_io_attachments (payload) VALUES ({payload}) RETURNING id");
        let row: i64 = client.query_one(&insert, &[]).await.unwrap().get(0);
        database.notify("socket.io#/", &format!(r#"{{"type":3,"attachmentId":{row}}}"#)).await;
        assert!(matches!(bob.next().await, Heard::Ignored(_)));
    }
    ann.publish(broadcast("/", "e", &"x".repeat(9000))).await;
    assert!(matches!(bob.body_from(&ann).await, MessageBody::Broadcast { .. }));
}

#[tokio::test]
async fn old_rows_are_deleted() {
    let database = database_of_its_own!();
    let builder = Postgres::builder(&database.url).cleanup_interval(Duration::from_millis(200));
    let ann = TestNode::with(builder, &["/"]).await;
    let client = database.client().await;
    let insert = "INSERT INTO socket_io_attachments (created_at) VALUES (now()), (now() + interval '1 hour')";
    client.batch_execute(insert).await.unwrap();
    while rows(&database).await != 1 {
        sleep(Duration::from_millis(20)).await;
    }
    drop(ann);
}

#[tokio::test]
async fn a_user_needs_few_rights() {
    let database = database_of_its_own!();
    let user = format!("user_of_{}", database.name);
    let rights = format!(
        "CREATE ROLE {user} LOGIN; \
         GRANT INSERT, SELECT, DELETE ON socket_io_attachments TO {user}; \
         GRANT USAGE ON SEQUENCE socket_io_attachments_id_seq TO {user}"
    );
    database.client().await.batch_execute(&rights).await.unwrap();
    let url = format!("{} user={user}", database.url);
    let builder = || Postgres::builder(&url).cleanup_interval(Duration::from_millis(200));
    let ann = TestNode::with(builder(), &["/"]).await;
    let mut bob = TestNode::with(builder(), &["/"]).await;
    ann.publish(broadcast("/", "e", &"x".repeat(9000))).await;
    assert_eq!(text(&bob.body_from(&ann).await).len(), 9000);
    while rows(&database).await != 0 {
        sleep(Duration::from_millis(20)).await;
    }
}
