//! Answers to a request to many.

use std::fmt;
use std::vec;

use crate::hub::RequestError;
use crate::hub::cluster::Collected;
use crate::protocol::FromArgs;
use crate::protocol::cluster::Answer;
use crate::session::SocketId;

/// Answers of the sockets of a target, or of the nodes of a cluster, with a failure for each missing answer. In no particular
/// order.
///
/// The answers of this node's sockets come with the sockets' ids. Those of other nodes do not, as no format between nodes
/// carries them: they are [`Responses::remote`]. [`Responses::len`], [`Responses::arrived`] and [`Responses::all`] mean both.
pub struct Responses<R> {
    pub(super) sockets: Vec<(SocketId, Result<R, RequestError>)>,
    pub(super) remote: Vec<Result<R, RequestError>>,
    pub(super) missing_nodes: Option<usize>,
}

impl<R> Responses<R> {
    /// Number of sockets that were sent the request, in a cluster those of all nodes that have told it in time.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sockets.len() + self.remote.len()
    }

    /// Returns `true` if no socket was sent the request.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Each socket's id with its answer or its failure, for the sockets of this node.
    pub fn iter(&self) -> impl Iterator<Item = (&SocketId, Result<&R, &RequestError>)> {
        self.sockets.iter().map(|(id, answer)| (id, answer.as_ref()))
    }

    /// The answers of other nodes, with [`RequestError::Timeout`] for each that was announced and is missing.
    pub fn remote(&self) -> impl Iterator<Item = Result<&R, &RequestError>> {
        self.remote.iter().map(Result::as_ref)
    }

    /// The answers that arrived, of all nodes.
    pub fn arrived(&self) -> impl Iterator<Item = &R> {
        self.results().filter_map(|answer| answer.as_ref().ok())
    }

    /// The answers of all sockets, of all nodes.
    ///
    /// # Errors
    ///
    /// The unchanged [`Responses`] if any socket did not answer, or any node.
    pub fn all(self) -> Result<Vec<R>, Self> {
        if self.results().any(Result::is_err) || !self.is_complete() {
            return Err(self);
        }
        let own = self.sockets.into_iter().map(|(_, answer)| answer);
        Ok(own.chain(self.remote).filter_map(Result::ok).collect())
    }

    /// Returns `true` if every node has told in time how many sockets it has asked. Answers of these sockets may be missing.
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

    fn results(&self) -> impl Iterator<Item = &Result<R, RequestError>> {
        self.sockets.iter().map(|(_, answer)| answer).chain(&self.remote)
    }
}

impl<R: FromArgs> Responses<R> {
    /// Reads the answers of other nodes.
    pub(super) fn from_other_nodes(collected: Collected) -> Self {
        let missing_nodes = collected.missing_nodes();
        let args = collected.answers.into_iter().filter_map(|answer| match answer {
            Answer::ClientAck(args) | Answer::ServerEvent(args) => Some(args),
            Answer::Sockets(_) | Answer::Rooms(_) | Answer::ClientCount(_) => None,
        });
        let arrived = args.map(|args| R::from_args(args).map_err(RequestError::Unreadable));
        let missing = (0..collected.missing_clients).map(|_| Err(RequestError::Timeout));
        Self { sockets: Vec::new(), remote: arrived.chain(missing).collect(), missing_nodes }
    }
}

impl<R> Default for Responses<R> {
    fn default() -> Self {
        Self { sockets: Vec::new(), remote: Vec::new(), missing_nodes: Some(0) }
    }
}

/// The sockets of this node; see [`Responses::iter`].
impl<R> IntoIterator for Responses<R> {
    type Item = (SocketId, Result<R, RequestError>);
    type IntoIter = vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.sockets.into_iter()
    }
}

impl<R: fmt::Debug> fmt::Debug for Responses<R> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = formatter.debug_map();
        map.entries(self.iter());
        if !self.remote.is_empty() {
            map.entry(&"other nodes", &self.remote);
        }
        map.finish()
    }
}
