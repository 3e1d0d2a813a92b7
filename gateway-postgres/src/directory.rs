//! The namespaces that this node serves, and the other nodes that it knows there.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use gateway_core::cluster::NodeId;
use tokio::time::Instant;

/// The namespaces by channel.
#[derive(Debug, Default)]
pub(crate) struct Directory {
    namespaces: HashMap<String, Entry>,
}

#[derive(Debug)]
struct Entry {
    namespace: Arc<str>,
    entered: Instant,
    /// Time of the last own message.
    published: Instant,
    /// The other nodes, and when each was last heard of.
    nodes: HashMap<NodeId, Instant>,
}

impl Directory {
    pub(crate) fn enter(&mut self, channel: String, namespace: Arc<str>, now: Instant) {
        let entry = Entry { namespace, entered: now, published: now, nodes: HashMap::new() };
        self.namespaces.insert(channel, entry);
    }

    pub(crate) fn exit(&mut self, channel: &str) -> bool {
        self.namespaces.remove(channel).is_some()
    }

    pub(crate) fn namespace(&self, channel: &str) -> Option<&Arc<str>> {
        self.namespaces.get(channel).map(|entry| &entry.namespace)
    }

    /// Channels and their namespaces.
    pub(crate) fn all(&self) -> Vec<(String, Arc<str>)> {
        self.namespaces.iter().map(|(channel, entry)| (channel.clone(), Arc::clone(&entry.namespace))).collect()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.namespaces.is_empty()
    }

    /// When the namespace was entered, and the other nodes in it.
    pub(crate) fn census(&self, channel: &str) -> Option<(Instant, HashSet<NodeId>)> {
        self.namespaces.get(channel).map(|entry| (entry.entered, entry.nodes.keys().cloned().collect()))
    }

    pub(crate) fn published(&mut self, channel: &str, now: Instant) {
        if let Some(entry) = self.namespaces.get_mut(channel) {
            entry.published = now;
        }
    }

    /// The channels on which nothing was published for this time.
    pub(crate) fn silent(&self, interval: Duration, now: Instant) -> Vec<(String, Arc<str>)> {
        let silent = self.namespaces.iter().filter(|(_, entry)| now.duration_since(entry.published) >= interval);
        silent.map(|(channel, entry)| (channel.clone(), Arc::clone(&entry.namespace))).collect()
    }

    pub(crate) fn heard(&mut self, channel: &str, node: NodeId, now: Instant) {
        if let Some(entry) = self.namespaces.get_mut(channel) {
            entry.nodes.insert(node, now);
        }
    }

    /// Counts all other nodes as just heard of: nothing could be heard while the connection was lost.
    pub(crate) fn reset_silence(&mut self, now: Instant) {
        for seen in self.namespaces.values_mut().flat_map(|entry| entry.nodes.values_mut()) {
            *seen = now;
        }
    }

    /// Forgets a node that left a namespace. Returns `true` if it was known there.
    pub(crate) fn left(&mut self, channel: &str, node: &NodeId) -> bool {
        self.namespaces.get_mut(channel).is_some_and(|entry| entry.nodes.remove(node).is_some())
    }

    /// Forgets nodes that were not heard of for this time, and returns them, each with the namespace that it is silent in.
    pub(crate) fn expire(&mut self, timeout: Duration, now: Instant) -> Vec<(NodeId, Arc<str>)> {
        let mut gone = Vec::new();
        for Entry { namespace, nodes, .. } in self.namespaces.values_mut() {
            let expired = nodes.extract_if(|_, seen| now.duration_since(*seen) > timeout);
            gone.extend(expired.map(|(node, _)| (node, Arc::clone(namespace))));
        }
        gone
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_gone_from_each_namespace_where_it_is_silent() {
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let mut directory = Directory::default();
        directory.enter("c#/a".to_owned(), "/a".into(), start);
        directory.enter("c#/b".to_owned(), "/b".into(), start);
        let (ann, bob) = (NodeId::new("ann"), NodeId::new("bob"));
        directory.heard("c#/a", ann.clone(), start);
        directory.heard("c#/b", ann.clone(), after(5));
        directory.heard("c#/b", bob.clone(), after(5));
        directory.heard("c#/x", bob.clone(), after(5));
        assert_eq!(directory.census("c#/b").unwrap().1, HashSet::from([ann.clone(), bob.clone()]));
        assert_eq!(directory.expire(Duration::from_secs(10), after(11)), [(ann.clone(), Arc::from("/a"))]);
        assert_eq!(directory.census("c#/a").unwrap().1, HashSet::new());
        assert!(!directory.left("c#/a", &bob) && directory.left("c#/b", &bob));
        assert_eq!(directory.expire(Duration::from_secs(10), after(15)), []);
        directory.reset_silence(after(20));
        assert_eq!(directory.expire(Duration::from_secs(10), after(30)), []);
        assert_eq!(directory.expire(Duration::from_secs(10), after(31)), [(ann, Arc::from("/b"))]);
    }

    #[test]
    fn a_namespace_is_silent_until_something_is_published() {
        let start = Instant::now();
        let mut directory = Directory::default();
        directory.enter("c#/a".to_owned(), "/a".into(), start);
        let five = Duration::from_secs(5);
        assert!(directory.silent(five, start).is_empty());
        assert_eq!(directory.silent(five, start + five), [("c#/a".to_owned(), Arc::from("/a"))]);
        directory.published("c#/a", start + five);
        assert!(directory.silent(five, start + five).is_empty());
        assert!(directory.exit("c#/a") && !directory.exit("c#/a") && directory.is_empty());
    }
}
