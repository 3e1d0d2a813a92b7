//! A database of its own for each test, and a node that notes what it is given.

mod database;
mod node;

#[cfg(feature = "tls")]
pub(crate) use database::give_to_server;
pub(crate) use database::{Database, Server};
pub(crate) use node::{Heard, TestNode, broadcast, event, text};

/// Returns from a test where no PostgreSQL is installed.
macro_rules! database_of_its_own {
    () => {
        match $crate::support::Database::create().await {
            Some(database) => database,
            None => return,
        }
    };
}
pub(crate) use database_of_its_own;
