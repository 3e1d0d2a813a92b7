//! A program run over a cluster in memory, step by step beside the model.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use gateway_core::prelude::*;
use gateway_core::testing::{Received, TestClient, TestCluster, cluster};
use tokio::time::timeout;

use super::model::{CLIENTS, Model, NODES, node_of};
use super::step::{Program, ROOMS, Step};

#[gateway(namespace = "/rooms")]
struct Rooms;

#[gateway]
impl Rooms {
    #[subscribe]
    fn id(&self, socket: Socket) -> String {
        socket.id().to_string()
    }

    #[subscribe]
    async fn join(&self, socket: Socket, Data(room): Data<String>) -> Result<(), Exception> {
        Ok(socket.join(room).await?)
    }

    #[subscribe]
    fn leave(&self, socket: Socket, Data(room): Data<String>) {
        socket.leave(&room);
    }

    #[subscribe]
    fn say(&self, socket: Socket, Data((room, number)): Data<(String, usize)>) {
        socket.to(room).emit("event", &number);
    }
}

struct Running {
    cluster: TestCluster,
    /// A killed node's clients are gone.
    clients: Vec<Option<TestClient>>,
    ids: Vec<String>,
    model: Model,
}

/// Runs a program. Returns the difference to the model, if there is one.
pub(super) fn run(program: &Program) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let mut running = Running::start().await;
        if program.is_slow {
            running.cluster.delay(Duration::from_millis(20));
        }
        for step in &program.steps {
            running.take(step).await;
        }
        running.check().await
    })
}

impl Running {
    async fn start() -> Self {
        let cluster = cluster(NODES, Server::gateway::<Rooms>).await.unwrap();
        let (mut clients, mut ids) = (Vec::new(), Vec::new());
        for client in 0..CLIENTS {
            let mut client = cluster.node(node_of(client)).connect("/rooms").await.unwrap();
            ids.push(client.emit_with_ack("id", ()).await.unwrap());
            clients.push(Some(client));
        }
        Self { cluster, clients, ids, model: Model::default() }
    }

    async fn take(&mut self, step: &Step) {
        match *step {
            Step::Join { client, room } => {
                self.quiet().await;
                let Some(handle) = &mut self.clients[client] else { return };
                handle.emit_with_ack::<()>("join", ROOMS[room]).await.unwrap();
                self.model.rooms[client].insert(room);
            }
            Step::Leave { client, room } => {
                self.quiet().await;
                let Some(handle) = &mut self.clients[client] else { return };
                handle.emit_with_ack::<()>("leave", ROOMS[room]).await.unwrap();
                self.model.rooms[client].remove(&room);
            }
            Step::Move { node, members, room, joins } => self.move_members(node, members, (room, joins)).await,
            Step::Emit { node, ref rooms, except } => self.emit(node, rooms, except),
            Step::Say { client, room } => {
                let Some(handle) = &mut self.clients[client] else { return };
                let number = self.model.send(node_of(client), |model, other| {
                    other != client && model.is_alive(other) && model.rooms[other].contains(&room)
                });
                handle.emit_with_ack::<()>("say", &(ROOMS[room], number)).await.unwrap();
            }
            Step::Quiet => self.quiet().await,
            Step::Partition { node } => {
                let others: Vec<_> = (0..NODES).filter(|other| *other != node).collect();
                self.cluster.partition(&[node], &others);
                self.model.partition(node);
            }
            Step::Heal => {
                self.cluster.heal();
                self.model.heal();
            }
            Step::LoseEngine { node } if !self.model.killed[node] => {
                self.cluster.lose_engine(node);
                self.model.set_lost(node, true);
            }
            Step::RestoreEngine { node } if !self.model.killed[node] => self.restore(node),
            Step::Kill { node } => self.kill(node),
            Step::LoseEngine { .. } | Step::RestoreEngine { .. } => {}
        }
    }

    async fn quiet(&mut self) {
        self.cluster.quiet().await;
        self.model.settle();
    }

