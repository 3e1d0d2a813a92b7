//! Typed events that go out although the contract of their namespace does not list them. Only debug builds look.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, OnceLock};

use crate::sync::lock;

/// The place of an event in a contract.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Listing {
    Listed,
    /// The gateway's module does not derive it.
    Unlisted {
        /// The pattern of its namespace.
        namespace: &'static str,
        /// Set if the gateway names its events.
        is_named: bool,
    },
}

type FindListing = Box<dyn Fn(&str, &str) -> Listing + Send + Sync>;

/// The events of a server that its contract does not list, each noted once.
#[derive(Default)]
pub(crate) struct UnlistedEvents {
    find: OnceLock<FindListing>,
    /// By namespace and name; `true` where the gateway names its events.
    noted: Mutex<BTreeMap<(&'static str, &'static str), bool>>,
}

impl UnlistedEvents {
    /// Begins to look at events.
    pub(crate) fn look(&self, find: FindListing) {
        // A server is assembled once.
        let _ = self.find.set(find);
    }

    pub(super) fn note(&self, namespace: &str, event: &'static str) {
        let Some(find) = self.find.get() else { return };
        let Listing::Unlisted { namespace, is_named } = find(namespace, event) else { return };
        let is_new = lock(&self.noted).insert((namespace, event), is_named).is_none();
        if is_new {
            tracing::warn!(namespace, event, "the contract does not list an event: name it in `#[gateway(emits(…))]`");
        }
    }

    /// The events as texts; `named` leaves out those of gateways that do not name theirs.
    pub(crate) fn list(&self, named: bool) -> Vec<String> {
        let noted = lock(&self.noted);
        let listed = noted.iter().filter(|(_, is_named)| !named || **is_named);
        listed.map(|((namespace, event), _)| format!("`{event}` in `{namespace}`")).collect()
    }
}

impl fmt::Debug for UnlistedEvents {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.list(false)).finish()
    }
}
