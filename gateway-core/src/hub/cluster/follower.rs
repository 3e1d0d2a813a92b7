//! The task that tells the engine which namespaces and rooms have members on this node.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Weak};

use crate::hub::Hub;
use crate::hub::cluster::this_node::Cluster;

/// Namespaces that this node has entered at the engine, each with its entered rooms.
#[derive(Debug, Default)]
pub(super) struct Entered(HashMap<Arc<str>, HashSet<Arc<str>>>);

impl Entered {
    /// Enters the namespaces that are served as long as the server runs.
    pub(super) async fn enter(cluster: &Cluster) -> Self {
        let mut entered = HashMap::new();
        for namespace in &cluster.fixed {
            cluster.engine.enter_namespace(namespace).await;
            entered.insert(Arc::clone(namespace), HashSet::new());
        }
        Self(entered)
    }

    /// Follows the changes until the cluster ends.
    pub(super) async fn follow(mut self, cluster: &Cluster, hub: &Weak<Hub>) {
        loop {
            tokio::select! {
                () = cluster.interest.changed() => {}
                () = cluster.ending.cancelled() => return,
            }
            for (namespace, rooms) in cluster.interest.begin() {
                tokio::select! {
                    () = self.update(cluster, hub, (&namespace, rooms)) => {}
                    () = cluster.ending.cancelled() => return,
                }
            }
            cluster.interest.end();
        }
    }

    /// Compares a namespace and its changed rooms with what the engine was told, and tells it the differences.
    async fn update(&mut self, cluster: &Cluster, hub: &Weak<Hub>, (namespace, rooms): (&Arc<str>, HashSet<Arc<str>>)) {
        let space = hub.upgrade().and_then(|hub| hub.find(namespace));
        let is_served = space.is_some() || cluster.fixed.contains(namespace);
        if is_served && !self.0.contains_key(namespace) {
            cluster.engine.enter_namespace(namespace).await;
            self.0.insert(Arc::clone(namespace), HashSet::new());
        }
        let Some(entered) = self.0.get_mut(namespace) else { return };
        // A namespace without a space has no rooms, and those that it had may not have been reported one by one.
        let rooms = if space.is_some() { rooms } else { entered.clone() };
        let has_members = |room: &Arc<str>| space.as_ref().is_some_and(|space| space.has_room(room));
        let (inhabited, empty): (Vec<_>, Vec<_>) = rooms.into_iter().partition(has_members);
        let new: Vec<_> = inhabited.into_iter().filter(|room| !entered.contains(room)).collect();
        let gone: Vec<_> = empty.into_iter().filter(|room| entered.contains(room)).collect();
        drop(space);
        if !new.is_empty() {
            cluster.engine.enter_rooms(namespace, &new).await;
            entered.extend(new);
        }
        if !gone.is_empty() {
            cluster.engine.exit_rooms(namespace, &gone).await;
            entered.retain(|room| !gone.contains(room));
        }
        if !is_served {
            cluster.engine.exit_namespace(namespace).await;
            self.0.remove(namespace);
        }
    }
}
