//! The side of a node that takes the messages of other nodes.

use std::pin::pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Waker};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep};

use crate::hub::cluster::engine::{EngineState, MessageReceiver, Received};
use crate::hub::cluster::requests::Arrival;
use crate::hub::cluster::server_events::ServerEventHandler;
use crate::hub::cluster::this_node::Cluster;
use crate::hub::remote_sockets::describe;
use crate::hub::{AckEvent, AskedSockets, Hub, Target};
use crate::metrics::{cluster_duplicate_id, cluster_ignored};
use crate::protocol::cluster::{Answer, ClusterMessage, EventPacket, MessageBody, NodeId, Question, Selector};
use crate::protocol::{Disconnect, RawArgs};
use crate::session::{Batch, Offset, Scope, SendError};

/// Maximum number of questions whose answers are being waited for. Above it a question is answered with nothing.
const MOST_QUESTIONS: usize = 1024;

/// Delivers messages of other nodes to this node's sockets, and answers their questions.
pub(super) struct Receiver {
    hub: Weak<Hub>,
    cluster: Weak<Cluster>,
    handler: Arc<dyn ServerEventHandler>,
    questions: Arc<Semaphore>,
}

/// A question, and the node that gets the answers.
struct Asked {
    namespace: Arc<str>,
    request: String,
    asker: NodeId,
}

impl Receiver {
    pub(super) fn new(hub: &Arc<Hub>, cluster: &Arc<Cluster>, handler: Arc<dyn ServerEventHandler>) -> Self {
        let questions = Arc::new(Semaphore::new(MOST_QUESTIONS));
        Self { hub: Arc::downgrade(hub), cluster: Arc::downgrade(cluster), handler, questions }
    }

    /// Returns the selected sockets of this node, if the namespace has any.
    fn target(&self, namespace: &str, to: Selector) -> Option<Target> {
        let space = self.hub.upgrade()?.find(namespace)?;
        Some(Target::from_selector(&space, to))
    }

    fn handle(&self, cluster: &Arc<Cluster>, received: Received) {
        let Received { from, message: ClusterMessage { namespace, body }, offset } = received;
        match body {
            MessageBody::Broadcast { packet: EventPacket { event, args }, mut to } => {
                if to.flags.volatile {
                    // What came before it in one piece is no sign of a slow client.
                    Batch::write_now();
                }
                let latest = to.flags.latest.take();
                let logged = cluster.log().zip(offset).and_then(|(log, offset)| log.read(&namespace, &offset));
                if let Some(target) = self.target(&namespace, to) {
                    target.deliver(&event, args, latest.as_deref(), logged.map(Offset::new));
                }
            }
            MessageBody::Join { to, rooms } => {
                let Some(target) = self.target(&namespace, to) else { return };
                for room in rooms {
                    // The node that asks for it learns of no failure, as in Socket.IO.
                    let _ = target.join(&room);
                }
            }
            MessageBody::Leave { to, rooms } => {
                let Some(target) = self.target(&namespace, to) else { return };
                for room in rooms {
                    target.leave(&room);
                }
            }
            MessageBody::Disconnect { to, close } => {
                let Some(target) = self.target(&namespace, to) else { return };
                let scope = if close { Scope::Connection } else { Scope::Socket };
                target.disconnect_here(&Disconnect::default(), scope);
            }
            MessageBody::ServerEvent(packet) => self.run_server_event(cluster, &namespace, packet, None),
            MessageBody::Ask { request, question } => match from {
                Some(asker) => self.answer(cluster, Asked { namespace, request, asker }, question),
                None => self.ignore("a question without its node"),
            },
            MessageBody::Answer { request, asker: _, answer } => {
                match cluster.requests.answer(&request, from.as_ref(), answer) {
                    Arrival::Kept => {}
                    Arrival::Unknown => cluster.meter.unknown_answers.add(),
                    Arrival::Doubled => cluster.meter.doubled_answers.add(),
                }
            }
        }
    }

    fn answer(&self, cluster: &Arc<Cluster>, asked: Asked, question: Question) {
        match question {
            Question::Sockets(to) => {
                let sockets = self.target(&asked.namespace, to).map(|target| describe(&target));
                asked.answer(cluster, Answer::Sockets(sockets.unwrap_or_default()));
            }
            Question::Rooms => {
                let space = self.hub.upgrade().and_then(|hub| hub.find(&asked.namespace));
                let rooms = space.map(|space| space.every_room());
                asked.answer(cluster, Answer::Rooms(rooms.unwrap_or_default()));
            }
            Question::BroadcastWithAck { packet, to } => self.ask_clients(cluster, asked, packet, to),
            Question::ServerEvent(packet) => {
                let namespace = Arc::clone(&asked.namespace);
                self.run_server_event(cluster, &namespace, packet, Some(asked));
            }
        }
    }

