//! Parts of a server, and every problem that stops it from starting.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use gateway_core::ServerHandle;
use gateway_core::extract::on;
use gateway_core::extract::{Extension, Path};
use gateway_core::limits::Limits;
use gateway_core::manual::{
    ConnectOutput, Declared, DisconnectOutput, Fields, Gateway, HandlerFuture, Handlers, Hook, Requirements,
    Subscription,
};
use gateway_core::prelude::*;
use gateway_core::testing::ConnectError;
use gateway_core::{IntoReply, Problem};
use serde_json::{Value, json};

/// All that is wrong with a server, as text.
fn problems(server: Server) -> Vec<Problem> {
    match server.check().unwrap_err() {
        StartError::Problems(problems) => problems,
        other => panic!("{other}"),
    }
}

fn texts(problems: &[Problem]) -> Vec<&str> {
    problems.iter().map(Problem::what).collect()
}

/// The only problem, expected in this file.
fn only(server: Server) -> (String, String) {
    let problems = problems(server);
    let [problem] = &problems[..] else { panic!("{problems:#?}") };
    let (file, line) = problem.place().unwrap();
    assert!(file.ends_with("tests/start.rs") && line > 1, "{file}:{line}");
    (problem.what().to_owned(), problem.help().to_owned())
}

#[derive(Clone, Debug)]
struct Store(&'static str);

#[derive(Clone, Debug)]
struct Clock;

#[gateway(namespace = "/shop")]
struct Shop {
    store: Arc<Store>,
    clock: Clock,
    #[inject(default)]
    visits: AtomicU64,
    #[inject(with = currency)]
    currency: &'static str,
}

fn currency() -> &'static str {
    "EUR"
}

#[gateway]
impl Shop {
    #[subscribe]
    fn visit(&self) -> u64 {
        self.visits.fetch_add(1, Ordering::Relaxed) + 1
    }

    #[subscribe]
    fn store(&self) -> String {
        let _: &Clock = &self.clock;
        format!("{} {}", self.store.0, self.currency)
    }
}

#[gateway]
impl Shop {
    #[subscribe]
    fn second_block(&self) -> bool {
        true
    }
}

fn shop(name: &'static str) -> Server {
    Server::empty().gateway::<Shop>().provide(Arc::new(Store(name))).provide(Clock)
}

