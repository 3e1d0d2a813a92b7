//! An engine that joins servers of one process.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard};

use crate::hub::cluster::{
    Census, ClusterNode, Engine, EngineError, EngineFuture, EngineState, Published, Received as ReceivedMessage,
};
use crate::protocol::cluster::{ClusterMessage, MessageBody, NodeId};
use crate::sync::lock;

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
pub struct MemoryBus(Arc<Mutex<Bus>>);

#[derive(Debug, Default)]
struct Bus {
    members: Vec<Member>,
    /// Number of engines created so far.
    created: usize,
}

#[derive(Debug)]
struct Member {
    id: NodeId,
    node: ClusterNode,
    /// Namespaces that were entered, each with its rooms.
    entered: HashMap<Arc<str>, HashSet<Arc<str>>>,
}

/// An engine in memory. Messages arrive at the other servers before [`Engine::publish`] returns.
#[derive(Debug)]
pub struct MemoryEngine {
    bus: MemoryBus,
    id: NodeId,
    routes_rooms: bool,
}

impl MemoryBus {
    /// Creates a connection without members.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates the engine of one server.
    #[must_use]
    pub fn engine(&self) -> MemoryEngine {
        let mut bus = self.lock();
        bus.created += 1;
        let id = NodeId::new(format!("node-{}", bus.created));
        MemoryEngine { bus: self.clone(), id, routes_rooms: false }
    }

    /// Connects or disconnects all members.
    pub fn set_connected(&self, is_connected: bool) {
        let nodes: Vec<_> = self.lock().members.iter().map(|member| member.node.clone()).collect();
        let lost = || EngineState::Lost { reason: "the test said so".to_owned() };
        for node in nodes {
            node.state_changed(if is_connected { EngineState::Connected } else { lost() });
        }
    }

    fn lock(&self) -> MutexGuard<'_, Bus> {
        lock(&self.0)
    }
}

impl MemoryEngine {
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
            others.filter(|member| self.reaches(member, message)).map(|member| member.node.clone()).collect()
        };
        for node in recipients {
            node.receive(ReceivedMessage { from: Some(self.id.clone()), message: message.clone(), offset: None });
        }
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
}

impl Engine for MemoryEngine {
    fn name(&self) -> &'static str {
        "memory"
    }

    fn start(&self, node: ClusterNode) -> EngineFuture<'_, Result<(), EngineError>> {
        self.bus.lock().members.push(Member { id: self.id.clone(), node, entered: HashMap::new() });
        Box::pin(async { Ok(()) })
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
        for message in messages {
            self.deliver(message);
        }
        let published = messages.iter().map(|_| Published::without_offset()).collect();
        Box::pin(async { Ok(published) })
    }

    fn census<'a>(&'a self, namespace: &'a Arc<str>) -> EngineFuture<'a, Result<Census, EngineError>> {
        let bus = self.bus.lock();
        let others = bus.members.iter().filter(|member| member.id != self.id);
        let others = others.filter(|member| member.entered.contains_key(namespace));
        let census = Census::Nodes(others.map(|member| member.id.clone()).collect());
        drop(bus);
        Box::pin(async { Ok(census) })
    }

    fn stop(&self) -> EngineFuture<'_, ()> {
        let left: Vec<_> = {
            let mut bus = self.bus.lock();
            bus.members.retain(|member| member.id != self.id);
            bus.members.iter().map(|member| member.node.clone()).collect()
        };
        for node in left {
            node.node_left(&self.id);
        }
        Box::pin(async {})
    }
}