    /// Asks the selected clients, tells their number, and passes on each answer.
    fn ask_clients(&self, cluster: &Arc<Cluster>, asked: Asked, packet: EventPacket, to: Selector) {
        let timeout = to.flags.timeout;
        let permit = Arc::clone(&self.questions).try_acquire_owned().ok();
        let target = self.target(&asked.namespace, to).filter(|_| permit.is_some());
        let Some(target) = target else { return asked.answer(cluster, Answer::ClientCount(0)) };
        let question: Result<AckEvent, SendError> = AckEvent::new(&packet.event, Ok(packet.args));
        let AskedSockets { pending, default_timeout } = AskedSockets::send(&target, &question);
        let pending: FuturesUnordered<_> =
            pending.into_iter().filter_map(|(_, pending)| Some(pending.ok()?.arguments())).collect();
        asked.answer(cluster, Answer::ClientCount(pending.len()));
        let timeout = timeout.or(default_timeout).unwrap_or(cluster.options.request_timeout);
        let answering = Arc::clone(cluster);
        cluster.spawn(async move {
            let (mut pending, mut clock) = (pending, pin!(sleep(timeout)));
            loop {
                let answer = tokio::select! {
                    answer = pending.next() => answer,
                    () = &mut clock => return,
                };
                match answer {
                    Some(Some(args)) => asked.answer(&answering, Answer::ClientAck(args)),
                    // The client has gone.
                    Some(None) => {}
                    None => return drop(permit),
                }
            }
        });
    }

    fn run_server_event(
        &self,
        cluster: &Arc<Cluster>,
        namespace: &Arc<str>,
        packet: EventPacket,
        asked: Option<Asked>,
    ) {
        let Some(mut handling) = self.handler.handle(namespace, packet) else {
            // A question is always answered, also with nothing.
            return answer(cluster, asked.as_ref(), RawArgs::default());
        };
        // The first poll happens here, so that the handlers of several events begin in the order of their arrival.
        if let Poll::Ready(args) = handling.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return answer(cluster, asked.as_ref(), args);
        }
        let Ok(permit) = Arc::clone(&self.questions).try_acquire_owned() else {
            self.ignore("too many server-side events run");
            return answer(cluster, asked.as_ref(), RawArgs::default());
        };
        let answering = Arc::clone(cluster);
        cluster.spawn(async move {
            let args = handling.await;
            answer(&answering, asked.as_ref(), args);
            drop(permit);
        });
    }
}

/// Answers a server-side event with which an answer was asked for.
fn answer(cluster: &Cluster, asked: Option<&Asked>, args: RawArgs) {
    if let Some(asked) = asked {
        asked.answer(cluster, Answer::ServerEvent(args));
    }
}

impl Asked {
    fn answer(&self, cluster: &Cluster, answer: Answer) {
        let Self { namespace, request, asker } = self;
        let body = MessageBody::Answer { request: request.clone(), asker: asker.clone(), answer };
        cluster.publish(namespace, body);
    }
}

impl MessageReceiver for Receiver {
    fn receive(&self, received: Received) {
        let Some(cluster) = self.cluster.upgrade() else { return };
        let body = &received.message.body;
        let is_answer = matches!(body, MessageBody::Answer { .. });
        if body.bytes() > cluster.options.message_bytes && !is_answer {
            return self.ignore("it is too large");
        }
        cluster.meter.received.add();
        self.handle(&cluster, received);
    }

    fn logged(&self, namespace: &str, offset: &str) {
        let Some(cluster) = self.cluster.upgrade() else { return };
        if let Some(log) = cluster.log() {
            log.read_back(namespace, offset);
        }
    }

    fn receive_together(&self, receive: &mut dyn FnMut()) {
        let batch = Batch::begin(None);
        receive();
        drop(batch);
    }

    fn ignore(&self, reason: &str) {
        let Some(cluster) = self.cluster.upgrade() else { return };
        cluster.meter.ignored.add();
        cluster_ignored(reason, cluster.meter.ignored.read());
    }

    fn duplicate_id(&self) {
        let Some(cluster) = self.cluster.upgrade() else { return };
        cluster.meter.duplicate_ids.add();
        cluster_duplicate_id(cluster.node_id(), cluster.meter.duplicate_ids.read());
    }

    fn state_changed(&self, state: EngineState) {
        if let Some(cluster) = self.cluster.upgrade() {
            cluster.change(state);
            if let Some(log) = cluster.log().filter(|_| !cluster.is_connected()) {
                cluster.meter.without_offset.add_many(log.release(Instant::now()));
            }
        }
    }

    fn node_left(&self, node: &NodeId) {
        if let Some(cluster) = self.cluster.upgrade() {
            cluster.requests.node_left(node, None);
        }
    }

    fn node_left_namespace(&self, node: &NodeId, namespace: &str) {
        if let Some(cluster) = self.cluster.upgrade() {
            cluster.requests.node_left(node, Some(namespace));
        }
    }

    fn count_bytes(&self, received: usize, published: usize) {
        let Some(cluster) = self.cluster.upgrade() else { return };
        cluster.meter.bytes_received.add_many(received);
        cluster.meter.bytes_published.add_many(published);
    }
}
