//! The log of a client's messages, shown when a test fails. Empty without the feature `testing`.

#[cfg(feature = "testing")]
pub(crate) use kept::TestLog;
#[cfg(not(feature = "testing"))]
pub(crate) use none::TestLog;

#[cfg(not(feature = "testing"))]
mod none {
    /// Without the feature `testing` there is no log.
    #[derive(Clone, Debug, Default)]
    pub(crate) struct TestLog {}

    impl TestLog {
        pub(crate) fn current() -> Self {
            Self {}
        }

        #[inline]
        #[allow(clippy::unused_self, reason = "as where it is kept")]
        pub(crate) fn note(&self, _: impl FnOnce() -> String) {}
    }
}

#[cfg(feature = "testing")]
mod kept {
    use std::collections::VecDeque;
    use std::sync::{Arc, Mutex};

    use crate::sync::lock;

    tokio::task_local! {
        static CURRENT: TestLog;
    }

    /// Maximum number of lines: events long before a failure are seldom its cause.
    const LINES: usize = 64;

    /// A log of messages, present for clients of tests only.
    #[derive(Clone, Debug, Default)]
    pub(crate) struct TestLog(Option<Arc<Mutex<VecDeque<String>>>>);

    impl TestLog {
        pub(crate) fn kept() -> Self {
            Self(Some(Arc::default()))
        }

        /// Runs a connection that finds this log by [`TestLog::current`].
        pub(crate) async fn follow<F: Future>(self, connection: F) -> F::Output {
            CURRENT.scope(self, connection).await
        }

        /// Returns the log of the connection whose task this is.
        pub(crate) fn current() -> Self {
            CURRENT.try_with(Self::clone).unwrap_or_default()
        }

        #[inline]
        pub(crate) fn note(&self, line: impl FnOnce() -> String) {
            let Some(lines) = &self.0 else { return };
            let line = line();
            let mut lines = lock(lines);
            lines.push_back(line);
            if lines.len() > LINES {
                lines.pop_front();
            }
        }

        /// Lines of the log.
        pub(crate) fn lines(&self) -> Vec<String> {
            self.0.as_deref().map(|lines| lock(lines).iter().cloned().collect()).unwrap_or_default()
        }
    }
}
