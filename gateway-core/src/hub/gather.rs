//! Questions to all nodes about their sockets.

use std::collections::{HashMap, HashSet};
use std::ops::Deref;
use std::vec;

use crate::hub::cluster::Collected;
use crate::hub::members::is_user_room;
use crate::hub::remote_sockets::describe;
use crate::hub::{Namespace, Target};
use crate::protocol::cluster::{Answer, Question, RemoteSocket};

/// A list of which every node of the cluster has given its part.
#[derive(Clone, Debug, PartialEq)]
pub struct ClusterList<T> {
    items: Vec<T>,
    missing_nodes: Option<usize>,
}

/// A number to which every node of the cluster has added its part.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct ClusterCount {
    /// The sum of the nodes that have answered.
    pub count: usize,
    /// Set if every node has answered in time.
    pub is_complete: bool,
}

impl<T> ClusterList<T> {
    fn new(items: Vec<T>, collected: &Collected) -> Self {
        Self { items, missing_nodes: collected.missing_nodes() }
    }

    /// Returns `true` if every node has answered in time.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.missing_nodes == Some(0)
    }

    /// Number of nodes that have not answered in time; `None` if the other nodes could not be asked, because the engine is
    /// away or the queue to it is full.
    #[must_use]
    pub fn missing_nodes(&self) -> Option<usize> {
        self.missing_nodes
    }

    /// The items of the nodes that have answered.
    #[must_use]
    pub fn into_vec(self) -> Vec<T> {
        self.items
    }

    /// The items of all nodes.
    ///
    /// # Errors
    ///
    /// The unchanged list if a node has not answered.
    pub fn all(self) -> Result<Vec<T>, Self> {
        if self.is_complete() { Ok(self.items) } else { Err(self) }
    }

    fn map<U>(self, map: impl FnOnce(Vec<T>) -> Vec<U>) -> ClusterList<U> {
        ClusterList { items: map(self.items), missing_nodes: self.missing_nodes }
    }
}

impl<T> Deref for ClusterList<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.items
    }
}

impl<T> IntoIterator for ClusterList<T> {
    type Item = T;
    type IntoIter = vec::IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        self.items.into_iter()
    }
}

impl Target {
    /// The selected sockets of all nodes at this moment, as data: id, rooms, handshake, and what
    /// [`Socket::set_data`](crate::Socket::set_data) made public. Act on one of them by its id: `namespace.to(&socket.id)`.
    ///
    /// Waits for the other nodes at most for
    /// [`request_timeout`](crate::cluster::ClusterOptions::request_timeout). Without a cluster, or on a
    /// [`local`](Target::local) target, the result has the sockets of this server and is complete. In no particular order.
    ///
    /// # Cancel safety
    ///
    /// The future may be dropped; answers that come later are ignored.
    pub async fn fetch_sockets(&self) -> ClusterList<RemoteSocket> {
        let mut sockets = describe(self);
        let Some(cluster) = self.cluster() else { return ClusterList::new(sockets, &Collected::default()) };
        let question = Question::Sockets(self.selector());
        let mut collected = cluster.ask(&self.space().name, question, cluster.request_timeout()).await;
        for answer in std::mem::take(&mut collected.answers) {
            match answer {
                Answer::Sockets(others) => sockets.extend(others),
                Answer::Rooms(_) | Answer::ClientCount(_) | Answer::ClientAck(_) | Answer::ServerEvent(_) => {}
            }
        }
        // A node that is partly known under two ids, or that answers for another, names a socket twice.
        let mut seen = HashSet::new();
        sockets.retain(|socket| seen.insert(socket.id.clone()));
        ClusterList::new(sockets, &collected)
    }

    /// Number of the selected sockets of all nodes at this moment. As costly as [`Target::fetch_sockets`], since no format
    /// between nodes has a question for the number alone.
    pub async fn count_all(&self) -> ClusterCount {
        let sockets = self.fetch_sockets().await;
        ClusterCount { count: sockets.len(), is_complete: sockets.is_complete() }
    }
}

impl Namespace {
    /// The sockets of all nodes at this moment, as data; see [`Target::fetch_sockets`].
    pub async fn fetch_sockets(&self) -> ClusterList<RemoteSocket> {
        self.all().fetch_sockets().await
    }

    /// Number of sockets of all nodes; see [`Target::count_all`].
    pub async fn count_all(&self) -> ClusterCount {
        self.all().count_all().await
    }

    /// The rooms of all nodes and their number of sockets, without the sockets' own rooms. In no particular order. As costly
    /// as [`Target::fetch_sockets`].
    pub async fn all_rooms(&self) -> ClusterList<(String, usize)> {
        self.tally(|socket| {
            let own = |room: &&String| **room != socket.id && !is_user_room(room);
            socket.rooms.iter().filter(own).cloned().collect()
        })
        .await
    }

    /// The users of all nodes, each with their number of sockets in this namespace. In no particular order. As costly as
    /// [`Target::fetch_sockets`].
    pub async fn all_users(&self) -> ClusterList<(String, usize)> {
        self.tally(|socket| socket.user().map(str::to_owned).into_iter().collect()).await
    }

    /// Counts the names that each socket of all nodes has.
    async fn tally(&self, names: impl Fn(&RemoteSocket) -> Vec<String>) -> ClusterList<(String, usize)> {
        let sockets = self.fetch_sockets().await;
        sockets.map(|sockets| {
            let mut counts: HashMap<String, usize> = HashMap::new();
            for name in sockets.iter().flat_map(names) {
                *counts.entry(name).or_default() += 1;
            }
            counts.into_iter().collect()
        })
    }
}
