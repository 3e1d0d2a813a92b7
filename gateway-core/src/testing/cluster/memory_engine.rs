//! An engine that joins servers of one process.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::hub::cluster::{Census, ClusterNode, Engine, EngineError, EngineFuture, Published, Received};
use crate::protocol::cluster::{ClusterMessage, MessageBody, NodeId};
use crate::testing::cluster::memory_bus::{Content, Member, MemoryBus};

/// An engine in memory. Messages arrive at the other servers before [`Engine::publish`] returns, unless
/// [`TestCluster::delay`](crate::testing::TestCluster::delay) has set a time.
#[derive(Debug)]
pub struct MemoryEngine {
    bus: MemoryBus,
    id: NodeId,
    routes_rooms: bool,
}

impl MemoryEngine {
    pub(super) fn new(bus: MemoryBus, id: NodeId) -> Self {
        Self { bus, id, routes_rooms: false }
    }

    /// Routes messages for a single room to the servers with members of this room, as some engines do.
    #[must_use]
    pub fn routing_rooms(self) -> Self {
        Self { routes_rooms: true, ..self }
    }

    /// The namespaces that this engine has entered, each with its rooms. In no particular order.
    #[must_use]
    pub fn entered(&self) -> HashMap<Arc<str>, HashSet<Arc<str>>> {
        let bus = self.bus.lock();
        bus.members.iter().find(|member| member.id == self.id).map(|member| member.entered.clone()).unwrap_or_default()
    }

    fn edit(&self, edit: impl FnOnce(&mut Member)) {
        let mut bus = self.bus.lock();
        if let Some(member) = bus.members.iter_mut().find(|member| member.id == self.id) {
            edit(member);
        }
    }

    fn deliver(&self, message: &ClusterMessage) {
        let recipients: Vec<_> = {
            let bus = self.bus.lock();
            let others = bus.members.iter().filter(|member| member.id != self.id);
            others.filter(|member| self.reaches(member, message)).map(|member| member.id.clone()).collect()
        };
        let message = Received { from: Some(self.id.clone()), message: message.clone(), offset: None };
        self.bus.send(&self.id, recipients, Content::Message(message));
    }

    fn reaches(&self, member: &Member, message: &ClusterMessage) -> bool {
        let Some(rooms) = member.entered.get(&message.namespace) else { return false };
        match &message.body {
            MessageBody::Answer { asker, .. } => *asker == member.id,
            MessageBody::Broadcast { to, .. } if self.routes_rooms => match to.rooms.as_slice() {
                // A room of this length may be a socket's own, which nobody enters.
                [room] if room.len() != 20 => rooms.contains(room.as_str()),
                _ => true,
            },
            _ => true,
        }
    }

    /// Returns an error while the engine is away.
    fn present(&self) -> Result<(), EngineError> {
        let bus = self.bus.lock();
        if bus.is_lost(&self.id) || bus.is_killed(&self.id) {
            return Err(EngineError::new("the test said so"));
        }
        Ok(())
    }
}

impl Engine for MemoryEngine {
    fn name(&self) -> &'static str {
        "memory"
    }

    fn start(&self, node: ClusterNode) -> EngineFuture<'_, Result<(), EngineError>> {
        let outcome = self.present();
        if outcome.is_ok() {
            self.bus.lock().members.push(Member { id: self.id.clone(), node, entered: HashMap::new() });
        }
        Box::pin(async { outcome })
    }

    fn node_id(&self) -> &NodeId {
        &self.id
    }

    fn enter_namespace<'a>(&'a self, namespace: &'a Arc<str>) -> EngineFuture<'a, ()> {
        self.edit(|member| {
            member.entered.entry(Arc::clone(namespace)).or_default();
        });
        Box::pin(async {})
    }

    fn exit_namespace<'a>(&'a self, namespace: &'a Arc<str>) -> EngineFuture<'a, ()> {
        self.edit(|member| {
            member.entered.remove(namespace);
        });
        Box::pin(async {})
    }

    fn routes_rooms(&self) -> bool {
        self.routes_rooms
    }

    fn enter_rooms<'a>(&'a self, namespace: &'a Arc<str>, rooms: &'a [Arc<str>]) -> EngineFuture<'a, ()> {
        self.edit(|member| member.entered.entry(Arc::clone(namespace)).or_default().extend(rooms.iter().cloned()));
        Box::pin(async {})
    }

    fn exit_rooms<'a>(&'a self, namespace: &'a Arc<str>, rooms: &'a [Arc<str>]) -> EngineFuture<'a, ()> {
        self.edit(|member| {
            if let Some(entered) = member.entered.get_mut(namespace) {
                entered.retain(|room| !rooms.contains(room));
            }
        });
        Box::pin(async {})
    }

    fn publish<'a>(&'a self, messages: &'a [ClusterMessage]) -> EngineFuture<'a, Result<Vec<Published>, EngineError>> {
        if self.bus.lock().is_killed(&self.id) {
            // A killed process neither publishes nor learns that it failed.
            return Box::pin(std::future::pending());
        }
        if let Err(error) = self.present() {
            return Box::pin(async { Err(error) });
        }
        for message in messages {
            self.deliver(message);
        }
        let published = messages.iter().map(|_| Published::without_offset()).collect();
        Box::pin(async { Ok(published) })
    }

    fn census<'a>(&'a self, namespace: &'a Arc<str>) -> EngineFuture<'a, Result<Census, EngineError>> {
        if let Err(error) = self.present() {
            return Box::pin(async { Err(error) });
        }
        let bus = self.bus.lock();
        let others = bus.members.iter().filter(|member| member.id != self.id && !bus.is_lost(&member.id));
        let others = others.filter(|member| member.entered.contains_key(namespace));
        let census = Census::Nodes(others.map(|member| member.id.clone()).collect());
        drop(bus);
        Box::pin(async { Ok(census) })
    }

    fn stop(&self) -> EngineFuture<'_, ()> {
        let others: Option<Vec<_>> = {
            let mut bus = self.bus.lock();
            let before = bus.members.len();
            bus.members.retain(|member| member.id != self.id);
            let was_member = bus.members.len() < before && !bus.is_lost(&self.id);
            was_member.then(|| bus.members.iter().map(|member| member.id.clone()).collect())
        };
        if let Some(others) = others {
            self.bus.send(&self.id, others, Content::Goodbye);
        }
        Box::pin(async {})
    }
}
