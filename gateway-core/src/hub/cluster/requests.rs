//! Questions to other nodes that wait for answers.

use std::collections::{HashMap, HashSet};
use std::fmt::Write;
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::Notify;

use crate::hub::cluster::engine::Census;
use crate::protocol::cluster::{Answer, NodeId};
use crate::random::random;
use crate::sync::lock;

/// The open questions of this node by their ids.
#[derive(Debug, Default)]
pub(super) struct Requests(Mutex<HashMap<String, OpenRequest>>);

/// Outcome of an answer that arrived.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Arrival {
    /// The answer was kept.
    Kept,
    /// The question is closed, or was never asked by this node.
    Unknown,
    /// The node has answered before.
    Doubled,
}

/// Answers of other nodes until the deadline.
#[derive(Debug, Default)]
pub(crate) struct Collected {
    pub(crate) answers: Vec<Answer>,
    /// Number of nodes that did not answer, as far as they were known.
    pub(super) missing_nodes: usize,
    /// Number of clients that were asked by other nodes and did not answer.
    pub(crate) missing_clients: usize,
    /// Set if the question was not asked, because the engine is away or the queue is full.
    pub(super) is_unasked: bool,
}

impl Collected {
    /// Number of nodes that did not answer; `None` if they were not asked.
    pub(crate) fn missing_nodes(&self) -> Option<usize> {
        (!self.is_unasked).then_some(self.missing_nodes)
    }

    /// The result of a question that was not asked.
    pub(super) fn unasked() -> Self {
        Self { is_unasked: true, ..Self::default() }
    }
}

/// A question that waits for answers. Dropping it closes the question: later answers are unknown.
#[derive(Debug)]
pub(super) struct OpenedRequest<'a> {
    requests: &'a Requests,
    pub(super) id: String,
    complete: Arc<Notify>,
}

#[derive(Debug)]
struct OpenRequest {
    namespace: Arc<str>,
    nodes: NodesAsked,
    answers: Vec<Answer>,
    /// Clients by the node that asked them; `None` for answers that name no node.
    clients: HashMap<Option<NodeId>, Clients>,
    complete: Arc<Notify>,
}

#[derive(Debug, Default)]
struct Clients {
    asked: usize,
    answered: usize,
}

/// The nodes that were asked, and those that have answered.
#[derive(Debug)]
struct NodesAsked {
    asked: Census,
    answered: HashSet<NodeId>,
    /// Number of answers whose node is not named.
    unnamed: usize,
    /// Nodes that left after they had been asked, where the engine only counts them.
    left: HashSet<NodeId>,
}

impl Requests {
    /// Opens a question to the nodes of the census.
    pub(super) fn open(&self, namespace: &Arc<str>, asked: Census) -> OpenedRequest<'_> {
        let id = random::<8>().iter().fold(String::with_capacity(16), |mut id, byte| {
            // Writing to a `String` cannot fail.
            let _ = write!(id, "{byte:02x}");
            id
        });
        let complete = Arc::new(Notify::new());
        let nodes = NodesAsked { asked, answered: HashSet::new(), unnamed: 0, left: HashSet::new() };
        let open = OpenRequest {
            namespace: Arc::clone(namespace),
            nodes,
            answers: Vec::new(),
            clients: HashMap::new(),
            complete: Arc::clone(&complete),
        };
        self.lock().insert(id.clone(), open);
        OpenedRequest { requests: self, id, complete }
    }

    /// Keeps an answer to one of this node's questions.
    pub(super) fn answer(&self, request: &str, from: Option<&NodeId>, answer: Answer) -> Arrival {
        let mut requests = self.lock();
        let Some(open) = requests.get_mut(request) else { return Arrival::Unknown };
        let arrival = open.keep(from, answer);
        if open.is_complete() {
            open.complete.notify_one();
        }
        arrival
    }

    /// Stops waiting for a node that has left this namespace, or all.
    pub(super) fn node_left(&self, node: &NodeId, namespace: Option<&str>) {
        let mut requests = self.lock();
        let is_left = |open: &&mut OpenRequest| namespace.is_none_or(|namespace| *open.namespace == *namespace);
        for open in requests.values_mut().filter(is_left) {
            open.forget(node);
            if open.is_complete() {
                open.complete.notify_one();
            }
        }
    }

    /// Number of open questions.
    pub(super) fn len(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, OpenRequest>> {
        lock(&self.0)
    }
}

impl OpenedRequest<'_> {
    /// Completes when every node has answered.
    pub(super) async fn complete(&self) {
        self.complete.notified().await;
    }

    /// Closes the question and returns the answers that have arrived.
    pub(super) fn close(self) -> Collected {
        let open = self.requests.lock().remove(&self.id);
        open.map(OpenRequest::into_collected).unwrap_or_default()
    }
}

impl Drop for OpenedRequest<'_> {
    fn drop(&mut self) {
        self.requests.lock().remove(&self.id);
    }
}

impl OpenRequest {
    fn keep(&mut self, from: Option<&NodeId>, answer: Answer) -> Arrival {
        match answer {
            Answer::ClientAck(_) => self.clients.entry(from.cloned()).or_default().answered += 1,
            Answer::ClientCount(count) => {
                if !self.nodes.answer(from) {
                    return Arrival::Doubled;
                }
                self.clients.entry(from.cloned()).or_default().asked += count;
                return Arrival::Kept;
            }
            Answer::Sockets(_) | Answer::Rooms(_) | Answer::ServerEvent(_) => {
                if !self.nodes.answer(from) {
                    return Arrival::Doubled;
                }
            }
        }
        self.answers.push(answer);
        Arrival::Kept
    }