#[tokio::test(start_paused = true)]
async fn a_gateway_is_built_from_what_was_provided() {
    let server = shop("first").provide(Arc::new(Store("later"))).test().await.unwrap();
    let mut client = server.connect("/shop").await.unwrap();
    assert_eq!(client.emit_with_ack::<String>("store", ()).await.unwrap(), "later EUR");
    assert!(client.emit_with_ack::<bool>("second_block", ()).await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn two_servers_of_one_gateway_do_not_see_each_other() {
    let (one, two) = (shop("one").test().await.unwrap(), shop("two").test().await.unwrap());
    let mut ann = one.connect("/shop").await.unwrap();
    let mut bob = two.connect("/shop").await.unwrap();
    assert_eq!(ann.emit_with_ack::<u64>("visit", ()).await.unwrap(), 1);
    assert_eq!(ann.emit_with_ack::<u64>("visit", ()).await.unwrap(), 2);
    assert_eq!(bob.emit_with_ack::<u64>("visit", ()).await.unwrap(), 1);
    assert_eq!(bob.emit_with_ack::<String>("store", ()).await.unwrap(), "two EUR");
    assert_eq!(one.of("/shop").emit("news", &1).queued, 1);
    ann.expect_named("news").await;
    bob.expect_nothing().await;
    one.stop().await;
    assert_eq!(two.of("/shop").count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_server_has_only_the_gateways_it_was_given() {
    let server = shop("alone").test().await.unwrap();
    for path in ["/generic", "/", "/shop/", "/SHOP", "/shop/x"] {
        assert_eq!(server.connect(path).await.unwrap_err(), ConnectError::NotFound, "{path}");
    }
    server.connect("/%73hop").await.unwrap();
}

#[test]
fn a_right_server_passes_the_check() {
    shop("right").check().unwrap();
    shop("right").gateway::<Shop>().require_namespaces(["/shop"]).check().unwrap();
}

#[test]
fn every_missing_service_is_named_with_its_field_and_the_line_to_write() {
    let problems = problems(Server::empty().gateway::<Shop>());
    assert_eq!(
        texts(&problems),
        ["`Shop.store` needs a `Arc<Store>` that nobody provided", "`Shop.clock` needs a `Clock` that nobody provided"]
    );
    assert!(problems[0].help().contains(".provide::<Arc<Store>>(…)"), "{}", problems[0].help());
    let lines: Vec<_> = problems.iter().map(|problem| problem.place().unwrap().1).collect();
    assert_eq!(lines[1], lines[0] + 1);
}

#[test]
fn a_service_of_nearly_the_right_type_is_pointed_out() {
    let (what, _) = only(Server::empty().gateway::<Shop>().provide(Store("bare")).provide(Clock));
    assert!(what.contains("Store` was provided, which is another type"), "{what}");
    let (what, _) = only(Server::empty().gateway::<Talkers>().provide(Arc::new(English)));
    assert!(what.contains("needs a `Arc<dyn Talk>` that nobody provided (`alloc::sync::Arc<"), "{what}");
    assert!(what.contains("English>` was provided, which is another type)"), "{what}");
    let talk: Arc<dyn Talk> = Arc::new(English);
    let (what, _) = only(Server::empty().gateway::<Talkers>().provide(talk).provide(English));
    assert!(what.contains("asks for `State<Arc<English>>`"), "{what}");
    assert!(what.contains("English` was provided, which is another type)"), "{what}");
}

trait Talk: Send + Sync {}

#[derive(Clone)]
struct English;

impl Talk for English {}

#[gateway(namespace = "/talkers")]
struct Talkers {
    talk: Arc<dyn Talk>,
}

#[gateway]
impl Talkers {
    #[subscribe]
    fn talkers(&self) -> usize {
        Arc::strong_count(&self.talk)
    }

    #[subscribe]
    fn state(&self, State(talk): State<Arc<English>>) -> usize {
        Arc::strong_count(&talk)
    }
}

#[gateway(namespace = "/twice")]
struct Once;

#[gateway]
impl Once {
    #[subscribe("same")]
    fn one(&self) {}
}

#[gateway(namespace = "/twice")]
struct Twice;

#[gateway]
impl Twice {
    #[subscribe("same")]
    fn other(&self) {}
}

#[test]
fn an_event_with_two_handlers_names_both() {
    let (what, help) = only(Server::empty().gateway::<Once>().gateway::<Twice>());
    assert!(what.starts_with("`same` in `/twice` is subscribed twice: by `Twice::other"), "{what}");
    assert!(what.contains("and before by `Once::one"), "{what}");
    assert_eq!(what.matches("start.rs:").count(), 2, "{what}");
    assert_eq!(help, "give one of them another event name");
}

#[gateway(namespace = "/no-handlers")]
struct NoHandlers;

#[test]
fn a_gateway_without_methods_is_told_what_to_write() {
    let (what, help) = only(Server::empty().gateway::<NoHandlers>());
    assert_eq!(what, "`NoHandlers` has no handlers");
    assert!(help.contains("put `#[gateway]` on `impl NoHandlers`"), "{help}");
}

#[gateway(namespace = "/room/{room}")]
struct ByRoom;

#[gateway]
impl ByRoom {
    #[subscribe]
    fn one(&self) {}
}

#[gateway(namespace = "/room/{name}")]
struct ByName;

#[gateway]
impl ByName {
    #[subscribe]
    fn two(&self) {}
}

#[test]
fn one_path_under_two_parameter_names_is_refused() {
    let (what, help) = only(Server::empty().gateway::<ByRoom>().gateway::<ByName>());
    assert!(what.contains("match the same paths by other parameter names"), "{what}");
    assert!(help.contains("for both"), "{help}");
}

#[gateway(namespace = "/raw")]
struct Raw;

#[gateway]
impl Raw {
    #[on_message]
    fn take(&self, message: Message) -> Message {
        message
    }
}

#[gateway(namespace = "/raw")]
struct Events;

#[gateway]
impl Events {
    #[subscribe]
    fn event(&self) {}
}

#[gateway(namespace = "/raw")]
struct OtherRaw;

#[gateway]
impl OtherRaw {
    #[on_message]
    fn take(&self) {}
}

#[test]
fn whole_messages_go_to_one_handler_and_to_no_events() {
    let (what, _) = only(Server::empty().gateway::<Raw>().gateway::<Events>());
    assert_eq!(what, "`/raw` takes whole messages by `Raw::take` and cannot take events too");
    let (what, _) = only(Server::empty().gateway::<Raw>().gateway::<OtherRaw>());
    assert!(what.starts_with("`/raw` takes whole messages twice: by `OtherRaw::take"), "{what}");
    assert!(what.contains("and before by `Raw::take"), "{what}");
    Server::empty().gateway::<Raw>().check().unwrap();
}

#[test]
fn a_server_of_nothing_does_not_start() {
    assert_eq!(texts(&problems(Server::empty())), ["there is no gateway to serve"]);
}

#[test]
fn a_namespace_that_is_expected_and_not_linked_is_missed() {
    let problems = problems(shop("here").require_namespaces(["/shop", "/elsewhere"]));
    assert_eq!(
        texts(&problems),
        ["no gateway with the namespace `/elsewhere` is linked into this binary, and one is expected"]
    );
    assert!(problems[0].help().contains("use that_crate as _;"), "{}", problems[0].help());
}

/// Written by hand, where the macro would have refused the namespace.
struct BadPath<const N: usize>;

const BAD_PATHS: [(&str, &str); 4] = [
    ("chat", "a namespace starts with `/`"),
    ("/chat/", "a namespace has no empty segment and does not end with `/`"),
    ("/{a}{b}", "`{a}{b}` is no parameter: write `{name}`, once in a segment"),
    ("/{a}/{a}", "the parameter `a` stands twice"),
];

impl<const N: usize> Gateway for BadPath<N> {
    const NAMESPACE: &'static str = BAD_PATHS[N].0;
    const DECLARED: Declared = Declared::new("BadPath", file!(), line!());

    fn construct(_: &mut Fields<'_>) -> Option<Self> {
        Some(Self)
    }
}

fn nothing<G: Gateway>(handlers: &mut Handlers<G>) {
    handlers.subscribe(Subscription::new("nothing", "nothing", file!(), line!()), |_, _| {
        HandlerFuture::ready(().into_reply())
    });
}

#[test]
fn a_namespace_that_is_no_path_is_refused() {
    let check = |server: Server, index: usize| {
        let (path, why) = BAD_PATHS[index];
        assert_eq!(only(server).0, format!("the namespace `{path}` of `BadPath` is wrong: {why}"));
    };
    check(Server::empty().gateway_with::<BadPath<0>>(nothing), 0);
    check(Server::empty().gateway_with::<BadPath<1>>(nothing), 1);
    check(Server::empty().gateway_with::<BadPath<2>>(nothing), 2);
    check(Server::empty().gateway_with::<BadPath<3>>(nothing), 3);
}

/// Names that the macro would have refused.
fn unfit_names<G: Gateway>(handlers: &mut Handlers<G>) {
    for event in
        ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener", "exception", ""]
    {
        handlers.subscribe(Subscription::new(event, "take", file!(), line!()), |_, _| {
            HandlerFuture::ready(().into_reply())
        });
    }
}

#[test]
fn an_event_that_no_client_can_send_is_refused() {
    let problems = problems(Server::empty().gateway_with::<Nameless>(unfit_names));
    let reserved = |event| {
        format!(
            "`{event}` in `/nameless` cannot be subscribed to by `Nameless::take`: Socket.IO clients keep this name for themselves, and cannot send it"
        )
    };
    let mut expected = ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"]
        .map(reserved)
        .to_vec();
    expected.push("`exception` in `/nameless` cannot be subscribed to by `Nameless::take`: it is how the server tells a client of a failure, and no client sends it".to_owned());
    expected.push("`` in `/nameless` cannot be subscribed to by `Nameless::take`: an event has a name".to_owned());
    assert_eq!(texts(&problems), expected);
    assert!(problems.iter().all(|problem| problem.help() == "choose another name"));
}

fn long_names<G: Gateway>(handlers: &mut Handlers<G>) {
    for event in ["12345678", "123456789", "1234.*.8", "1234.*.89", "12345678.*"] {
        handlers.subscribe(Subscription::new(event, "take", file!(), line!()), |_, _| {
            HandlerFuture::ready(().into_reply())
        });
    }
}

#[test]
fn an_event_or_pattern_that_is_longer_than_any_name_may_be_is_refused() {
    let limits = Limits::new().event_name_bytes(8);
    let problems = problems(Server::empty().gateway_with::<Nameless>(long_names).limits(limits));
    let expected = [("123456789", 9), ("1234.*.89", 9), ("12345678.*", 10)].map(|(event, bytes)| {
        format!(
            "`{event}` in `/nameless` never reaches `Nameless::take`: `event_name_bytes` is 8, and no such event has a name of less than {bytes} bytes"
        )
    });
    assert_eq!(texts(&problems), expected);
    let help = "raise `event_name_bytes` in the limits, or choose a shorter name";
    assert!(problems.iter().all(|problem| problem.help() == help && problem.place().is_some()));
}

struct Nameless;

impl Gateway for Nameless {
    const NAMESPACE: &'static str = "/nameless";
    const DECLARED: Declared = Declared::new("Nameless", file!(), line!());

    fn construct(_: &mut Fields<'_>) -> Option<Self> {
        Some(Self)
    }
}

fn catch_all<G: Gateway>(handlers: &mut Handlers<G>) {
    handlers.subscribe(Subscription::new("*", "any", file!(), line!()), |_, _| HandlerFuture::ready(().into_reply()));
}

#[test]
fn two_handlers_for_all_events_of_a_namespace_are_refused() {
    Server::empty().gateway_with::<Nameless>(catch_all).check().unwrap();
    let twice = Server::empty().gateway_with::<Nameless>(catch_all).gateway_with::<Nameless>(catch_all);
    let (what, _) = only(twice);
    assert!(what.starts_with("`*` in `/nameless` is subscribed twice: by `Nameless::any"), "{what}");
}

#[gateway(namespace = "/generic")]
struct Generic<T: Clone + Default + std::fmt::Display> {
    #[inject(default)]
    value: T,
}

#[gateway]
impl<T: Clone + Default + std::fmt::Display> Generic<T> {
    #[subscribe]
    fn value(&self) -> String {
        self.value.to_string()
    }
}

#[gateway(part = 1)]
impl<T: Clone + Default + std::fmt::Display> Generic<T> {
    #[subscribe]
    fn length(&self) -> usize {
        self.value.to_string().len()
    }
}

gateway_core::register!(Generic<u8>);

#[gateway(namespace = "/forgotten")]
#[allow(dead_code, reason = "nobody names a concrete type of it")]
struct Forgotten<T: Clone> {
    value: T,
}

#[gateway]
#[allow(dead_code, reason = "nobody names a concrete type of it")]
impl<T: Clone> Forgotten<T> {
    #[subscribe]
    fn nothing(&self) {
        let _ = self.value.clone();
    }
}

#[tokio::test(start_paused = true)]
async fn a_generic_gateway_is_served_by_its_concrete_type() {
    let server = Server::empty().gateway::<Generic<u8>>().test().await.unwrap();
    let mut client = server.connect("/generic").await.unwrap();
    assert_eq!(client.emit_with_ack::<String>("value", ()).await.unwrap(), "0");
    assert_eq!(client.emit_with_ack::<usize>("length", ()).await.unwrap(), 1);
}

#[test]
fn a_server_of_everything_reports_all_that_is_wrong_in_the_binary() {
    let problems = problems(Server::new());
    let texts = texts(&problems);
    for expected in [
        "the generic gateway `Forgotten<T>` was never registered",
        "`NoHandlers` has no handlers",
        "`Shop.store` needs a `Arc<Store>` that nobody provided",
        "`Shop.clock` needs a `Clock` that nobody provided",
    ] {
        assert!(texts.contains(&expected), "{expected}: {texts:#?}");
    }
    for expected in [
        "`same` in `/twice`",
        "`/raw` takes whole messages by",
        "`/raw` takes whole messages twice",
        "other parameter names",
    ] {
        assert!(texts.iter().any(|text| text.contains(expected)), "{expected}: {texts:#?}");
    }
    assert!(!texts.iter().any(|text| text.contains("Generic")), "{texts:#?}");
}

#[test]
fn the_report_numbers_its_problems_and_is_the_same_twice() {
    let report = || format!("{:?}", Server::new().check().unwrap_err());
    let text = report();
    assert_eq!(text, report());
    let count = problems(Server::new()).len();
    assert!(text.starts_with(&format!("the server cannot start: {count} problems\n")), "{text}");
    assert!(text.contains(&format!("\n{count:>2}. ")), "{text}");
    assert_eq!(text.matches("    help: ").count(), count, "{text}");
    let one = format!("{}", Server::empty().check().unwrap_err());
    assert!(one.starts_with("the server cannot start: 1 problem\n"), "{one}");
}

#[derive(Clone, Default)]
struct Begun(Arc<AtomicU64>);

#[gateway(namespace = "/init")]
struct Init {
    begun: Begun,
}

#[gateway]
impl Init {
    #[on_init]
    async fn begin(&self, State(begun): State<Begun>) {
        tokio::task::yield_now().await;
        begun.0.fetch_add(1, Ordering::Relaxed);
    }

    #[on_init]
    fn begin_too(&self) -> Result<(), std::num::ParseIntError> {
        self.begun.0.fetch_add("1".parse()?, Ordering::Relaxed);
        Ok(())
    }

    #[subscribe]
    fn begun(&self) -> u64 {
        self.begun.0.load(Ordering::Relaxed)
    }
}

#[gateway(namespace = "/broken-init")]
struct BrokenInit;

#[gateway]
impl BrokenInit {
    #[on_init]
    fn fails(&self) -> Result<(), std::num::ParseIntError> {
        "x".parse::<u8>().map(drop)
    }

    #[on_init]
    async fn panics(&self) {
        tokio::task::yield_now().await;
        panic!("on request");
    }
}

#[tokio::test(start_paused = true)]
async fn init_hooks_run_once_before_anybody_connects() {
    let begun = Begun::default();
    let server = Server::empty().gateway::<Init>().provide(begun.clone()).test().await.unwrap();
    assert_eq!(begun.0.load(Ordering::Relaxed), 2);
    server.connect("/init").await.unwrap();
    let mut client = server.connect("/init").await.unwrap();
    assert_eq!(client.emit_with_ack::<u64>("begun", ()).await.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_check_runs_no_init_hook() {
    let begun = Begun::default();
    Server::empty().gateway::<Init>().provide(begun.clone()).check().unwrap();
    assert_eq!(begun.0.load(Ordering::Relaxed), 0);
}

#[tokio::test(start_paused = true)]
async fn init_hooks_that_fail_stop_the_start_and_are_all_reported() {
    let begun = Begun::default();
    let server = Server::empty().gateway::<Init>().gateway::<BrokenInit>().provide(begun.clone());
    let StartError::Problems(problems) = server.test().await.unwrap_err() else { panic!("other") };
    let expected =
        ["`BrokenInit::fails` failed: invalid digit found in string", "`BrokenInit::panics` failed: it panicked"];
    assert_eq!(texts(&problems), expected);
    assert_eq!(begun.0.load(Ordering::Relaxed), 2);
}

struct User;

#[derive(Default)]
struct SignedIn;

impl Guard for SignedIn {
    type Grants = User;

    fn check(&self, _: &GuardContext<'_>) -> Result<Grant<User>, Exception> {
        Ok(Grant::with(User))
    }
}

#[derive(Clone)]
struct Language;

/// An extractor of one's own says what it needs.
struct Greeting;

impl FromContext for Greeting {
    fn from_context(_: &Context<'_>) -> Result<Self, Rejection> {
        Ok(Self)
    }

    fn needs(needs: &mut Requirements<'_>) {
        needs.service::<Arc<Store>>();
        needs.granted::<User>();
    }
}

#[gateway(namespace = "/greedy/{one}")]
struct Greedy;

#[gateway]
impl Greedy {
    #[on_init]
    fn begin(&self, _: State<Clock>) {}

    #[on_connect]
    fn joined(&self, _: Auth<User>) {}

    #[subscribe]
    fn state(&self, _: State<u128>, _: Result<State<u64>, Rejection>) {}

    #[subscribe]
    #[guard(SignedIn)]
    fn user(&self, _: Auth<User>, _: Auth<Clock>) {}

    #[subscribe]
    fn path(&self, _: Path<(String, String)>) {}

    #[subscribe]
    fn language(&self, _: Extension<Language>) {}

    #[subscribe]
    fn greet(&self, _: Greeting) {}
}

#[test]
fn what_an_argument_asks_for_in_vain_is_named_with_its_line() {
    let problems = problems(Server::empty().gateway::<Greedy>());
    let expected = [
        "`Greedy::state` asks for `State<u128>`, and nobody provided a `u128`",
        "`Greedy::user` asks for `Auth<Clock>`, and no guard before it grants a `start::Clock`",
        "`Greedy::path` asks for `Path<(String, String)>`, which cannot be read from `/greedy/{one}`: it has 1 parameter, and this is a tuple of size 2",
        "`Greedy::language` asks for `Extension<Language>`, and nothing stands around it that could give a `start::Language`",
        "`Greedy::greet` asks for `Greeting`, and nobody provided a `alloc::sync::Arc<start::Store>`",
        "`Greedy::greet` asks for `Greeting`, and no guard before it grants a `start::User`",
        "`Greedy::joined` asks for `Auth<User>`, and no guard before it grants a `start::User`",
        "`Greedy::begin` asks for `State<Clock>`, and nobody provided a `start::Clock`",
    ];
    assert_eq!(texts(&problems), expected);
    let lines: Vec<_> = problems.iter().map(|problem| problem.place().unwrap().1).collect();
    assert!(lines.iter().all(|line| *line > 1), "{lines:?}");
    assert_eq!(lines[4], lines[5]);
}

/// Where a guard before it may grant what it asks for, it is right.
#[gateway(namespace = "/modest")]
#[guard(SignedIn)]
struct Modest;

#[gateway]
impl Modest {
    #[on_connect]
    fn joined(&self, _: Auth<User>) {}

    #[subscribe]
    fn greet(&self, _: Greeting, _: Auth<User>, _: State<ServerHandle>) {}

    #[on_disconnect]
    fn left(&self, _: Auth<User>) {}
}

#[test]
fn what_guards_grant_and_the_server_provides_may_be_asked_for() {
    Server::empty().gateway::<Modest>().provide(Arc::new(Store("there"))).check().unwrap();
    // A guard of the server stands before everything.
    let server = Server::empty().gateway::<Greedy>().guard(SignedIn);
    assert!(!texts(&problems(server)).iter().any(|text| text.contains("Auth<User>")));
}

/// Neither `Default` nor `Injectable`.
struct Key;

impl Guard for Key {
    type Grants = ();

    fn check(&self, _: &GuardContext<'_>) -> Result<Grant, Exception> {
        Ok(Grant::new())
    }
}

#[derive(Injectable)]
struct Lock {
    store: Arc<Store>,
    clock: Clock,
    #[inject(default)]
    turns: AtomicU64,
}

impl Interceptor for Lock {
    async fn intercept(&self, _: &Context<'_>, next: Next<'_>) -> Reply {
        let _ = (&self.store, &self.clock);
        self.turns.fetch_add(1, Ordering::Relaxed);
        next.run().await
    }
}

#[gateway(namespace = "/safe")]
#[guard(Key)]
struct Safe;

#[gateway]
impl Safe {
    #[subscribe]
    #[intercept(Lock)]
    fn open(&self) {}
}

#[test]
fn a_guard_that_cannot_be_made_is_named_with_its_line_and_so_is_what_an_interceptor_lacks() {
    let problems = problems(Server::empty().gateway::<Safe>());
    let expected = [
        "nobody provided the `Key` that is to stand here",
        "`Lock.store` needs a `Arc<Store>` that nobody provided",
        "`Lock.clock` needs a `Clock` that nobody provided",
    ];
    assert_eq!(texts(&problems), expected);
    assert!(problems[0].help().starts_with("put `#[derive(Default)]` or `#[derive(Injectable)]` on `Key`"));
    assert!(problems.iter().all(|problem| problem.place().is_some_and(|(file, _)| file.ends_with("start.rs"))));
}

impl Clone for Key {
    fn clone(&self) -> Self {
        Self
    }
}

#[tokio::test(start_paused = true)]
async fn a_guard_may_be_provided_and_its_fields_filled() {
    let server = Server::empty().gateway::<Safe>().provide(Key).provide(Arc::new(Store("lock"))).provide(Clock);
    let server = server.test().await.unwrap();
    let mut client = server.connect("/safe").await.unwrap();
    client.emit_with_ack::<()>("open", ()).await.unwrap();
}

/// Around whole messages there are guards, and nothing else.
#[gateway(namespace = "/around-raw")]
#[intercept(Nothing)]
struct AroundRaw;

#[derive(Default)]
struct Nothing;

impl Interceptor for Nothing {
    async fn intercept(&self, _: &Context<'_>, next: Next<'_>) -> Reply {
        next.run().await
    }
}

#[gateway]
impl AroundRaw {
    #[on_message]
    fn take(&self) {}
}

#[test]
fn what_would_never_run_is_refused() {
    let (what, help) = only(Server::empty().gateway::<AroundRaw>());
    assert_eq!(what, "`Nothing` never runs: `AroundRaw` takes whole messages, and it stands around events");
    assert!(help.contains("guards are asked about whole messages too"), "{help}");
}

#[gateway(namespace = "/handle")]
struct WithHandle {
    server: ServerHandle,
}

#[gateway]
impl WithHandle {
    #[subscribe]
    fn count(&self, State(handle): State<ServerHandle>) -> usize {
        let namespaces = [handle.of("/handle").unwrap(), self.server.of("/handle").unwrap()];
        assert_eq!(namespaces[0].count(), namespaces[1].count());
        namespaces[0].count()
    }
}

#[tokio::test(start_paused = true)]
async fn the_handle_of_the_server_is_a_service_and_exists_before_the_start() {
    let server = Server::empty().gateway::<WithHandle>();
    let handle = server.handle();
    assert_eq!(handle.of("/handle").unwrap().count(), 0);
    let server = server.test().await.unwrap();
    let mut client = server.connect("/handle").await.unwrap();
    assert_eq!(client.emit_with_ack::<usize>("count", ()).await.unwrap(), 1);
    assert_eq!(handle.of("/handle").unwrap().count(), 1);
}

#[gateway(namespace = "/{any}")]
struct Any;

#[gateway]
impl Any {
    #[subscribe]
    fn name(&self, Path(any): Path<String>) -> String {
        any
    }
}

#[tokio::test(start_paused = true)]
async fn a_fixed_path_comes_before_a_parameter() {
    let server = shop("fixed").gateway::<Any>().test().await.unwrap();
    let mut fixed = server.connect("/shop").await.unwrap();
    assert!(fixed.emit_with_ack::<bool>("second_block", ()).await.unwrap());
    let mut any = server.connect("/sh%20op").await.unwrap();
    assert_eq!(any.emit_with_ack::<String>("name", ()).await.unwrap(), "sh op");
}

/// Gateway that is written twice: generated, and by hand.
#[gateway(namespace = "/tally")]
struct Generated {
    #[inject(default)]
    sum: AtomicU64,
    seed: Arc<u64>,
}

#[gateway]
impl Generated {
    #[on_connect]
    fn joined(&self, socket: Socket) -> Result<(), ConnectRejection> {
        if socket.handshake().query("refuse").is_some() {
            return Err(ConnectRejection::new("no", "not you"));
        }
        socket.only().join("tally")?;
        Ok(())
    }

    #[subscribe]
    async fn add(&self, Data(number): Data<u64>, socket: Socket) -> Result<u64, Exception> {
        tokio::task::yield_now().await;
        if number == 0 {
            return Err(Exception::new("nothing", "add something"));
        }
        let sum = self.sum.fetch_add(number, Ordering::Relaxed) + number + *self.seed;
        socket.to("tally").emit("sum", &sum);
        Ok(sum)
    }

    #[subscribe]
    fn reset(&self) {
        self.sum.store(0, Ordering::Relaxed);
    }

    #[on_disconnect]
    async fn left(&self, namespace: Namespace, reason: DisconnectReason) {
        tokio::task::yield_now().await;
        namespace.emit("left", &reason.code().as_u16());
    }
}

struct ByHand {
    sum: AtomicU64,
    seed: Arc<u64>,
}

impl Gateway for ByHand {
    const NAMESPACE: &'static str = "/tally";
    const DECLARED: Declared = Declared::new("ByHand", file!(), line!());

    fn construct(fields: &mut Fields<'_>) -> Option<Self> {
        let seed = fields.provided("seed", "Arc<u64>", line!());
        seed.map(|seed| Self { sum: AtomicU64::default(), seed })
    }
}

impl ByHand {
    fn joined(socket: &Socket) -> Result<(), ConnectRejection> {
        if socket.handshake().query("refuse").is_some() {
            return Err(ConnectRejection::new("no", "not you"));
        }
        socket.only().join("tally")?;
        Ok(())
    }

    async fn add(&self, number: u64, socket: Socket) -> Result<u64, Exception> {
        tokio::task::yield_now().await;
        if number == 0 {
            return Err(Exception::new("nothing", "add something"));
        }
        let sum = self.sum.fetch_add(number, Ordering::Relaxed) + number + *self.seed;
        socket.to("tally").emit("sum", &sum);
        Ok(sum)
    }
}

fn by_hand(handlers: &mut Handlers<ByHand>) {
    handlers.on_connect(Hook::new("joined", file!(), line!()), |_, context| {
        match <Socket as FromContext<on::Connect>>::from_context(context) {
            Ok(socket) => HandlerFuture::ready(ConnectOutput::into_output(ByHand::joined(&socket))),
            Err(rejection) => HandlerFuture::rejected(rejection),
        }
    });
    handlers.subscribe(Subscription::new("add", "add", file!(), line!()), |gateway, context| {
        let arguments = Data::<u64>::from_context(context)
            .and_then(|number| Ok((number, <Socket as FromContext>::from_context(context)?)));
        match arguments {
            Ok((Data(number), socket)) => {
                let gateway = Arc::clone(gateway);
                HandlerFuture::future(async move { gateway.add(number, socket).await.into_reply() })
            }
            Err(rejection) => HandlerFuture::rejected(rejection),
        }
    });
    handlers.subscribe(Subscription::new("reset", "reset", file!(), line!()), |gateway, _| {
        gateway.sum.store(0, Ordering::Relaxed);
        HandlerFuture::ready(().into_reply())
    });
    handlers.on_disconnect(Hook::new("left", file!(), line!()), |_, context| {
        let namespace = <Namespace as FromContext<on::Disconnect>>::from_context(context);
        let reason = <DisconnectReason as FromContext<on::Disconnect>>::from_context(context);
        let (Ok(namespace), Ok(reason)) = (namespace, reason) else { panic!("a disconnect hook has both") };
        HandlerFuture::future(async move {
            namespace.emit("left", &reason.code().as_u16());
            DisconnectOutput::into_output(())
        })
    });
}

fn both() -> [Server; 2] {
    [Server::empty().gateway::<Generated>(), Server::empty().gateway_with::<ByHand>(by_hand)]
}

#[tokio::test(start_paused = true)]
async fn a_gateway_written_by_hand_is_a_generated_one() {
    for server in both() {
        let server = server.provide(Arc::new(100_u64)).test().await.unwrap();
        let mut ann = server.connect("/tally").await.unwrap();
        let mut bob = server.connect("/tally").await.unwrap();
        assert_eq!(ann.emit_with_ack::<u64>("add", 5).await.unwrap(), 105);
        assert_eq!(bob.expect_named("sum").await, 105);
        let failure = ann.emit_with_ack::<u64>("add", 0).await.unwrap_err();
        let expected =
            json!({"status": "error", "message": "add something", "code": "nothing", "cause": {"pattern": "add"}});
        assert_eq!(*failure.payload(), expected);
        let failure = ann.emit_with_ack::<u64>("add", "five").await.unwrap_err();
        assert_eq!(failure.code(), Some("unreadable"));
        assert_eq!(ann.emit_with_ack::<Value>("reset", ()).await.unwrap(), Value::Null);
        assert_eq!(ann.emit_with_ack::<u64>("add", 1).await.unwrap(), 101);
        assert_eq!(bob.expect_named("sum").await, 101);
        let Err(ConnectError::Refused(failure, _)) = server.connect("/tally?refuse").await else { panic!("let in") };
        assert_eq!(failure.code(), Some("no"));
        ann.close().await;
        assert_eq!(bob.expect_named("left").await, 1000);
        bob.expect_nothing().await;
    }
}

#[test]
fn a_gateway_written_by_hand_reports_its_gaps_like_a_generated_one() {
    let gaps = both().map(|server| only(server).0);
    assert_eq!(
        gaps,
        ["Generated", "ByHand"].map(|name| format!("`{name}.seed` needs a `Arc<u64>` that nobody provided"))
    );
}
