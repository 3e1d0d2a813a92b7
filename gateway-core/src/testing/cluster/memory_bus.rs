//! The connection between the engines of one process: who is a member, which messages are under way, and what is lost.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

use crate::hub::cluster::{ClusterNode, EngineState, Received as ReceivedMessage};
use crate::protocol::cluster::{MessageBody, NodeId};
use crate::sync::lock;
use crate::testing::cluster::memory_engine::MemoryEngine;
use crate::testing::cluster::memory_log::{MemoryEntry, MemoryLog, offset_of};

/// The connection between engines of one process. Cheap to clone.
///
/// ```
/// use gateway_core::Server;
/// use gateway_core::testing::MemoryBus;
///
/// let bus = MemoryBus::new();
/// let servers = [bus.engine(), bus.engine()].map(|engine| Server::empty().cluster(engine));
/// # drop(servers);
/// ```
#[derive(Clone, Debug, Default)]
pub struct MemoryBus(Arc<SharedBus>);

#[derive(Debug, Default)]
struct SharedBus {
    bus: Mutex<Bus>,
    /// Held while a member reads the log, so that it gets the entries in their order.
    reading: Mutex<()>,
}

/// State of a [`MemoryBus`].
#[derive(Debug, Default)]
pub(super) struct Bus {
    /// Members in the order of their start, which is the order of delivery.
    pub(super) members: Vec<Member>,
    /// Number of engines created so far.
    created: usize,
    delay: Duration,
    /// Pairs of nodes between which nothing arrives, in both orders.
    cut: HashSet<(NodeId, NodeId)>,
    /// Nodes that have lost their engine, each with the number of messages that it has missed.
    lost: HashMap<NodeId, u64>,
    killed: HashSet<NodeId>,
    /// Messages that arrive later, in the order of arrival.
    under_way: VecDeque<Transfer>,
    /// Set while a task delivers `under_way`.
    is_carrying: bool,
    /// Present if messages are kept.
    pub(super) log: Option<MemoryLog>,
}

#[derive(Debug)]
pub(super) struct Member {
    pub(super) id: NodeId,
    pub(super) node: ClusterNode,
    /// Namespaces that were entered, each with its rooms.
    pub(super) entered: HashMap<Arc<str>, HashSet<Arc<str>>>,
    /// Number of entries of the log that were read.
    pub(super) read: usize,
}

/// Something on its way from one node to another.
#[derive(Clone, Debug)]
struct Transfer {
    from: NodeId,
    to: NodeId,
    content: Arc<Content>,
    arrival: Instant,
}

/// Content of a transfer.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "nearly all are messages")]
pub(super) enum Content {
    Message(ReceivedMessage),
    /// The log has an entry at this place.
    Entry(usize),
    /// The sender has stopped.
    Goodbye,
}

impl MemoryBus {
    /// Creates a connection without members.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates a connection that keeps a log, as Redis does with streams: with [`Server::recovery`](crate::Server::recovery)
    /// clients resume on any server. A member that is separated from another, or from its engine, reads on where it was when it
    /// is back.
    #[must_use]
    pub fn with_log() -> Self {
        let bus = Self::default();
        bus.lock().log = Some(MemoryLog::default());
        bus
    }

    /// Creates the engine of one server.
    #[must_use]
    pub fn engine(&self) -> MemoryEngine {
        let mut bus = self.lock();
        bus.created += 1;
        MemoryEngine::new(self.clone(), NodeId::new(format!("node-{}", bus.created)))
    }

    /// Connects or disconnects all members.
    pub fn set_connected(&self, is_connected: bool) {
        let members: Vec<_> = self.lock().members.iter().map(|member| member.id.clone()).collect();
        for member in members {
            if is_connected {
                self.restore(&member);
            } else {
                self.lose(&member);
            }
        }
    }

    /// Sets the time that later messages take.
    pub(super) fn set_delay(&self, delay: Duration) {
        self.lock().delay = delay;
    }

    /// Lets nothing arrive between two nodes.
    pub(super) fn cut(&self, one: &NodeId, other: &NodeId) {
        self.lock().cut.extend([(one.clone(), other.clone()), (other.clone(), one.clone())]);
    }

    /// Connects all nodes again.
    pub(super) fn heal(&self) {
        self.lock().cut.clear();
        self.read_on();
    }

    /// Removes what clients could have missed from the log.
    pub(super) fn trim_log(&self) {
        if let Some(log) = &mut self.lock().log {
            log.trim();
        }
    }

    /// Lets every member read the log to its end.
    fn read_on(&self) {
        let (members, end) = {
            let bus = self.lock();
            let members: Vec<_> = bus.members.iter().map(|member| member.id.clone()).collect();
            (members, bus.log.as_ref().map_or(0, MemoryLog::len))
        };
        for member in members {
            self.read_log(&member, end);
        }
    }

    /// Tells every member of a new entry of the log, the sender too.
    pub(super) fn announce(&self, from: &NodeId, place: usize) {
        let members = self.lock().members.iter().map(|member| member.id.clone()).collect();
        self.send(from, members, Content::Entry(place));
    }

    /// Lets a member read the log up to a place, or to the first entry of a node that it is separated from.
    fn read_log(&self, member: &NodeId, end: usize) {
        let _reading = lock(&self.0.reading);
        while let Some((node, place, entry)) = self.lock().next_entry(member, end) {
            let MemoryEntry { from, message } = entry;
            if from != *member {
                node.receive(ReceivedMessage { from: Some(from), message, offset: Some(offset_of(place)) });
            } else if let MessageBody::Broadcast { .. } = message.body {
                node.logged(&message.namespace, &offset_of(place));
            }
        }
    }

