//! Hints about likely mistakes in a server's environment. Each is logged once.

use std::sync::Once;

use crate::transport::UpgradeError;

/// The hints already given.
#[derive(Debug)]
pub(crate) struct SetupHints {
    stripped: Once,
    unknown_peer: Once,
}

impl SetupHints {
    pub(crate) const fn new() -> Self {
        Self { stripped: Once::new(), unknown_peer: Once::new() }
    }

    /// Hints at a proxy that has spoiled an upgrade request.
    pub(crate) fn about(&self, error: UpgradeError) {
        if error == UpgradeError::Stripped {
            self.stripped.call_once(|| {
                tracing::warn!(
                    help = "docs/deploy.md shows what nginx, Apache and others need to pass it on",
                    "a request with `Sec-WebSocket-Key` came without `Upgrade`: a proxy in front takes it out"
                );
            });
        }
    }

    /// Hints that proxies are trusted by address, but requests have no peer address.
    pub(crate) fn unknown_peer(&self) {
        self.unknown_peer.call_once(|| {
            tracing::warn!(
                help = "inside another HTTP server put a `PeerAddr` among its extensions, over a Unix socket trust \"unix\"",
                "`trust_proxies` has no effect on a request without a peer's address"
            );
        });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tracing::span::{Attributes, Id, Record};
    use tracing::{Event, Metadata, Subscriber};

    use super::*;

    struct LineCounter(Arc<AtomicUsize>);

    impl Subscriber for LineCounter {
        fn enabled(&self, _: &Metadata<'_>) -> bool {
            true
        }

        fn new_span(&self, _: &Attributes<'_>) -> Id {
            Id::from_u64(1)
        }

        fn event(&self, _: &Event<'_>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }

        fn record(&self, _: &Id, _: &Record<'_>) {}
        fn record_follows_from(&self, _: &Id, _: &Id) {}
        fn enter(&self, _: &Id) {}
        fn exit(&self, _: &Id) {}
    }

    #[test]
    fn a_hint_is_given_once_by_each_server() {
        let lines = Arc::<AtomicUsize>::default();
        tracing::subscriber::with_default(LineCounter(Arc::clone(&lines)), || {
            for server in 1..3 {
                let hints = SetupHints::new();
                for _ in 0..3 {
                    hints.about(UpgradeError::Stripped);
                    hints.about(UpgradeError::NotAnUpgrade);
                    hints.unknown_peer();
                }
                assert_eq!(lines.load(Ordering::Relaxed), 2 * server);
            }
        });
    }
}
