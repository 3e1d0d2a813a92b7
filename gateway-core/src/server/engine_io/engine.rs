//! An endpoint of Engine.IO: a path, its options and its sessions.

use std::collections::HashSet;
use std::sync::Arc;

use crate::gateway::{Problem, Routes};
use crate::server::engine_io::options::EngineOptions;
use crate::server::engine_io::sessions::EngineSessions;

/// One endpoint and its sessions.
#[derive(Debug)]
pub(crate) struct EngineIoEndpoint {
    /// The path, ending in a slash.
    pub(crate) path: String,
    pub(crate) serves: Serves,
    pub(crate) options: Arc<EngineOptions>,
    pub(super) sessions: Arc<EngineSessions>,
}

/// The protocol inside a session.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Serves {
    SocketIo,
    /// Whole messages for the raw gateway of this namespace.
    Raw(String),
}

impl EngineIoEndpoint {
    pub(crate) fn new(path: &str, serves: Serves, options: EngineOptions) -> Self {
        let name = path.trim_matches('/');
        let path = if name.is_empty() { "/".to_owned() } else { format!("/{name}/") };
        Self { path, serves, options: Arc::new(options), sessions: Arc::default() }
    }

    /// Returns `true` for requests under this path. `path` is percent-encoded.
    pub(crate) fn owns(&self, path: &str) -> bool {
        path.starts_with(&self.path)
    }

    /// Returns `true` if any session polls.
    pub(crate) fn has_polling(&self) -> bool {
        self.sessions.polling() > 0
    }

    /// Returns the problems of all endpoints.
    pub(crate) fn problems<'a>(engines: impl Iterator<Item = &'a Self>, routes: &Routes) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut paths = HashSet::new();
        for engine in engines {
            problems.extend(engine.options.problems().cloned());
            if !paths.insert(&engine.path) {
                problems.push(Problem::engine_path_twice(&engine.path));
            }
            if let Serves::Raw(namespace) = &engine.serves
                && routes.find(namespace).is_none_or(|found| found.route.router.raw().is_none())
            {
                problems.push(Problem::engine_without_raw_gateway(&engine.path, namespace));
            }
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_captures_what_is_under_it_and_nothing_beside() {
        for written in ["/socket.io/", "/socket.io", "socket.io"] {
            let engine = EngineIoEndpoint::new(written, Serves::SocketIo, EngineOptions::default());
            assert!(engine.owns("/socket.io/"));
            assert!(engine.owns("/socket.io/anything"));
            assert!(!engine.owns("/socket.io"));
            assert!(!engine.owns("/socket.io-admin"));
            assert!(!engine.owns("/"));
        }
        assert!(EngineIoEndpoint::new("/", Serves::SocketIo, EngineOptions::default()).owns("/"));
    }
}
