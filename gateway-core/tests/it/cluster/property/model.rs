//! The model of a cluster: which client must have received which event.

use std::collections::BTreeSet;

pub(super) const NODES: usize = 3;
pub(super) const CLIENTS: usize = 6;

/// The node of a client.
pub(super) fn node_of(client: usize) -> usize {
    client % NODES
}

/// Expectation of an event at one client.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Expected {
    Once,
    /// A fault intervened.
    AtMostOnce,
    Never,
}

/// A broadcast.
#[derive(Debug)]
struct Sent {
    from: usize,
    expected: [Expected; CLIENTS],
}

#[derive(Debug, Default)]
pub(super) struct Model {
    /// Rooms of each client.
    pub(super) rooms: [BTreeSet<usize>; CLIENTS],
    cut: BTreeSet<(usize, usize)>,
    lost: [bool; NODES],
    pub(super) killed: [bool; NODES],
    sent: Vec<Sent>,
    /// Number of broadcasts that have arrived wherever they can.
    settled: usize,
}

impl Model {
    pub(super) fn is_alive(&self, client: usize) -> bool {
        !self.killed[node_of(client)]
    }

    pub(super) fn has_lost_engine(&self) -> bool {
        self.lost.contains(&true)
    }

    /// Notes a broadcast to the selected clients. Returns its number.
    pub(super) fn send(&mut self, from: usize, is_selected: impl Fn(&Self, usize) -> bool) -> usize {
        let expected = std::array::from_fn(|client| {
            let to = node_of(client);
            if from != to && self.lost[from] {
                // Published when the engine is back, to those who are selected then.
                Expected::AtMostOnce
            } else if is_selected(self, client) && self.reaches(from, to) {
                Expected::Once
            } else {
                Expected::Never
            }
        });
        self.sent.push(Sent { from, expected });
        self.sent.len() - 1
    }

    /// Returns `true` if messages of one node arrive at the other.
    pub(super) fn reaches(&self, from: usize, to: usize) -> bool {
        from == to || !(self.cut.contains(&(from, to)) || self.lost[from] || self.lost[to] || self.killed[to])
    }

    /// Everything has arrived.
    pub(super) fn settle(&mut self) {
        self.settled = self.sent.len();
    }

    pub(super) fn partition(&mut self, node: usize) {
        self.interfere(|from, to| from == node || to == node);
        let others = (0..NODES).filter(|other| *other != node);
        self.cut.extend(others.flat_map(|other| [(node, other), (other, node)]));
    }

    /// A connection that ends or comes back affects only what was sent before all was quiet.
    pub(super) fn heal(&mut self) {
        let cut = std::mem::take(&mut self.cut);
        self.interfere(|from, to| cut.contains(&(from, to)));
    }

    pub(super) fn set_lost(&mut self, node: usize, is_lost: bool) {
        self.interfere(|from, to| from == node || to == node);
        self.lost[node] = is_lost;
    }

    pub(super) fn kill(&mut self, node: usize) {
        self.interfere(|from, to| from == node || to == node);
        self.killed[node] = true;
        self.lost[node] = false;
    }

    /// Compares with the events that a client has received, as their numbers.
    pub(super) fn check(&self, client: usize, received: &[usize]) -> Result<(), String> {
        for (number, sent) in self.sent.iter().enumerate() {
            let count = received.iter().filter(|received| **received == number).count();
            let is_right = match sent.expected[client] {
                Expected::Once => count == 1,
                Expected::AtMostOnce => count <= 1,
                Expected::Never => count == 0,
            };
            if !is_right {
                let expected = sent.expected[client];
                return Err(format!("event {number} came {count} times to client {client}, expected {expected:?}"));
            }
        }
        for from in 0..NODES {
            let of_sender: Vec<_> = received.iter().filter(|number| self.sent[**number].from == from).collect();
            if !of_sender.is_sorted() {
                return Err(format!("events of node {from} came to client {client} in the order {of_sender:?}"));
            }
        }
        Ok(())
    }

    /// A fault may stop what is under way between these nodes, and let through what it would have stopped.
    fn interfere(&mut self, is_affected: impl Fn(usize, usize) -> bool) {
        for sent in &mut self.sent[self.settled..] {
            for (client, expected) in sent.expected.iter_mut().enumerate() {
                let to = node_of(client);
                if sent.from != to && is_affected(sent.from, to) {
                    *expected = Expected::AtMostOnce;
                }
            }
        }
    }
}