    /// Disconnects a member from its engine.
    pub(super) fn lose(&self, node: &NodeId) {
        let member = {
            let mut bus = self.lock();
            bus.lost.entry(node.clone()).or_default();
            bus.find(node)
        };
        if let Some(member) = member {
            member.state_changed(EngineState::Lost { reason: "the test said so".to_owned() });
        }
    }

    /// Connects a member to its engine again.
    pub(super) fn restore(&self, node: &NodeId) {
        let (missed, member) = {
            let mut bus = self.lock();
            (bus.lost.remove(node), bus.find(node))
        };
        let Some(member) = member else { return };
        if let Some(messages @ 1..) = missed {
            member.state_changed(EngineState::Gap { messages: Some(messages) });
        }
        member.state_changed(EngineState::Connected);
        self.read_on();
    }

    /// Removes a member without a goodbye. Its engine never answers again.
    pub(super) fn kill(&self, node: &NodeId) {
        let mut bus = self.lock();
        bus.members.retain(|member| member.id != *node);
        bus.killed.insert(node.clone());
    }

    /// Waits until nothing is under way.
    pub(super) async fn arrived(&self) {
        loop {
            // A paused clock advances only when every task is idle.
            sleep(Duration::from_millis(1)).await;
            let Some(arrival) = self.lock().under_way.back().map(|last| last.arrival) else { return };
            sleep_until(arrival).await;
        }
    }

    /// Sends to other members: at once without a delay, otherwise later. Nothing overtakes what was sent before.
    pub(super) fn send(&self, from: &NodeId, recipients: Vec<NodeId>, content: Content) {
        let content = Arc::new(content);
        for to in recipients {
            let Some(transfer) = self.lock().begin(Transfer {
                from: from.clone(),
                to,
                content: Arc::clone(&content),
                arrival: Instant::now(),
            }) else {
                continue;
            };
            self.deliver(&transfer);
        }
        let is_waiting = {
            let mut bus = self.lock();
            let is_waiting = !bus.under_way.is_empty() && !bus.is_carrying;
            bus.is_carrying |= is_waiting;
            is_waiting
        };
        if is_waiting {
            // The task ends when everything has arrived.
            tokio::spawn(self.clone().carry());
        }
    }

    /// Delivers what is under way until nothing is left.
    async fn carry(self) {
        loop {
            let next = {
                let mut bus = self.lock();
                let next = bus.under_way.front().cloned();
                bus.is_carrying = next.is_some();
                next
            };
            let Some(transfer) = next else { return };
            sleep_until(transfer.arrival).await;
            self.deliver(&transfer);
            self.lock().under_way.pop_front();
        }
    }

    fn deliver(&self, transfer: &Transfer) {
        let Transfer { from, to, content, arrival: _ } = transfer;
        if let Content::Entry(place) = **content {
            return self.read_log(to, place + 1);
        }
        let recipient = {
            let mut bus = self.lock();
            if bus.is_cut(from, to) {
                return;
            }
            if let Some(missed) = bus.lost.get_mut(to) {
                *missed += 1;
                return;
            }
            bus.find(to)
        };
        let Some(recipient) = recipient else { return };
        match &**content {
            Content::Message(message) => recipient.receive(message.clone()),
            Content::Entry(_) => {}
            Content::Goodbye => recipient.node_left(from),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Bus> {
        lock(&self.0.bus)
    }
}

impl Bus {
    pub(super) fn is_lost(&self, node: &NodeId) -> bool {
        self.lost.contains_key(node)
    }

    pub(super) fn is_killed(&self, node: &NodeId) -> bool {
        self.killed.contains(node)
    }

    fn is_cut(&self, from: &NodeId, to: &NodeId) -> bool {
        self.cut.contains(&(from.clone(), to.clone()))
    }

    /// The next entry that a member reads, with its place. Own entries and those of namespaces that it has entered are read,
    /// others are passed over.
    fn next_entry(&mut self, member: &NodeId, end: usize) -> Option<(ClusterNode, usize, MemoryEntry)> {
        if self.is_lost(member) {
            return None;
        }
        loop {
            let reader = self.members.iter().position(|reader| reader.id == *member)?;
            let place = self.members[reader].read;
            let entry = self.log.as_ref()?.entry(place).filter(|_| place < end)?.clone();
            if self.is_cut(&entry.from, member) {
                return None;
            }
            let reader = &mut self.members[reader];
            reader.read += 1;
            if entry.from == *member || reader.entered.contains_key(&entry.message.namespace) {
                return Some((reader.node.clone(), place, entry));
            }
        }
    }

    fn find(&self, node: &NodeId) -> Option<ClusterNode> {
        self.members.iter().find(|member| member.id == *node).map(|member| member.node.clone())
    }

    /// Returns a transfer that arrives at once; one that arrives later is queued.
    fn begin(&mut self, mut transfer: Transfer) -> Option<Transfer> {
        if self.is_cut(&transfer.from, &transfer.to) {
            return None;
        }
        if self.delay.is_zero() && self.under_way.is_empty() {
            return Some(transfer);
        }
        let last = self.under_way.back().map(|last| last.arrival);
        transfer.arrival = last.map_or(transfer.arrival + self.delay, |last| last.max(transfer.arrival + self.delay));
        self.under_way.push_back(transfer);
        None
    }
}