    /// The clients of a node that has left answer no more.
    fn forget(&mut self, node: &NodeId) {
        self.nodes.leave(node);
        if let Some(clients) = self.clients.get_mut(&Some(node.clone())) {
            clients.asked = clients.asked.min(clients.answered);
        }
    }

    fn is_complete(&self) -> bool {
        self.nodes.missing() == 0 && self.missing_clients() == 0
    }

    /// Number of clients that were asked and have not answered. Nodes whose answers do not name them are one sum.
    fn missing_clients(&self) -> usize {
        let (asked, answered) = self
            .clients
            .values()
            .fold((0, 0), |(asked, answered), clients| (asked + clients.asked, answered + clients.answered));
        asked.saturating_sub(answered)
    }

    fn into_collected(self) -> Collected {
        let (missing_nodes, missing_clients) = (self.nodes.missing(), self.missing_clients());
        Collected { answers: self.answers, missing_nodes, missing_clients, is_unasked: false }
    }
}

impl NodesAsked {
    /// Notes an answer. Returns `false` if the node has answered before.
    fn answer(&mut self, from: Option<&NodeId>) -> bool {
        let is_first = from.is_none_or(|node| self.answered.insert(node.clone()));
        self.unnamed += usize::from(from.is_none());
        is_first
    }

    fn leave(&mut self, node: &NodeId) {
        match &mut self.asked {
            Census::Nodes(nodes) => {
                nodes.remove(node);
            }
            Census::Count(_) if !self.answered.contains(node) => {
                self.left.insert(node.clone());
            }
            Census::Count(_) => {}
        }
    }

    /// Number of nodes whose answer is awaited.
    fn missing(&self) -> usize {
        match &self.asked {
            Census::Count(count) => count.saturating_sub(self.answered.len() + self.unnamed + self.left.len()),
            Census::Nodes(nodes) => nodes.difference(&self.answered).count().saturating_sub(self.unnamed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::RawArgs;

    fn nodes(ids: &[&str]) -> Census {
        Census::Nodes(ids.iter().map(|id| NodeId::new(*id)).collect())
    }

    fn rooms(name: &str) -> Answer {
        Answer::Rooms(vec![name.to_owned()])
    }

    fn ack() -> Answer {
        Answer::ClientAck(RawArgs::default())
    }

    /// Opens a question, feeds it, and returns the arrivals, its completeness, and its result.
    fn check(census: Census, answers: Vec<(Option<&str>, Answer)>) -> (Vec<Arrival>, bool, Collected) {
        let requests = Requests::default();
        let opened = requests.open(&"/".into(), census);
        let arrive = |(from, answer): (Option<&str>, Answer)| {
            requests.answer(&opened.id, from.map(NodeId::new).as_ref(), answer)
        };
        let arrivals = answers.into_iter().map(arrive).collect();
        let is_complete = requests.lock()[&opened.id].is_complete();
        (arrivals, is_complete, opened.close())
    }

    #[test]
    fn a_question_is_complete_when_each_node_has_answered_once() {
        let answers = || vec![(Some("a"), rooms("x")), (Some("a"), rooms("x"))];
        for census in [Census::Count(2), nodes(&["a", "b"])] {
            let (arrivals, is_complete, collected) = check(census, answers());
            assert_eq!((arrivals, is_complete), (vec![Arrival::Kept, Arrival::Doubled], false));
            assert_eq!((collected.answers, collected.missing_nodes), (vec![rooms("x")], 1));
        }
        for census in [Census::Count(2), nodes(&["a", "b"])] {
            let (_, is_complete, collected) = check(census, vec![(Some("a"), rooms("x")), (None, rooms("y"))]);
            assert_eq!((is_complete, collected.missing_nodes), (true, 0));
        }
    }

    #[test]
    fn clients_are_awaited_too_in_any_order() {
        let answers = |acks: usize| {
            let acks = (0..acks).map(|_| (Some("a"), ack()));
            let counts = vec![(Some("a"), Answer::ClientCount(2)), (Some("b"), Answer::ClientCount(0))];
            acks.chain(counts).collect::<Vec<_>>()
        };
        assert!(check(Census::Count(2), answers(2)).1);
        let (_, is_complete, collected) = check(Census::Count(2), answers(1));
        assert_eq!((is_complete, collected.missing_nodes, collected.missing_clients), (false, 0, 1));
        assert_eq!(collected.answers, [ack()]);
    }

    #[test]
    fn a_node_that_leaves_is_not_awaited_nor_are_its_clients() {
        for census in [Census::Count(3), nodes(&["a", "b", "c"])] {
            let requests = Requests::default();
            let opened = requests.open(&"/chat".into(), census);
            let [a, b, c] = ["a", "b", "c"].map(NodeId::new);
            requests.answer(&opened.id, Some(&a), Answer::ClientCount(2));
            requests.answer(&opened.id, Some(&a), ack());
            requests.answer(&opened.id, Some(&c), Answer::ClientCount(0));
            requests.node_left(&b, Some("/chat"));
            assert!(!requests.lock()[&opened.id].is_complete(), "a client of the first is awaited");
            requests.node_left(&a, Some("/"));
            assert!(!requests.lock()[&opened.id].is_complete(), "it has left another namespace only");
            requests.node_left(&a, None);
            assert!(requests.lock()[&opened.id].is_complete());
            assert_eq!(opened.close().answers, [ack()]);
        }
    }

    #[test]
    fn an_answer_to_a_closed_question_is_unknown() {
        let requests = Requests::default();
        let opened = requests.open(&"/".into(), Census::Count(1));
        let id = opened.id.clone();
        assert_eq!((id.len(), requests.len()), (16, 1));
        drop(opened);
        assert_eq!(requests.answer(&id, None, rooms("x")), Arrival::Unknown);
        assert_eq!(requests.len(), 0);
    }
}
