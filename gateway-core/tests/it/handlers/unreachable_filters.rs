//! Filters that no failure can reach, of which the start warns.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::unnecessary_wraps, reason = "what a handler returns is what is tested")]

use std::fmt;
use std::sync::{Arc, Mutex};

use futures_core::Stream;
use futures_util::stream;
use gateway_core::IntoReply;
use gateway_core::pipeline::{Filter, FilterOutcome};
use gateway_core::prelude::*;
use gateway_core::testing::TestServer;
use gateway_core::{IntoException, Streamed};
use tracing::field::{Field, Visit};
use tracing::{Event, Metadata, Subscriber, span};

#[derive(Debug, thiserror::Error, Exception)]
#[error("you are muted")]
struct Muted;

#[derive(Debug, thiserror::Error, Exception)]
#[error("the store is full")]
struct Full;

#[derive(Debug, thiserror::Error, Exception)]
enum ChatError {
    #[error("nobody is here")]
    Empty,
    #[error(transparent)]
    Store(#[from] Full),
}

/// One that does not say what is behind it.
#[derive(Debug, thiserror::Error, Exception)]
#[error("the disk failed")]
struct Disk(#[source] std::io::Error);

#[derive(Debug, Exception)]
struct ByHand(Full);

impl fmt::Display for ByHand {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("by hand")
    }
}

impl std::error::Error for ByHand {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

struct Own;

impl IntoException for Own {
    fn into_exception(self) -> Exception {
        Exception::new("own", "by hand").with_source(Full)
    }
}

struct OwnReply;

impl IntoReply for OwnReply {
    fn into_reply(self) -> Reply {
        Exception::from(Full).into()
    }
}

#[derive(Default)]
struct OfFull;

impl Filter for OfFull {
    type Error = Full;

    fn catch(&self, _: &Full, _: &Context<'_>) -> FilterOutcome {
        FilterOutcome::reply("caught")
    }
}

#[derive(Default)]
struct OfAll;

impl Filter for OfAll {
    type Error = Exception;

    fn catch(&self, _: &Exception, _: &Context<'_>) -> FilterOutcome {
        FilterOutcome::rethrow()
    }
}

#[derive(Default)]
struct OfArguments;

impl Filter for OfArguments {
    type Error = Rejection;

    fn catch(&self, _: &Rejection, _: &Context<'_>) -> FilterOutcome {
        FilterOutcome::rethrow()
    }
}

#[derive(Default)]
struct Passes;

impl Guard for Passes {
    type Grants = ();

    fn check(&self, _: &GuardContext<'_>) -> Result<Grant, Exception> {
        Err(Full.into())
    }
}

#[derive(Default)]
struct Around;

impl Interceptor for Around {
    async fn intercept(&self, _: &Context<'_>, next: Next<'_>) -> Reply {
        drop(next.run().await);
        Exception::from(Full).into()
    }
}

/// No handler of it fails with `Full`.
#[gateway(namespace = "/never")]
#[filter(OfFull, OfAll, OfArguments)]
struct Never;

#[gateway]
impl Never {
    #[subscribe]
    fn say(&self, Data(_): Data<String>) -> Result<Option<Data<u8>>, Muted> {
        Err(Muted)
    }

