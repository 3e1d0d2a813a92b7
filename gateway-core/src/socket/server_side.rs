//! Events from this server to the others of its cluster.

use std::future::IntoFuture;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::hub::cluster::Cluster;
use crate::hub::{Namespace, RequestError};
use crate::protocol::cluster::{EventPacket, MessageBody, Question};
use crate::protocol::{FromArgs, RawArgs, ToArgs};
use crate::session::SendError;
use crate::socket::Responses;

/// Names that servers of Socket.IO keep for themselves.
const RESERVED: [&str; 3] = ["connect", "connection", "new_namespace"];

/// A question to the other servers of a cluster. Nothing is sent until the request is awaited.
#[derive(Debug)]
#[must_use = "a question is sent when it is awaited"]
pub struct ServerRequest<R> {
    cluster: Option<Arc<Cluster>>,
    namespace: Arc<str>,
    question: Result<EventPacket, SendError>,
    /// `None` means the cluster's default.
    timeout: Option<Duration>,
    answer: PhantomData<fn() -> R>,
}

impl<R> ServerRequest<R> {
    pub(crate) fn new(
        cluster: Option<&Arc<Cluster>>,
        namespace: &Arc<str>,
        event: &str,
        args: Result<RawArgs, serde_json::Error>,
    ) -> Self {
        let (cluster, namespace) = (cluster.cloned(), Arc::clone(namespace));
        Self { cluster, namespace, question: packet(event, args), timeout: None, answer: PhantomData }
    }

    /// Sets the timeout for all answers together. Default:
    /// [`ClusterOptions::request_timeout`](crate::cluster::ClusterOptions::request_timeout).
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }
}

impl<R: FromArgs> ServerRequest<R> {
    async fn send_and_wait(self) -> Responses<R> {
        let packet = match self.question {
            Ok(packet) => packet,
            Err(error) => return Responses { remote: vec![Err(RequestError::from(error))], ..Responses::default() },
        };
        let Some(cluster) = self.cluster else { return Responses::default() };
        let time = self.timeout.unwrap_or(cluster.request_timeout());
        Responses::from_other_nodes(cluster.ask(&self.namespace, Question::ServerEvent(packet), time).await)
    }
}

impl<R: FromArgs + Send + 'static> IntoFuture for ServerRequest<R> {
    type Output = Responses<R>;
    type IntoFuture = Pin<Box<dyn Future<Output = Responses<R>> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send_and_wait())
    }
}

/// Sends an event to the other servers.
pub(crate) fn send_to_servers(
    cluster: Option<&Arc<Cluster>>,
    namespace: &Arc<str>,
    event: &str,
    args: Result<RawArgs, serde_json::Error>,
) -> Result<(), SendError> {
    let packet = packet(event, args)?;
    match cluster {
        Some(cluster) if !cluster.publish(namespace, MessageBody::ServerEvent(packet)) => Err(SendError::Full),
        Some(_) | None => Ok(()),
    }
}

fn packet(event: &str, args: Result<RawArgs, serde_json::Error>) -> Result<EventPacket, SendError> {
    if RESERVED.contains(&event) {
        return Err(SendError::Reserved);
    }
    Ok(EventPacket { event: event.to_owned(), args: args.map_err(|_| SendError::Unserializable)? })
}

impl Namespace {
    /// Sends an event to the other servers of the cluster, whose methods with
    /// [`#[on_server_event]`](macro@crate::cluster::on_server_event) in this namespace handle it; on servers of Node the listeners of
    /// `namespace.on(…)`. As in Socket.IO, it does not run on this server, and without a cluster it does nothing.
    ///
    /// # Errors
    ///
    /// [`SendError::Reserved`] if servers of Socket.IO keep the name for themselves, [`SendError::Unserializable`] if the
    /// data cannot be serialised, and [`SendError::Full`] if the queue to the engine is full or the event too large.
    pub fn server_side_emit<T: ToArgs + ?Sized>(&self, event: &str, data: &T) -> Result<(), SendError> {
        send_to_servers(self.cluster(), self.shared_name(), event, data.to_args())
    }

    /// Sends an event to the other servers of the cluster and collects their answers: await the result. There is one answer
    /// for each server, in [`Responses::remote`].
    ///
    /// ```no_run
    /// # async fn example(namespace: gateway_core::Namespace) {
    /// let loads = namespace.server_side_emit_with_ack::<f64>("load", &()).await;
    /// println!("{:?}, and {:?} servers are silent", loads.arrived().collect::<Vec<_>>(), loads.missing_nodes());
    /// # }
    /// ```
    pub fn server_side_emit_with_ack<R: FromArgs>(
        &self,
        event: &str,
        data: &(impl ToArgs + ?Sized),
    ) -> ServerRequest<R> {
        ServerRequest::new(self.cluster(), self.shared_name(), event, data.to_args())
    }

    /// Number of servers of the cluster that serve this namespace, this one included; `None` if they cannot be counted,
    /// because the engine is away. 1 without a cluster.
    pub async fn node_count(&self) -> Option<usize> {
        match self.cluster() {
            Some(cluster) => Some(1 + cluster.other_nodes(self.shared_name()).await?),
            None => Some(1),
        }
    }
}
