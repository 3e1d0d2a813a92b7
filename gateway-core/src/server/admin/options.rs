//! Options of the Admin UI.

use std::fmt;
use std::str::FromStr;

use bcrypt::HashParts;

use crate::gateway::Problem;

/// Largest cost of a hash that may be compared while a page waits: some seconds.
const MOST_COST: u32 = 16;

/// Options of the Admin UI, enabled by [`Server::admin`](crate::Server::admin).
#[derive(Clone)]
#[must_use = "options do nothing before a server has them"]
pub struct Admin {
    pub(super) username: String,
    pub(super) password_hash: String,
    pub(super) is_read_only: bool,
    pub(super) is_production: bool,
    pub(super) server_id: Option<String>,
}

impl Admin {
    /// Lets in whoever knows this name and the password with this bcrypt hash, such as `$2b$10$…`. A hash that is none fails the
    /// start.
    pub fn new(username: impl Into<String>, password_hash: impl Into<String>) -> Self {
        Self {
            username: username.into(),
            password_hash: password_hash.into(),
            is_read_only: false,
            is_production: false,
            server_id: None,
        }
    }

    /// Lets the page look only: it has no buttons to send events, to change rooms and to disconnect. Default off.
    pub fn read_only(mut self, on: bool) -> Self {
        self.is_read_only = on;
        self
    }

    /// Shows numbers only, each two seconds, and no single sockets, rooms and events: for servers with many of them. Default off.
    pub fn production(mut self, on: bool) -> Self {
        self.is_production = on;
        self
    }

    /// Sets the name of this server on the page. Default the name of the host and the number of the process.
    pub fn server_id(mut self, name: impl Into<String>) -> Self {
        self.server_id = Some(name.into());
        self
    }

    pub(crate) fn problem(&self) -> Option<Problem> {
        let parts = HashParts::from_str(&self.password_hash);
        let is_usable = parts.is_ok_and(|parts| parts.get_cost() <= MOST_COST);
        (!is_usable).then(Problem::admin_password)
    }

    /// Names of the abilities that the page has buttons and views for.
    pub(super) fn features(&self) -> Vec<&'static str> {
        let mut features = Vec::new();
        if !self.is_read_only {
            features.extend(["EMIT", "JOIN", "LEAVE", "DISCONNECT", "MJOIN", "MLEAVE", "MDISCONNECT"]);
        }
        features.push("AGGREGATED_EVENTS");
        if !self.is_production {
            features.push("ALL_EVENTS");
        }
        features
    }
}

impl fmt::Debug for Admin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { username, is_read_only, is_production, .. } = self;
        formatter
            .debug_struct("Admin")
            .field("username", username)
            .field("is_read_only", is_read_only)
            .field("is_production", is_production)
            .finish_non_exhaustive()
    }
}
