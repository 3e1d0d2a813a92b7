//! An engine that joins servers of one process.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::hub::cluster::{Census, ClusterNode, Engine, EngineError, EngineFuture, Published, Received, RecoveryStore};
use crate::protocol::cluster::{ClusterMessage, MessageBody, NodeId};
use crate::testing::cluster::memory_bus::{Content, Member, MemoryBus};
use crate::testing::cluster::memory_log::{MemoryLog, offset_of};

/// An engine in memory. Messages arrive at the other servers before [`Engine::publish`] returns, unless
/// [`TestCluster::delay`](crate::testing::TestCluster::delay) has set a time.
#[derive(Debug)]
pub struct MemoryEngine {
    bus: MemoryBus,
    id: NodeId,
    routing: Routing,
}

/// The messages that reach only the servers with members of their room.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Routing {
    #[default]
    None,
    /// Those for one room.
    Rooms,
    /// Those for one socket too.
    Sockets,
}

impl MemoryEngine {
    pub(super) fn new(bus: MemoryBus, id: NodeId) -> Self {
        Self { bus, id, routing: Routing::default() }
    }

    /// Routes messages for a single room to the servers with members of this room, as some engines do.
    #[must_use]
    pub fn routing_rooms(self) -> Self {
        Self { routing: Routing::Rooms, ..self }
    }

    /// Routes messages for a single room as [`routing_rooms`](MemoryEngine::routing_rooms) does, and messages for a single
    /// socket to the server with this socket.
    #[must_use]
    pub fn routing_sockets(self) -> Self {
        Self { routing: Routing::Sockets, ..self }
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

    /// Runs `run` on the log of the connection, as a command of this engine.
    pub(super) fn on_log<'a, T: Send + 'a>(
        &'a self,
        run: impl FnOnce(&mut MemoryLog) -> T + Send + 'a,
    ) -> EngineFuture<'a, Result<T, EngineError>> {
        Box::pin(async move {
            if self.bus.lock().is_killed(&self.id) {
                // A killed process learns no result.
                std::future::pending::<()>().await;
            }
            self.present()?;
            let mut bus = self.bus.lock();
            bus.log.as_mut().map(run).ok_or_else(|| EngineError::new("the connection has no log"))
        })
    }

    fn deliver(&self, message: &ClusterMessage) -> Published {
        let place = {
            let mut bus = self.bus.lock();
            let log = bus.log.as_mut().filter(|_| MemoryLog::keeps(&message.body));
            log.map(|log| log.add(&self.id, message))
        };
        if let Some(place) = place {
            self.bus.announce(&self.id, place);
            return Published::at(offset_of(place));
        }
        let recipients: Vec<_> = {
            let bus = self.bus.lock();
            let others = bus.members.iter().filter(|member| member.id != self.id);
            others.filter(|member| self.reaches(member, message)).map(|member| member.id.clone()).collect()
        };
        let message = Received { from: Some(self.id.clone()), message: message.clone(), offset: None };
        self.bus.send(&self.id, recipients, Content::Message(message));
        Published::without_offset()
    }

    fn reaches(&self, member: &Member, message: &ClusterMessage) -> bool {
        let Some(rooms) = member.entered.get(&message.namespace) else { return false };
        match &message.body {
            MessageBody::Answer { asker, .. } => *asker == member.id,
            MessageBody::Broadcast { to, .. } => match (self.routing, to.rooms.as_slice()) {
                // A room of this length may be a socket's own, which nobody enters.
                (Routing::Rooms, [room]) if room.len() == 20 => true,
                (Routing::Rooms | Routing::Sockets, [room]) => rooms.contains(room.as_str()),
                (Routing::None | Routing::Rooms | Routing::Sockets, _) => true,
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

    /// Refuses to serve a second server.
    fn unused(&self) -> Result<(), EngineError> {
        let is_member = self.bus.lock().members.iter().any(|member| member.id == self.id);
        let in_use = || EngineError::new("the engine serves a server already: each server needs its own");
        if is_member { Err(in_use()) } else { Ok(()) }
    }
}

impl Engine for MemoryEngine {
    fn name(&self) -> &'static str {
        "memory"
    }

    fn start(&self, node: ClusterNode) -> EngineFuture<'_, Result<(), EngineError>> {
        let outcome = self.present().and_then(|()| self.unused());
        if outcome.is_ok() {
            let mut bus = self.bus.lock();
            let read = bus.log.as_ref().map_or(0, MemoryLog::len);
            bus.members.push(Member { id: self.id.clone(), node, entered: HashMap::new(), read });
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
        self.routing != Routing::None
    }

    fn routes_sockets(&self) -> bool {
        self.routing == Routing::Sockets
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
        let published = messages.iter().map(|message| self.deliver(message)).collect();
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

    fn recovery(&self) -> Option<&dyn RecoveryStore> {
        self.bus.lock().log.as_ref().map(|_| self as &dyn RecoveryStore)
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