    #[subscribe]
    #[filter(OfFull)]
    async fn nothing(&self, _: Ack) {}
}

type FullItems = stream::Iter<std::array::IntoIter<Result<u8, Full>, 1>>;

macro_rules! reachable {
    ($($gateway:ident, $namespace:literal: $(#[$around:meta])? $returned:ty = $value:expr;)*) => {$(
        #[gateway(namespace = $namespace)]
        #[filter(OfFull)]
        struct $gateway;

        #[gateway]
        impl $gateway {
            #[subscribe]
            fn other(&self) -> Result<(), Muted> {
                Err(Muted)
            }

            #[subscribe]
            $(#[$around])?
            fn say(&self) -> $returned {
                $value
            }
        }
    )*};
}

reachable! {
    Directly, "/directly": Result<(), Full> = Err(Full);
    Behind, "/behind": Result<(), ChatError> = Err(if true { Full.into() } else { ChatError::Empty });
    Items, "/items": Result<Streamed<FullItems>, Muted> =
        Ok(Streamed(stream::iter([Err(Full)])));
    Any, "/any": Result<(), Exception> = Err(Full.into());
    Foreign, "/foreign": Result<(), Disk> = Err(Disk(std::io::Error::other(Full)));
    Source, "/source": Result<(), ByHand> = Err(ByHand(Full));
    Unsaid, "/unsaid": Result<(), Own> = Err(Own);
    Replies, "/replies": Reply = Exception::from(Full).into();
    OwnReplies, "/own_replies": OwnReply = OwnReply;
    Guarded, "/guarded": #[guard(Passes)] () = ();
    Intercepted, "/intercepted": #[intercept(Around)] () = ();
}

#[gateway(namespace = "/streams")]
#[filter(OfFull)]
struct Streams;

#[gateway]
impl Streams {
    #[subscribe]
    fn say(&self) -> impl Stream<Item = Result<u8, Full>> {
        stream::iter([Err(Full)])
    }
}

/// The warnings of filters, each as its fields in one text.
#[derive(Clone, Default)]
struct Warnings(Arc<Mutex<Vec<String>>>);

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.extend([field.name(), &format!("={value:?} ")]);
    }
}

impl Subscriber for Warnings {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() == tracing::Level::WARN
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(String::new());
        event.record(&mut line);
        self.0.lock().unwrap().push(line.0);
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

/// The server, and what its start has warned of.
async fn start(server: Server) -> (TestServer, Vec<String>) {
    let warnings = Warnings::default();
    let _default = tracing::subscriber::set_default(warnings.clone());
    let server = server.test().await.unwrap();
    let said = warnings.0.lock().unwrap().clone();
    (server, said)
}

#[tokio::test(start_paused = true)]
async fn a_filter_that_no_error_can_reach_is_named_once_with_its_line_and_what_to_write() {
    let (_, said) = start(Server::empty().gateway::<Never>().gateway::<Directly>()).await;
    assert_eq!(said.len(), 2, "{said:#?}");
    for line in &said {
        assert!(line.contains("a filter is never called"), "{line}");
        assert!(line.contains("filter=OfFull (") && line.contains("unreachable_filters.rs:"), "{line}");
        assert!(line.contains("error=\"it::handlers::unreachable_filters::Full\""), "{line}");
        assert!(line.contains("help=\"let a handler under it return `Result<_, …>`"), "{line}");
    }
    assert_ne!(said[0], said[1], "one is at the gateway and one at its method");
}

#[tokio::test(start_paused = true)]
async fn a_filter_of_the_whole_server_is_looked_at_with_all_its_handlers() {
    let (_, said) = start(Server::empty().gateway::<Never>().filter(OfFull)).await;
    assert_eq!(said.len(), 3, "{said:#?}");
    let (_, said) = start(Server::empty().gateway::<Never>().gateway::<Directly>().filter(OfFull)).await;
    assert_eq!(said.len(), 2, "{said:#?}");
}

#[tokio::test(start_paused = true)]
async fn a_filter_that_may_be_asked_is_not_warned_of() {
    macro_rules! silent {
        ($($gateway:ident $namespace:literal),*) => {$(
            let (server, said) = start(Server::empty().gateway::<$gateway>()).await;
            assert!(said.is_empty(), "{}: {said:#?}", $namespace);
            // What is taken for reachable is reached.
            let mut client = server.connect($namespace).await.unwrap();
            assert_eq!(client.emit_with_ack::<String>("say", ()).await.unwrap(), "caught", "{}", $namespace);
        )*};
    }
    silent! {
        Directly "/directly", Behind "/behind", Any "/any", Source "/source", Unsaid "/unsaid", Replies "/replies",
        OwnReplies "/own_replies", Guarded "/guarded", Intercepted "/intercepted"
    }
    for server in [
        Server::empty().gateway::<Items>(),
        Server::empty().gateway::<Foreign>(),
        Server::empty().gateway::<Streams>(),
        Server::empty().gateway::<Directly>().filter(OfAll).filter(OfArguments),
    ] {
        let (_, said) = start(server).await;
        assert!(said.is_empty(), "{said:#?}");
    }
}
