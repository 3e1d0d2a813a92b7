//! The queue of what sockets do, for the pages of the Admin UI. Bounded: a flood of events drops the oldest of them, a flood of
//! changes makes the pages ask for the list of sockets again. Empty without the feature `admin`.

#[cfg(feature = "admin")]
pub(crate) use kept::{AdminFeed, FeedBatch, FeedEntry, FeedNews, wall_clock};
#[cfg(not(feature = "admin"))]
pub(crate) use none::AdminFeed;

#[cfg(not(feature = "admin"))]
mod none {
    use std::sync::Arc;

    use crate::protocol::ArgList;

    /// Without the feature `admin` there is no feed.
    #[derive(Debug)]
    pub(crate) enum AdminFeed {}

    impl AdminFeed {
        pub(crate) fn joined(&self, _: &Arc<str>, _: &str, _: &str) {
            match *self {}
        }

        pub(crate) fn left(&self, _: &Arc<str>, _: &str, _: &str) {
            match *self {}
        }

        pub(crate) fn disconnected(&self, _: &Arc<str>, _: &str, _: &str) {
            match *self {}
        }

        pub(crate) fn received(&self, _: &Arc<str>, _: &str, _: &str, _: ArgList<'_>) {
            match *self {}
        }

        pub(crate) fn sent<'a>(&self, _: &Arc<str>, _: impl Iterator<Item = &'a str>, _: &str, _: ArgList<'_>) {
            match *self {}
        }
    }
}

