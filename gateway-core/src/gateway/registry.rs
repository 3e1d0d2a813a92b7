//! The link-time registry. The registry is unordered and holds every gateway of the process; a server selects and sorts.

use std::any::{Any, TypeId, type_name};
use std::sync::Arc;

use crate::gateway::handlers::Bound;
use crate::gateway::layers::AddLayers;
use crate::gateway::{Fields, Gateway, Handlers, Problem};
use crate::handler::{Declared, ServiceMap};

type Instance = Arc<dyn Any + Send + Sync>;
type AnyFn = dyn Any + Send + Sync;

/// A gateway's type, registered by the macro on its struct.
#[derive(Clone, Copy, Debug)]
pub struct GatewayEntry {
    pub(crate) type_id: fn() -> TypeId,
    pub(crate) type_name: fn() -> &'static str,
    pub(crate) namespace: &'static str,
    pub(crate) declared: Declared,
    pub(crate) around: AddLayers,
    pub(crate) build: fn(&ServiceMap, &mut Vec<Problem>) -> Option<Instance>,
    /// Set for the framework's own gateway, which is not the application's and has none of its guards.
    pub(crate) is_built_in: bool,
    #[cfg(feature = "contract")]
    pub(crate) describe: fn(&mut crate::handler::GatewayDescription),
}

/// An `impl` block of a gateway.
#[derive(Clone, Copy, Debug)]
pub struct HandlersEntry {
    pub(crate) type_id: fn() -> TypeId,
    add: &'static AnyFn,
    run: fn(&AnyFn, Option<Instance>) -> Bound,
}

/// A generic gateway that needs a concrete type.
#[derive(Clone, Copy, Debug)]
pub struct GenericEntry {
    declared: Declared,
    written: &'static str,
    /// Set for a public type, which other crates may register.
    is_offered: bool,
}

/// An event's type, registered by its derive.
#[cfg(feature = "contract")]
#[derive(Clone, Copy, Debug)]
pub struct EventEntry {
    pub(crate) module: &'static str,
    pub(crate) describe: fn(&mut crate::handler::EventDescription),
}

#[cfg(feature = "contract")]
impl EventEntry {
    /// Creates the entry of a type that a module declares.
    #[must_use]
    pub const fn new(module: &'static str, describe: fn(&mut crate::handler::EventDescription)) -> Self {
        Self { module, describe }
    }

    /// All events that a module derives. In no particular order.
    pub(crate) fn of_module(module: &str) -> impl Iterator<Item = &'static Self> {
        inventory::iter::<Self>.into_iter().filter(move |entry| entry.module == module)
    }
}

#[cfg(feature = "contract")]
inventory::collect!(EventEntry);
inventory::collect!(GatewayEntry);
inventory::collect!(HandlersEntry);
inventory::collect!(GenericEntry);
inventory::collect!(ConcreteEntry);

impl GatewayEntry {
    /// Creates the entry of `G`.
    #[must_use]
    pub const fn new<G: Gateway>() -> Self {
        Self {
            type_id: TypeId::of::<G>,
            type_name: type_name::<G>,
            namespace: G::NAMESPACE,
            declared: G::DECLARED,
            around: G::around,
            build: build::<G>,
            is_built_in: false,
            #[cfg(feature = "contract")]
            describe: G::describe,
        }
    }
}

fn build<G: Gateway>(services: &ServiceMap, problems: &mut Vec<Problem>) -> Option<Instance> {
    let gateway = G::construct(&mut Fields::new(services, G::DECLARED, problems))?;
    Some(Arc::new(gateway))
}

impl HandlersEntry {
    /// Creates the entry of a block of `G`'s methods.
    #[must_use]
    pub const fn new<G: Gateway>(add: &'static fn(&mut Handlers<G>)) -> Self {
        Self { type_id: TypeId::of::<G>, add, run: run::<G> }
    }

    fn bind(&self, instance: Option<Instance>) -> Bound {
        (self.run)(self.add, instance)
    }
}

fn run<G: Gateway>(add: &AnyFn, instance: Option<Instance>) -> Bound {
    let add = add.downcast_ref::<fn(&mut Handlers<G>)>().expect("`new` stored the function of this type");
    take_up(*add, instance)
}

fn take_up<G: Gateway>(add: fn(&mut Handlers<G>), instance: Option<Instance>) -> Bound {
    let gateway = instance.map(|instance| instance.downcast::<G>().expect("entries are matched by their type"));
    let mut handlers = Handlers::new(gateway, G::DECLARED);
    add(&mut handlers);
    handlers.bound
}

impl GenericEntry {
    /// Creates the entry of a generic type such as `Chat<S>`.
    #[must_use]
    pub const fn new(declared: Declared, written: &'static str) -> Self {
        Self { declared, written, is_offered: false }
    }

    /// Marks the entry as public: a library offers the gateway, and an application need not use it.
    #[must_use]
    pub const fn offered(self) -> Self {
        Self { is_offered: true, ..self }
    }
}

/// Block `N` of a generic gateway's methods.
#[diagnostic::on_unimplemented(message = "`{Self}` has no `#[gateway]` impl block number {N}")]
pub trait Part<const N: usize>: Gateway {
    /// Adds the methods.
    fn add(handlers: &mut Handlers<Self>);
}

/// A probe for existing blocks: Rust prefers an inherent method to a trait method.
#[derive(Debug)]
pub struct Probe<G, const N: usize>(std::marker::PhantomData<fn() -> G>);

impl<G, const N: usize> Probe<G, N> {
    /// Creates a probe.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "made code has no prelude in which a default is found")]
    pub const fn new() -> Self {
        Self(std::marker::PhantomData)
    }
}

