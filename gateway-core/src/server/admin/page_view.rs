//! One open page, and what it has been shown. A page that reads slowly is shown less: it gets the list of sockets again once it
//! has read what it was sent.

use std::collections::HashMap;
use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;

use crate::hub::iso_date;
use crate::limits::Limits;
use crate::metrics::{FeedBatch, FeedEntry, FeedNews};
use crate::protocol::RawArgs;
use crate::session::{EmitMode, SendError};
use crate::socket::Socket;

/// The sockets of all namespaces.
#[derive(Debug)]
pub(super) struct SocketList {
    pub(super) sockets: Vec<Value>,
    /// For each namespace the number of the first entry that is not contained.
    pub(super) next: HashMap<Arc<str>, u64>,
}

/// An open page.
#[derive(Debug)]
pub(super) struct PageView {
    page: Socket,
    /// Set if it lacks changes, and at first.
    needs_list: bool,
    /// Number of the first entry of each namespace that its list does not contain.
    listed: HashMap<Arc<str>, u64>,
}

impl PageView {
    pub(super) fn new(page: Socket) -> Self {
        Self { page, needs_list: true, listed: HashMap::new() }
    }

    pub(super) fn page(&self) -> &Socket {
        &self.page
    }

    pub(super) fn needs_list(&self) -> bool {
        self.needs_list
    }

    /// Shows entries of the feed. Returns the number of events that were left out.
    pub(super) fn show(&mut self, batch: &FeedBatch, limits: &Limits) -> u64 {
        self.needs_list |= batch.is_incomplete;
        let mut left_out = 0;
        for entry in &batch.entries {
            if self.is_listed(entry) {
                continue;
            }
            if !self.needs_list && self.has_room(limits) {
                self.send(entry);
            } else if entry.news.is_event() {
                left_out += 1;
            } else {
                self.needs_list = true;
            }
        }
        left_out
    }

    /// Sends the list of all sockets, if the page has read what it was sent before.
    pub(super) fn show_list(&mut self, list: &SocketList) {
        if self.page.session().outbox.load().0 == 0 && self.emit("all_sockets", &(&list.sockets,)) {
            self.needs_list = false;
            self.listed.clone_from(&list.next);
        }
    }

    /// Sends figures of the server, if they fit.
    pub(super) fn show_stats<T: Serialize>(&self, stats: &T, limits: &Limits) {
        if self.has_room(limits) {
            self.emit("server_stats", &(stats,));
        }
    }

    /// Returns `true` for a change that the page's list contains.
    fn is_listed(&self, entry: &FeedEntry) -> bool {
        !entry.news.is_event() && self.listed.get(&entry.namespace).is_some_and(|next| entry.number < *next)
    }

    /// Returns `true` while less than half of the outbox is used.
    fn has_room(&self, limits: &Limits) -> bool {
        let (frames, bytes) = self.page.session().outbox.load();
        (frames as usize) < limits.outbox_frames / 2 && bytes < limits.outbox_bytes / 2
    }

    fn send(&self, FeedEntry { namespace, at, news, .. }: &FeedEntry) {
        let (namespace, at) = (&**namespace, iso_date(*at));
        match news {
            FeedNews::Connected(socket) => self.emit("socket_connected", &(socket, at)),
            FeedNews::Updated(members) => self.emit("socket_updated", &(members,)),
            FeedNews::Disconnected { id, reason } => self.emit("socket_disconnected", &(namespace, id, reason, at)),
            FeedNews::Joined { room, id } => self.emit("room_joined", &(namespace, room, id, at)),
            FeedNews::Left { room, id } => self.emit("room_left", &(namespace, room, id, at)),
            FeedNews::Received { id, args } => self.emit("event_received", &(namespace, id, &**args, at)),
            FeedNews::Sent { id, args } => self.emit("event_sent", &(namespace, id, &**args, at)),
        };
    }

    fn emit<T: Serialize>(&self, event: &str, args: &T) -> bool {
        send(&self.page, event, args).is_ok()
    }
}

/// Sends an event whose arguments are the elements of a tuple. Listeners of events are not told, and nothing is kept for a page that
/// comes back.
pub(super) fn send<T: Serialize>(page: &Socket, event: &str, args: &T) -> Result<(), SendError> {
    let list = serde_json::to_string(args).map_err(|_| SendError::Unserializable)?;
    let content = RawArgs::from_list(list, Vec::new()).into_content();
    page.session().emit(event, content.borrowed(), EmitMode::Event, None)
}
