//! The task that tells open pages of the server: its figures each two seconds, and what its sockets do soon after it happened.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout_at};

use crate::gateway::Gateway;
use crate::hub::{Observed, Space, Target, transport_of};
use crate::limits::Limits;
use crate::metrics::{Counter, FeedBatch, FeedNews};
use crate::server::admin::page_view::{PageView, SocketList};
use crate::server::admin::stats::ServerStats;
use crate::server::admin::{AdminGateway, AdminState};
use crate::server::state::{ServerState, StartedServer};
use crate::session::Batch;

/// Pause between two figures of the server, as the page expects it: a server that says nothing for longer is shown as down.
const STATS_PAUSE: Duration = Duration::from_secs(2);

/// Pause in which entries are gathered.
const PAUSE: Duration = Duration::from_millis(50);

/// Pause before a page that reads slowly is looked at again.
const RETRY_PAUSE: Duration = Duration::from_millis(500);

/// Maximum number of sockets in a list.
const LISTED: usize = 5000;

/// Starts the task. It ends when the server stops.
pub(crate) fn start(state: Arc<AdminState>, server: &StartedServer) {
    let stopping = server.shared.stopping.clone();
    let mut reporter = Reporter::new(state, server);
    server.shared.tasks.spawn(async move {
        stopping.run_until_cancelled(reporter.run()).await;
    });
}

/// The task's own state.
struct Reporter {
    state: Arc<AdminState>,
    server: Arc<ServerState>,
    limits: Limits,
    views: Vec<PageView>,
    figures: ServerStats,
    next_stats: Instant,
    /// Sockets that are shown as polling, since they may upgrade, each with its namespace.
    polling: HashMap<String, Arc<str>>,
}

impl Reporter {
    fn new(state: Arc<AdminState>, server: &StartedServer) -> Self {
        let figures = ServerStats::new(&state.options);
        let (limits, server) = (server.application.limits.clone(), Arc::clone(&server.shared));
        Self { state, server, limits, views: Vec::new(), figures, next_stats: Instant::now(), polling: HashMap::new() }
    }

    /// Tells the pages for ever. Without a page it waits for one.
    async fn run(&mut self) {
        loop {
            self.keep_up_with_pages();
            if self.views.is_empty() {
                self.polling.clear();
                self.state.feed.wake.notified().await;
                continue;
            }
            self.report();
            sleep(PAUSE).await;
            let is_behind = self.needs_list();
            let until = if is_behind { self.next_stats.min(Instant::now() + RETRY_PAUSE) } else { self.next_stats };
            // Whatever ends the wait, the report looks at everything.
            let _ = timeout_at(until, self.state.feed.wake.notified()).await;
        }
    }

    /// Begins views of new pages and drops those of closed ones.
    fn keep_up_with_pages(&mut self) {
        let pages = self.state.pages();
        let is_open = |view: &PageView| pages.iter().any(|page| page.id() == view.page().id());
        let was_watched = !self.views.is_empty();
        self.views.retain(is_open);
        for page in pages {
            if !self.views.iter().any(|view| view.page().id() == page.id()) {
                self.views.push(PageView::new(page));
                // Its figures come at once.
                self.next_stats = Instant::now();
            }
        }
        if !was_watched {
            self.figures.forget();
        }
    }

    fn needs_list(&self) -> bool {
        !self.state.options.is_production && self.views.iter().any(PageView::needs_list)
    }

    /// Shows each page what is new. Several events leave in one write.
    fn report(&mut self) {
        let _batch = Batch::begin(None);
        let is_due = self.next_stats <= Instant::now();
        if is_due {
            self.note_upgrades();
        }
        let batch = self.state.feed.take();
        self.note_polling(&batch);
        let left_out: u64 = self.views.iter_mut().map(|view| view.show(&batch, &self.limits)).sum();
        self.server.telemetry.counters.add_many(Counter::UnshownEvents, batch.dropped + left_out);
        if self.needs_list() {
            let list = self.list();
            self.views.iter_mut().filter(|view| view.needs_list()).for_each(|view| view.show_list(&list));
        }
        if is_due {
            self.next_stats = Instant::now() + STATS_PAUSE;
            let stats = self.figures.gather(&self.server);
            self.views.iter().for_each(|view| view.show_stats(&stats, &self.limits));
        }
    }

    /// Lists the sockets of all namespaces, at most [`LISTED`].
    fn list(&mut self) -> SocketList {
        let mut list = SocketList { sockets: Vec::new(), next: HashMap::new() };
        let mut spaces = self.server.hub.spaces();
        // The page shows the first namespace unless it is told otherwise: that is no application's.
        spaces.sort_unstable_by(|one, other| {
            let key = |space: &Arc<Space>| (*space.name == *AdminGateway::NAMESPACE, Arc::clone(&space.name));
            key(one).cmp(&key(other))
        });
        for space in spaces {
            let Observed { sockets, next } = Observed::new(&space, &self.state.feed, LISTED - list.sockets.len());
            for socket in &sockets {
                self.note_transport(&space.name, socket);
            }
            list.sockets.extend(sockets);
            list.next.insert(Arc::clone(&space.name), next);
        }
        list
    }

    fn note_polling(&mut self, batch: &FeedBatch) {
        for entry in &batch.entries {
            match &entry.news {
                FeedNews::Connected(socket) => self.note_transport(&entry.namespace, socket),
                FeedNews::Disconnected { id, .. } => drop(self.polling.remove(id)),
                FeedNews::Updated(_)
                | FeedNews::Joined { .. }
                | FeedNews::Left { .. }
                | FeedNews::Received { .. }
                | FeedNews::Sent { .. } => {}
            }
        }
    }

    fn note_transport(&mut self, namespace: &Arc<str>, socket: &Value) {
        if let (Some("polling"), Some(id)) = (socket["transport"].as_str(), socket["id"].as_str()) {
            self.polling.insert(id.to_owned(), Arc::clone(namespace));
        }
    }

    /// Looks for sockets that were polling: those that upgraded are shown with their new transport.
    fn note_upgrades(&mut self) {
        let Self { polling, server, state, .. } = self;
        polling.retain(|id, namespace| {
            let Some(space) = server.hub.find(namespace) else { return false };
            let recipients = Target::all(&space).to(id).local().select();
            let Some(session) = recipients.iter().next() else { return false };
            let transport = transport_of(session);
            if transport != "polling" {
                state.feed.updated(namespace, || json!({"id": id, "nsp": &**namespace, "transport": transport}));
            }
            transport == "polling"
        });
    }
}