    fn emit(&mut self, node: usize, rooms: &[usize], except: Option<usize>) {
        if self.model.killed[node] {
            return;
        }
        let number = self.model.send(node, |model, client| {
            let joined = &model.rooms[client];
            let is_in = rooms.is_empty() || rooms.iter().any(|room| joined.contains(room));
            model.is_alive(client) && is_in && !except.is_some_and(|room| joined.contains(&room))
        });
        let mut target = self.cluster.node(node).of("/rooms").all();
        for room in rooms {
            target = target.to(ROOMS[*room]);
        }
        if let Some(room) = except {
            target = target.except(ROOMS[room]);
        }
        target.emit("event", &number);
    }

    async fn move_members(&mut self, node: usize, members: usize, (room, joins): (usize, bool)) {
        // Moves that wait for an engine meet members of a later time, which the model does not follow.
        if self.model.killed[node] || self.model.has_lost_engine() {
            return;
        }
        self.quiet().await;
        let target = self.cluster.node(node).of("/rooms").to(ROOMS[members]);
        if joins {
            target.join(ROOMS[room]).unwrap();
        } else {
            target.leave(ROOMS[room]);
        }
        for client in 0..CLIENTS {
            if self.model.reaches(node, node_of(client)) && self.model.rooms[client].contains(&members) {
                if joins {
                    self.model.rooms[client].insert(room);
                } else {
                    self.model.rooms[client].remove(&room);
                }
            }
        }
        self.quiet().await;
    }

    fn restore(&mut self, node: usize) {
        self.cluster.restore_engine(node);
        self.model.set_lost(node, false);
    }

    fn kill(&mut self, node: usize) {
        // One node stays.
        if self.model.killed.iter().filter(|is_killed| !**is_killed).count() == 1 {
            return;
        }
        self.cluster.kill_node(node);
        self.model.kill(node);
        for client in (0..CLIENTS).filter(|client| node_of(*client) == node) {
            self.clients[client] = None;
        }
    }

    async fn check(&mut self) -> Result<(), String> {
        self.quiet().await;
        self.cluster.heal();
        self.model.heal();
        for node in 0..NODES {
            self.restore(node);
        }
        self.quiet().await;
        for client in 0..CLIENTS {
            let Some(handle) = &mut self.clients[client] else { continue };
            let received = events(handle).await;
            self.model.check(client, &received)?;
        }
        for node in (0..NODES).filter(|node| !self.model.killed[*node]) {
            self.check_membership(node).await?;
        }
        Ok(())
    }

    /// Compares the rooms of all sockets, as one node is told them.
    async fn check_membership(&self, node: usize) -> Result<(), String> {
        let alive = || (0..CLIENTS).filter(|client| self.model.is_alive(*client));
        let namespace = self.cluster.node(node).of("/rooms");
        let sockets = namespace.fetch_sockets().await;
        let is_complete = sockets.is_complete();
        let told: BTreeMap<String, BTreeSet<String>> =
            sockets.into_iter().map(|socket| (socket.id, socket.rooms.into_iter().collect())).collect();
        let expected: BTreeMap<String, BTreeSet<String>> = alive()
            .map(|client| {
                let joined = self.model.rooms[client].iter().map(|room| ROOMS[*room].to_owned());
                (self.ids[client].clone(), joined.chain([self.ids[client].clone()]).collect())
            })
            .collect();
        if !is_complete || told != expected {
            return Err(format!("node {node} is told {told:?} (complete: {is_complete}), expected {expected:?}"));
        }
        for (room, name) in ROOMS.iter().enumerate() {
            let count = namespace.to(name).count_all().await;
            let expected = alive().filter(|client| self.model.rooms[*client].contains(&room)).count();
            if (count.count, count.is_complete) != (expected, true) {
                return Err(format!("node {node} counts {count:?} in {name}, expected {expected}"));
            }
        }
        Ok(())
    }
}

/// The numbers of all unread events.
async fn events(client: &mut TestClient) -> Vec<usize> {
    let mut numbers = Vec::new();
    while let Ok(received) = timeout(Duration::from_millis(1), client.next()).await {
        let Received::Event { data, .. } = received else { panic!("{received:?}") };
        numbers.push(serde_json::from_value(data).unwrap());
    }
    numbers
}