impl<G: Part<N>, const N: usize> Probe<G, N> {
    /// Adds an existing block.
    pub fn __gateway_add(&self, handlers: &mut Handlers<G>) {
        G::add(handlers);
    }
}

/// A concrete type of a generic gateway, registered by `register!`. One function creates the registration on demand, so
/// that a mistake in the type is one compiler error.
#[derive(Clone, Copy, Debug)]
pub struct ConcreteEntry(fn() -> Registration);

impl ConcreteEntry {
    /// Creates an entry from a function.
    #[must_use]
    pub const fn new(make: fn() -> Registration) -> Self {
        Self(make)
    }
}

/// A gateway's type with its methods.
#[derive(Debug)]
pub struct Registration {
    gateway: GatewayEntry,
    block: Block,
}

/// A builder of the registration of `G`: Rust prefers an inherent method to a trait method.
#[derive(Debug)]
pub struct Concrete<G>(std::marker::PhantomData<fn() -> G>);

impl<G> Concrete<G> {
    /// Creates a builder; the type follows from its methods.
    #[must_use]
    pub const fn new(_: fn(&mut Handlers<G>)) -> Self {
        Self(std::marker::PhantomData)
    }
}

impl<G: Gateway> Concrete<G> {
    #[doc(hidden)]
    #[must_use]
    pub fn __gateway_registration(&self, add: fn(&mut Handlers<G>)) -> Registration {
        Registration { gateway: GatewayEntry::new::<G>(), block: Block::new(add) }
    }
}

impl Block {
    fn new<G: Gateway>(add: fn(&mut Handlers<G>)) -> Self {
        Self { type_id: TypeId::of::<G>(), bind: Box::new(move |instance| take_up(add, instance)) }
    }
}

/// All registered concrete types of generic gateways.
fn concrete() -> impl Iterator<Item = Registration> {
    inventory::iter::<ConcreteEntry>.into_iter().map(|ConcreteEntry(make)| make())
}

impl std::fmt::Debug for Block {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.type_id.fmt(formatter)
    }
}

/// The gateways that a server serves.
#[derive(Debug, Default)]
pub(crate) struct GatewaySelection {
    everything: bool,
    gateways: Vec<GatewayEntry>,
    blocks: Vec<Block>,
}

/// A block of a gateway written without macros.
struct Block {
    type_id: TypeId,
    bind: Box<dyn Fn(Option<Instance>) -> Bound + Send>,
}

impl GatewaySelection {
    pub(crate) fn everything() -> Self {
        Self { everything: true, ..Self::default() }
    }

    pub(crate) fn add<G: Gateway>(&mut self) {
        self.gateways.push(GatewayEntry::new::<G>());
    }

    pub(crate) fn add_block<G: Gateway>(&mut self, add: fn(&mut Handlers<G>)) {
        self.blocks.push(Block::new(add));
    }

    /// Adds a gateway of the framework, in the place of an earlier one of its type.
    #[cfg(feature = "admin")]
    pub(crate) fn add_built_in<G: Gateway>(&mut self, add: fn(&mut Handlers<G>)) {
        self.blocks.retain(|block| block.type_id != TypeId::of::<G>());
        self.add_block(add);
        self.gateways.push(GatewayEntry { is_built_in: true, ..GatewayEntry::new::<G>() });
    }

    /// The selected gateways of the application, each once, in source order.
    #[cfg(feature = "contract")]
    pub(crate) fn public_gateways(&self) -> Vec<GatewayEntry> {
        self.gateways().into_iter().filter(|entry| !entry.is_built_in).collect()
    }

    /// The selected gateways, each once, in source order.
    pub(crate) fn gateways(&self) -> Vec<GatewayEntry> {
        let linked = inventory::iter::<GatewayEntry>.into_iter().copied().chain(concrete().map(|entry| entry.gateway));
        let linked = linked.filter(|_| self.everything);
        let mut entries: Vec<_> = linked.chain(self.gateways.iter().copied()).collect();
        entries.sort_by_key(|entry| (entry.namespace, entry.declared, (entry.type_name)()));
        entries.dedup_by_key(|entry| (entry.type_id)());
        entries
    }

    /// Binds a gateway's methods in source order; `None` if it has no block.
    pub(crate) fn bind(&self, gateway: &GatewayEntry, instance: Option<&Instance>) -> Option<Bound> {
        let type_id = (gateway.type_id)();
        let linked = inventory::iter::<HandlersEntry>.into_iter().filter(|block| (block.type_id)() == type_id);
        let linked = linked.map(|block| block.bind(instance.cloned()));
        let named = concrete().map(|entry| entry.block).filter(|block| block.type_id == type_id);
        let named = named.map(|block| (block.bind)(instance.cloned()));
        let given = self.blocks.iter().filter(|block| block.type_id == type_id);
        let given = given.map(|block| (block.bind)(instance.cloned()));
        let mut bound = linked.chain(named).chain(given).reduce(Bound::joined)?;
        bound.sort();
        Some(bound)
    }

    /// Generic gateways without a concrete type: those of the application, and those offered by libraries.
    pub(crate) fn unregistered(&self) -> (Vec<Problem>, Vec<Problem>) {
        // Compared by the location of the declaration, since a type inside a function has no path.
        let registered: Vec<_> = concrete().map(|entry| entry.gateway.declared).collect();
        let is_registered = |generic: &&GenericEntry| registered.contains(&generic.declared);
        let generics = inventory::iter::<GenericEntry>.into_iter().filter(|_| self.everything);
        let (offered, own): (Vec<_>, Vec<_>) =
            generics.filter(|generic| !is_registered(generic)).partition(|generic| generic.is_offered);
        let report = |generics: Vec<&GenericEntry>| {
            generics.iter().map(|generic| Problem::unregistered_generic(generic.declared, generic.written)).collect()
        };
        (report(own), report(offered))
    }
}