#[cfg(feature = "admin")]
mod kept {
    use std::collections::VecDeque;
    use std::fmt;
    use std::hash::{BuildHasher, RandomState};
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Arc, Mutex, MutexGuard};
    use std::time::{SystemTime, UNIX_EPOCH};

    use serde_json::Value;
    use serde_json::value::RawValue;
    use tokio::sync::Notify;

    use crate::protocol::ArgList;
    use crate::sync::lock;

    /// Maximum number of changes of sockets and rooms that wait for the pages. Beyond it they get a new list of sockets.
    const CHANGES: usize = 4096;

    /// Maximum number of events that wait for the pages: a page shows a thousand of a namespace, and is told several times a
    /// second.
    const EVENTS: usize = 256;

    /// Maximum length of an event's arguments in bytes. Longer ones are replaced by their length.
    const ARGUMENT_BYTES: usize = 4096;

    /// The namespace of the pages, whose own events are not shown.
    const PAGES: &str = "/admin";

    /// What sockets do, in the order in which it happened. Nothing is kept while no page is open.
    #[derive(Debug, Default)]
    pub(crate) struct AdminFeed {
        pages: AtomicUsize,
        queue: Mutex<FeedQueue>,
        /// Told of each entry, and of pages that come and go.
        pub(crate) wake: Notify,
        /// Key of the ids of clients, so that these say nothing of the memory of the server.
        key: RandomState,
    }

    #[derive(Debug, Default)]
    struct FeedQueue {
        changes: VecDeque<FeedEntry>,
        events: VecDeque<FeedEntry>,
        /// Number of the next entry.
        next: u64,
        dropped: u64,
        /// Set once changes were dropped.
        is_incomplete: bool,
    }

    /// Something that a socket did.
    #[derive(Debug)]
    pub(crate) struct FeedEntry {
        pub(crate) number: u64,
        pub(crate) namespace: Arc<str>,
        /// In milliseconds since 1970.
        pub(crate) at: u64,
        pub(crate) news: FeedNews,
    }

    #[derive(Debug)]
    pub(crate) enum FeedNews {
        /// A socket, described as the page shows it.
        Connected(Value),
        /// New values of some members of its description.
        Updated(Value),
        Disconnected {
            id: String,
            reason: String,
        },
        Joined {
            room: String,
            id: String,
        },
        Left {
            room: String,
            id: String,
        },
        /// The arguments begin with the event's name.
        Received {
            id: String,
            args: Arc<RawValue>,
        },
        Sent {
            id: String,
            args: Arc<RawValue>,
        },
    }

    /// Entries taken from the feed.
    #[derive(Debug, Default)]
    pub(crate) struct FeedBatch {
        pub(crate) entries: Vec<FeedEntry>,
        /// Number of events that did not fit since the last batch.
        pub(crate) dropped: u64,
        /// Set if changes are missing.
        pub(crate) is_incomplete: bool,
    }

    impl FeedNews {
        /// Returns `true` for an event, which may be left out.
        pub(crate) fn is_event(&self) -> bool {
            matches!(self, Self::Received { .. } | Self::Sent { .. })
        }
    }

    impl AdminFeed {
        /// Notes that a page was opened.
        pub(crate) fn open(&self) {
            self.pages.fetch_add(1, Ordering::AcqRel);
            self.wake.notify_one();
        }

        /// Notes that a page was closed. Behind the last one the feed is empty.
        pub(crate) fn close(&self) {
            if self.pages.fetch_sub(1, Ordering::AcqRel) == 1 {
                let mut queue = self.lock();
                let next = queue.next;
                *queue = FeedQueue { next, ..FeedQueue::default() };
            }
            self.wake.notify_one();
        }

        #[inline]
        pub(crate) fn has_pages(&self) -> bool {
            self.pages.load(Ordering::Acquire) > 0
        }

        /// Number that the next entry will have.
        pub(crate) fn next_number(&self) -> u64 {
            self.lock().next
        }

        /// Returns an id for the client behind a connection, given by the place of the connection in memory.
        pub(crate) fn client_id(&self, place: usize) -> String {
            format!("{:012x}", self.key.hash_one(place) & 0xffff_ffff_ffff)
        }

        /// Takes all entries, in order.
        pub(crate) fn take(&self) -> FeedBatch {
            let mut queue = self.lock();
            let mut entries: Vec<_> = std::mem::take(&mut queue.changes).into();
            entries.extend(std::mem::take(&mut queue.events));
            let batch = FeedBatch {
                entries: Vec::new(),
                dropped: std::mem::take(&mut queue.dropped),
                is_incomplete: std::mem::take(&mut queue.is_incomplete),
            };
            drop(queue);
            entries.sort_unstable_by_key(|entry| entry.number);
            FeedBatch { entries, ..batch }
        }

        pub(crate) fn connected(&self, namespace: &Arc<str>, socket: impl FnOnce() -> Value) {
            self.change(namespace, || FeedNews::Connected(socket()));
        }

        pub(crate) fn updated(&self, namespace: &Arc<str>, members: impl FnOnce() -> Value) {
            self.change(namespace, || FeedNews::Updated(members()));
        }

        pub(crate) fn disconnected(&self, namespace: &Arc<str>, id: &str, reason: &str) {
            self.change(namespace, || FeedNews::Disconnected { id: id.to_owned(), reason: reason.to_owned() });
        }

        pub(crate) fn joined(&self, namespace: &Arc<str>, room: &str, id: &str) {
            self.change(namespace, || FeedNews::Joined { room: room.to_owned(), id: id.to_owned() });
        }

        pub(crate) fn left(&self, namespace: &Arc<str>, room: &str, id: &str) {
            self.change(namespace, || FeedNews::Left { room: room.to_owned(), id: id.to_owned() });
        }

        pub(crate) fn received(&self, namespace: &Arc<str>, socket: &str, event: &str, args: ArgList<'_>) {
            if self.shows_events_of(namespace) {
                let args = shown(event, args);
                self.push_events(namespace, [FeedNews::Received { id: socket.to_owned(), args }], 0);
            }
        }

        /// Notes an event to these sockets: the last of them, where they are many.
        pub(crate) fn sent<'a>(
            &self,
            namespace: &Arc<str>,
            sockets: impl Iterator<Item = &'a str> + Clone,
            event: &str,
            args: ArgList<'_>,
        ) {
            if !self.shows_events_of(namespace) {
                return;
            }
            let left_out = sockets.clone().count().saturating_sub(EVENTS);
            let args = shown(event, args);
            let news = sockets.skip(left_out).map(|id| FeedNews::Sent { id: id.to_owned(), args: Arc::clone(&args) });
            self.push_events(namespace, news, left_out as u64);
        }

        fn shows_events_of(&self, namespace: &str) -> bool {
            self.has_pages() && namespace != PAGES
        }

        fn push_events(&self, namespace: &Arc<str>, news: impl IntoIterator<Item = FeedNews>, left_out: u64) {
            let at = wall_clock();
            let mut queue = self.lock();
            queue.dropped += left_out;
            for news in news {
                let entry = queue.entry(namespace, at, news);
                queue.events.push_back(entry);
                if queue.events.len() > EVENTS {
                    queue.events.pop_front();
                    queue.dropped += 1;
                }
            }
            drop(queue);
            self.wake.notify_one();
        }

        fn change(&self, namespace: &Arc<str>, news: impl FnOnce() -> FeedNews) {
            if !self.has_pages() {
                return;
            }
            let (at, news) = (wall_clock(), news());
            let mut queue = self.lock();
            let entry = queue.entry(namespace, at, news);
            if queue.is_incomplete {
                return;
            }
            queue.changes.push_back(entry);
            if queue.changes.len() > CHANGES {
                queue.changes = VecDeque::new();
                queue.is_incomplete = true;
            }
            drop(queue);
            self.wake.notify_one();
        }

        fn lock(&self) -> MutexGuard<'_, FeedQueue> {
            lock(&self.queue)
        }
    }

    impl FeedQueue {
        fn entry(&mut self, namespace: &Arc<str>, at: u64, news: FeedNews) -> FeedEntry {
            let number = self.next;
            self.next += 1;
            FeedEntry { number, namespace: Arc::clone(namespace), at, news }
        }
    }

    /// The name and the arguments of an event as one list.
    fn shown(event: &str, args: ArgList<'_>) -> Arc<RawValue> {
        let (name, args) = (Value::from(super::super::bounded(event)), args.text());
        let inner = args.trim_ascii_start().trim_start_matches('[').trim_ascii_start();
        let text = match inner {
            "" | "]" => format!("[{name}]"),
            _ if args.len() > ARGUMENT_BYTES => format!("[{name},{}]", Value::from(Length(args.len()).to_string())),
            _ => format!("[{name},{}", &args.trim_ascii_start()[1..]),
        };
        let text = RawValue::from_string(text).unwrap_or_else(|_| RawValue::NULL.to_owned());
        Arc::from(text)
    }

    /// Stands for arguments that are too long.
    struct Length(usize);

    impl fmt::Display for Length {
        fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(formatter, "({} bytes)", self.0)
        }
    }

    /// The time in milliseconds since 1970.
    pub(crate) fn wall_clock() -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }

    #[cfg(test)]
    mod tests {
        use super::*;
        use crate::protocol::RawArgs;

        fn args(json: &str) -> RawArgs {
            RawArgs::each(&serde_json::from_str::<Value>(json).unwrap()).unwrap()
        }

        fn texts(batch: &FeedBatch) -> Vec<&str> {
            let texts = batch.entries.iter().filter_map(|entry| match &entry.news {
                FeedNews::Received { args, .. } | FeedNews::Sent { args, .. } => Some(args.get()),
                _ => None,
            });
            texts.collect()
        }

        #[test]
        fn nothing_is_kept_without_a_page() {
            let (feed, chat) = (AdminFeed::default(), Arc::from("/chat"));
            feed.joined(&chat, "room", "a");
            feed.received(&chat, "a", "say", args("[1]").content().list());
            assert!(feed.take().entries.is_empty());
            feed.open();
            feed.joined(&chat, "room", "a");
            feed.close();
            assert!(feed.take().entries.is_empty());
        }

        #[test]
        fn the_name_stands_before_the_arguments() {
            let (feed, chat) = (AdminFeed::default(), Arc::from("/chat"));
            feed.open();
            let long = format!("[{:?}]", "x".repeat(ARGUMENT_BYTES));
            for list in ["[]", "[1]", r#"["[",[]]"#, &long] {
                feed.received(&chat, "a", "s\"ay", args(list).content().list());
            }
            feed.received(&Arc::from(PAGES), "a", "join", args("[]").content().list());
            let batch = feed.take();
            assert_eq!(
                texts(&batch),
                [r#"["s\"ay"]"#, r#"["s\"ay",1]"#, r#"["s\"ay","[",[]]"#, r#"["s\"ay","(4100 bytes)"]"#]
            );
        }

        #[test]
        fn of_many_events_the_oldest_are_dropped_and_counted() {
            let (feed, chat) = (AdminFeed::default(), Arc::from("/chat"));
            feed.open();
            for number in 0..EVENTS + 10 {
                feed.received(&chat, "a", "say", args(&format!("[{number}]")).content().list());
            }
            let batch = feed.take();
            assert_eq!((batch.entries.len(), batch.dropped), (EVENTS, 10));
            assert_eq!(texts(&batch)[0], r#"["say",10]"#);
            let ids: Vec<_> = (0..1000).map(|id: u32| id.to_string()).collect();
            feed.sent(&chat, ids.iter().map(String::as_str), "said", args("[]").content().list());
            let batch = feed.take();
            assert_eq!((batch.entries.len(), batch.dropped), (EVENTS, 1000 - EVENTS as u64));
        }

        #[test]
        fn of_too_many_changes_none_is_kept() {
            let (feed, chat) = (AdminFeed::default(), Arc::from("/chat"));
            feed.open();
            for _ in 0..=CHANGES {
                feed.joined(&chat, "room", "a");
            }
            feed.left(&chat, "room", "a");
            feed.received(&chat, "a", "say", args("[]").content().list());
            let batch = feed.take();
            assert!(batch.is_incomplete);
            assert_eq!(batch.entries.len(), 1);
            assert!(!feed.take().is_incomplete);
        }

        #[test]
        fn entries_are_in_their_order() {
            let (feed, chat) = (AdminFeed::default(), Arc::from("/chat"));
            feed.open();
            feed.joined(&chat, "one", "a");
            feed.received(&chat, "a", "say", args("[]").content().list());
            feed.joined(&chat, "two", "a");
            let numbers: Vec<_> = feed.take().entries.iter().map(|entry| entry.number).collect();
            assert_eq!(numbers, [0, 1, 2]);
            assert_eq!(feed.next_number(), 3);
        }
    }
}
