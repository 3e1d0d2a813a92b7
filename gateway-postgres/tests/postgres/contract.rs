//! The contract of engines.

use gateway_core::testing::engine_contract;
use gateway_postgres::Postgres;

use crate::support::database_of_its_own;

#[tokio::test]
async fn the_engine_keeps_the_contract() {
    let database = database_of_its_own!();
    engine_contract(|| Postgres::builder(&database.url).build().unwrap()).await;
}
