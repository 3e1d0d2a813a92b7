use super::*;
use crate::handler::{HandlerFuture, Hook, IntoReply, ServiceMap, Subscription};

struct Counter;

impl Gateway for Counter {
    const NAMESPACE: &'static str = "/counter";
    const DECLARED: Declared = Declared::new("Counter", "counter.rs", 1);

    fn construct(fields: &mut Fields<'_>) -> Option<Self> {
        let start = fields.provided::<u32>("start", "u32", 2);
        let step = fields.provided::<i8>("step", "i8", 3);
        start.zip(step).map(|_| Self)
    }
}

struct Other;

impl Gateway for Other {
    const NAMESPACE: &'static str = "/counter";
    const DECLARED: Declared = Declared::new("Other", "other.rs", 1);

    fn construct(_: &mut Fields<'_>) -> Option<Self> {
        Some(Self)
    }
}

fn add<G: Send + Sync + 'static>(handlers: &mut Handlers<G>) {
    handlers.subscribe(Subscription::new("add", "add", "counter.rs", 5), |_, _| HandlerFuture::ready(1.into_reply()));
}

fn add_raw<G: Send + Sync + 'static>(handlers: &mut Handlers<G>) {
    handlers.on_message(Hook::new("take", "other.rs", 5), |_, _| HandlerFuture::ready(Ok(None)));
}

fn problems(selection: &GatewaySelection, services: &ServiceMap, expected: &[String]) -> Vec<String> {
    let given = AssemblyInputs { services, per_socket: &[], around: &BuiltLayers::default() };
    let assembled = Assembly::assemble(selection, given, expected, &crate::limits::Limits::default());
    assembled.err().into_iter().flatten().map(|problem| problem.what().to_owned()).collect()
}

fn services() -> ServiceMap {
    let mut services = ServiceMap::default();
    services.provide(1_u32);
    services.provide(1_i8);
    services
}

#[test]
fn every_gap_is_reported_at_once() {
    let mut selection = GatewaySelection::default();
    selection.add::<Counter>();
    let found = problems(&selection, &ServiceMap::default(), &["/missing".to_owned()]);
    assert_eq!(found.len(), 4, "{found:#?}");
    assert!(found[0].contains("`Counter.start` needs a `u32`"));
    assert!(found[1].contains("`Counter.step` needs a `i8`"));
    assert!(found[2].contains("`Counter` has no handlers"));
    assert!(found[3].contains("`/missing`"));
}

#[test]
fn an_event_subscribed_twice_names_both_places() {
    let mut selection = GatewaySelection::default();
    selection.add::<Counter>();
    selection.add_block(add::<Counter>);
    selection.add::<Other>();
    selection.add_block(add::<Other>);
    let found = problems(&selection, &services(), &[]);
    assert_eq!(
        found,
        [
            "`add` in `/counter` is subscribed twice: by `Other::add (counter.rs:5)` and before by `Counter::add (counter.rs:5)`"
        ]
    );
}

#[test]
fn a_raw_gateway_shares_its_namespace_with_no_events() {
    let mut selection = GatewaySelection::default();
    selection.add::<Counter>();
    selection.add_block(add::<Counter>);
    selection.add::<Other>();
    selection.add_block(add_raw::<Other>);
    let found = problems(&selection, &services(), &[]);
    assert_eq!(found, ["`/counter` takes whole messages by `Other::take` and cannot take events too"]);
}

#[test]
fn an_empty_server_does_not_start() {
    assert_eq!(problems(&GatewaySelection::default(), &ServiceMap::default(), &[]), ["there is no gateway to serve"]);
}
