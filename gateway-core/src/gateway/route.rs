//! Namespaces ready to serve, and their look-up by a request's path.

use std::sync::Arc;

use crate::gateway::SocketFactory;
use crate::gateway::pattern::{DecodedPath, Pattern};
use crate::handler::{Declared, Guards, Handler, Router};

/// A namespace: its pattern, and the handlers and hooks of all its gateways.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) namespace: &'static str,
    pub(crate) declared: Declared,
    pub(crate) pattern: Pattern,
    pub(crate) router: Router,
    /// The methods for events of other servers.
    pub(crate) server_events: Router,
    /// Guards of the server and of all gateways, run before a socket connects or joins a room.
    pub(crate) guards: Guards,
    /// Set if the namespace has any guard.
    pub(crate) is_guarded: bool,
    /// The handler of new credentials, if a guard takes them.
    pub(crate) renewal: Option<Arc<Handler>>,
    /// Set for the framework's own namespace.
    pub(crate) is_built_in: bool,
    /// Factories of the values per socket.
    pub(crate) own: Vec<Arc<SocketFactory>>,
}

/// All namespaces of a server, the most specific first.
#[derive(Debug, Default)]
pub(crate) struct Routes {
    routes: Vec<Arc<Route>>,
    /// Number of segments of the longest pattern: a path with more cannot match.
    most_segments: usize,
}

/// A namespace found by its path.
#[derive(Debug)]
pub(crate) struct MatchedRoute {
    pub(crate) route: Arc<Route>,
    /// The namespace's concrete name.
    pub(crate) name: String,
    pub(crate) parameters: Vec<(String, String)>,
}

impl Routes {
    pub(crate) fn new(mut routes: Vec<Route>) -> Self {
        routes.sort_by_key(|route| route.pattern.precedence());
        let most_segments = routes.iter().map(|route| route.pattern.segments()).max().unwrap_or(0);
        Self { routes: routes.into_iter().map(Into::into).collect(), most_segments }
    }

    /// Finds the namespace of a request's path, which is still encoded.
    pub(crate) fn find(&self, path: &str) -> Option<MatchedRoute> {
        if path.bytes().filter(|byte| *byte == b'/').nth(self.most_segments.max(1)).is_some() {
            return None;
        }
        let path = DecodedPath::parse(path)?;
        self.routes.iter().find_map(|route| {
            let parameters = route.pattern.matches(&path)?;
            Some(MatchedRoute { route: Arc::clone(route), name: path.name(), parameters })
        })
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Route> {
        self.routes.iter().map(AsRef::as_ref)
    }
}
