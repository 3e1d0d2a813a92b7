//! Starts that fail, and their texts.

use std::sync::Arc;

use gateway_core::cluster::Engine;
use gateway_postgres::{Postgres, PostgresError};

use crate::support::{TestNode, broadcast, database_of_its_own, event};

#[tokio::test]
async fn a_database_that_is_away_is_a_clear_error() {
    let url = "host=/nonexistent user=test";
    let error = Postgres::connect(url).await.unwrap_err();
    assert!(matches!(error, PostgresError::Connect(_)), "{error}");
    assert!(matches!(Postgres::connect("postgres://[").await, Err(PostgresError::Url(_))));
    let table = Postgres::builder(url).table_name("a; DROP TABLE b").build();
    assert!(matches!(table, Err(PostgresError::TableName(_))));
}

#[tokio::test]
async fn the_connections_of_connect_are_used_by_the_start() {
    let database = database_of_its_own!();
    let engine = Postgres::connect(&database.url).await.unwrap();
    let count = "SELECT count(*) FROM pg_stat_activity WHERE datname = $1 AND application_name = 'gateway-postgres'";
    let client = database.client().await;
    let connections = async || client.query_one(count, &[&database.name]).await.unwrap().get::<_, i64>(0);
    assert_eq!(connections().await, 2);
    let ann = TestNode::starting(engine).await;
    assert_eq!(connections().await, 2);
    ann.engine.enter_namespace(&Arc::from("/")).await;
    let mut bob = TestNode::start(&database.url, &["/"]).await;
    ann.publish(broadcast("/", "e", &())).await;
    assert_eq!(event(&bob.body_from(&ann).await), "e");
}
