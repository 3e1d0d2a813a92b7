//! The figures of a server that the page shows: sockets of each namespace, and what happened since the last figures.

use std::collections::{BTreeMap, HashSet};
use std::time::Instant;

use serde_json::{Value, json};

use crate::gateway::KnownNamespaces;
use crate::hub::Target;
use crate::metrics::{Counter, WireMeter, wall_clock};
use crate::server::admin::Admin;
use crate::server::state::ServerState;

/// Names of this server, and the counters at the last figures.
#[derive(Debug)]
pub(super) struct ServerStats {
    server_id: String,
    hostname: String,
    started: Instant,
    last: Option<[u64; COUNTED]>,
}

/// Names of what is counted, as the page knows them: only connections and bytes have a chart.
const NAMES: [&str; COUNTED] = ["rawConnection", "rawDisconnection", "packetsIn", "bytesIn", "bytesOut"];
const COUNTED: usize = 5;

impl ServerStats {
    pub(super) fn new(options: &Admin) -> Self {
        let hostname = hostname();
        let server_id = options.server_id.clone();
        let server_id = server_id.unwrap_or_else(|| format!("{hostname}#{}", std::process::id()));
        Self { server_id, hostname, started: Instant::now(), last: None }
    }

    /// Begins anew, so that the first figures say nothing of the time before.
    pub(super) fn forget(&mut self) {
        self.last = None;
    }

    pub(super) fn gather(&mut self, server: &ServerState) -> Value {
        let mut namespaces: BTreeMap<String, usize> = BTreeMap::new();
        for name in server.known().into_iter().flat_map(KnownNamespaces::without_parameters) {
            namespaces.insert(name.to_owned(), 0);
        }
        let (mut clients, mut polling) = (HashSet::new(), HashSet::new());
        for space in server.hub.spaces() {
            let target = Target::all(&space).local();
            for session in target.select().iter().filter(|session| session.is_accepted() && !session.is_away()) {
                let client = session.handshake.connection_place();
                clients.insert(client);
                if session.handshake.is_polling() {
                    polling.insert(client);
                }
            }
            namespaces.insert(space.name.to_string(), target.count());
        }
        let namespaces: Vec<_> =
            namespaces.iter().map(|(name, sockets)| json!({"name": name, "socketsCount": sockets})).collect();
        json!({
            "serverId": self.server_id,
            "hostname": self.hostname,
            "pid": std::process::id(),
            "uptime": self.started.elapsed().as_secs_f64(),
            "clientsCount": clients.len(),
            "pollingClientsCount": polling.len(),
            "aggregatedEvents": self.since_last(server),
            "namespaces": namespaces,
        })
    }

    fn since_last(&mut self, server: &ServerState) -> Vec<Value> {
        let counters = &server.telemetry.counters;
        let wire = server.telemetry.wire();
        let now = [
            counters.read(Counter::Connections),
            counters.read(Counter::Disconnections),
            counters.read(Counter::Events),
            wire.map_or(0, WireMeter::received),
            wire.map_or(0, WireMeter::sent),
        ];
        let last = self.last.replace(now).unwrap_or(now);
        let second = wall_clock() / 1000 * 1000;
        let counts = NAMES.into_iter().zip(now.into_iter().zip(last).map(|(now, last)| now.saturating_sub(last)));
        let counts = counts.filter(|(_, count)| *count > 0);
        counts.map(|(name, count)| json!({"timestamp": second, "type": name, "count": count})).collect()
    }
}

/// The name of this computer, or `localhost` where it cannot be told.
fn hostname() -> String {
    let kernel = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let variable = || ["HOSTNAME", "COMPUTERNAME"].into_iter().find_map(|name| std::env::var(name).ok());
    let name = kernel.or_else(variable).map(|name| name.trim().to_owned());
    name.filter(|name| !name.is_empty()).unwrap_or_else(|| "localhost".to_owned())
}
