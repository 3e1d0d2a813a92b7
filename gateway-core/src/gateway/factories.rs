//! Services created when the server starts. Factories run concurrently; a factory that needs another's service waits for
//! it.

use std::any::{TypeId, type_name};
use std::collections::HashSet;
use std::fmt;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};

use futures_util::FutureExt;
use futures_util::future::join_all;
use tokio_util::sync::CancellationToken;

use crate::error::{ConnectRejection, Exception};
use crate::gateway::Problem;
use crate::handler::{IntoException, ServiceMap};
use crate::sync::lock;

/// A function that stores a created service.
type Store = Box<dyn FnOnce(&mut ServiceMap) + Send>;
type FactoryFuture = Pin<Box<dyn Future<Output = Result<Store, String>> + Send>>;
type RunFactory = Box<dyn FnOnce(Services) -> FactoryFuture + Send>;

/// Factories that have not run, in the order they were added.
#[derive(Default)]
pub(crate) struct Factories(Vec<Factory>);

struct Factory {
    makes: FactoryOutput,
    run: RunFactory,
}

/// The type that a factory creates, and the source location where the factory was added.
#[derive(Clone, Copy, Debug)]
struct FactoryOutput {
    kind: TypeId,
    name: &'static str,
    place: &'static Location<'static>,
}

impl Factories {
    /// Adds a factory. It replaces an earlier one for the same type.
    #[track_caller]
    pub(crate) fn add<T, E, F, A>(&mut self, make: F)
    where
        T: Clone + Send + Sync + 'static,
        E: fmt::Display,
        F: FnOnce(Services) -> A + Send + 'static,
        A: Future<Output = Result<T, E>> + Send + 'static,
    {
        self.forget::<T>();
        let makes = FactoryOutput { kind: TypeId::of::<T>(), name: type_name::<T>(), place: Location::caller() };
        let run: RunFactory = Box::new(|provided| {
            let making = make(provided);
            Box::pin(async {
                let service = making.await.map_err(|error| error.to_string())?;
                let store: Store = Box::new(|services| services.provide(service));
                Ok(store)
            })
        });
        self.0.push(Factory { makes, run });
    }

    /// Removes the factory of this type, which a provided value replaces.
    pub(crate) fn forget<T: 'static>(&mut self) {
        self.0.retain(|factory| factory.makes.kind != TypeId::of::<T>());
    }

    /// Runs all factories. A service that could not be created stays promised in `services`, so that it is not reported as
    /// missing too.
    pub(crate) async fn make(self, services: &mut ServiceMap) -> Vec<Problem> {
        if self.0.is_empty() {
            return Vec::new();
        }
        let slots = self.0.iter().map(|factory| FactorySlot { makes: factory.makes, done: CancellationToken::new() });
        let state = FactoryState { services: std::mem::take(services), needs: Vec::new(), problems: Vec::new() };
        let bench = Arc::new(FactoryRun { slots: slots.collect(), state: Mutex::new(state) });
        join_all(self.0.into_iter().enumerate().map(|(number, factory)| bench.run(number, factory.run))).await;
        let mut state = bench.lock();
        *services = std::mem::take(&mut state.services);
        let mut problems = std::mem::take(&mut state.problems);
        problems.sort_by_key(|(number, _)| *number);
        problems.into_iter().map(|(_, problem)| problem).collect()
    }
}

impl fmt::Debug for Factories {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.0.iter().map(|factory| factory.makes.name)).finish()
    }
}

/// The shared state of a server's running factories.
struct FactoryRun {
    slots: Vec<FactorySlot>,
    state: Mutex<FactoryState>,
}

struct FactorySlot {
    makes: FactoryOutput,
    /// Cancelled when the factory has ended, with or without success.
    done: CancellationToken,
}

struct FactoryState {
    services: ServiceMap,
    /// Pairs of factories where the first has requested the second's service.
    needs: Vec<(usize, usize)>,
    /// Problems with the number of their factory.
    problems: Vec<(usize, Problem)>,
}

impl FactoryRun {
    async fn run(self: &Arc<Self>, number: usize, make: RunFactory) {
        let refused = Arc::<Mutex<bool>>::default();
        let provided = Services(Source::Making { bench: Arc::clone(self), number, refused: Arc::clone(&refused) });
        let outcome = match catch_unwind(AssertUnwindSafe(|| make(provided))) {
            Ok(making) => AssertUnwindSafe(making).catch_unwind().await,
            Err(panic) => Err(panic),
        };
        let why = match outcome {
            Ok(Ok(store)) => {
                store(&mut self.lock().services);
                None
            }
            Ok(Err(why)) => Some(why),
            Err(_) => Some("it panicked".to_owned()),
        };
        // The failure of a factory with a missing service is noted already.
        let is_noted = *lock(&refused);
        let FactorySlot { makes: FactoryOutput { name, place, .. }, done } = &self.slots[number];
        if let Some(why) = why.filter(|_| !is_noted) {
            self.note(number, Problem::factory((place.file(), place.line()), name, &why));
        }
        done.cancel();
    }

    async fn get<T: Clone + Send + Sync + 'static>(&self, asks: usize) -> Result<T, ServiceMissing> {
        let unprovided = ServiceMissing(type_name::<T>());
        let Some(made_by) = self.slots.iter().position(|slot| slot.makes.kind == TypeId::of::<T>()) else {
            return self.find().ok_or_else(|| {
                self.note_about(asks, |place, name| Problem::factory_misses(place, name, unprovided.0));
                unprovided
            });
        };
        let waits_for_itself = {
            let mut state = self.lock();
            state.needs.push((asks, made_by));
            state.leads(made_by, asks)
        };
        if waits_for_itself {
            self.note_about(asks, |place, name| Problem::factories_in_a_circle(place, name, unprovided.0));
            return Err(unprovided);
        }
        self.slots[made_by].done.cancelled().await;
        self.find().ok_or(unprovided)
    }

    fn find<T: Clone + Send + Sync + 'static>(&self) -> Option<T> {
        let found = self.lock().services.find_shared::<T>();
        found.map(|service| T::clone(&service))
    }

    fn note_about(&self, number: usize, problem: impl FnOnce((&'static str, u32), &str) -> Problem) {
        let FactoryOutput { name, place, .. } = self.slots[number].makes;
        self.note(number, problem((place.file(), place.line()), name));
    }

    fn note(&self, number: usize, problem: Problem) {
        self.lock().problems.push((number, problem));
    }

    fn lock(&self) -> MutexGuard<'_, FactoryState> {
        lock(&self.state)
    }
}

impl FactoryState {
    /// Returns `true` if `from` depends on `to`, directly or indirectly.
    fn leads(&self, from: usize, to: usize) -> bool {
        let (mut reached, mut open) = (HashSet::from([from]), vec![from]);
        while let Some(at) = open.pop() {
            if at == to {
                return true;
            }
            let next = self.needs.iter().filter(|(asks, _)| *asks == at).map(|(_, asked)| *asked);
            open.extend(next.filter(|asked| reached.insert(*asked)));
        }
        false
    }
}

/// The server's services, as given to a factory by [`Server::provide_with`](crate::Server::provide_with) or
/// [`Server::provide_per_socket`](crate::Server::provide_per_socket).
#[derive(Clone)]
pub struct Services(Source);

#[derive(Clone)]
enum Source {
    /// During the start: services of other factories are awaited.
    Making {
        bench: Arc<FactoryRun>,
        number: usize,
        /// Set once a requested service was missing.
        refused: Arc<Mutex<bool>>,
    },
    Started(Arc<ServiceMap>),
}

/// A requested service is missing: it was not provided, or its factory failed.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("there is no `{0}`")]
pub struct ServiceMissing(&'static str);

impl Services {
    pub(crate) fn started(services: &Arc<ServiceMap>) -> Self {
        Self(Source::Started(Arc::clone(services)))
    }

    /// Returns the service of this type, and waits for its factory if needed.
    ///
    /// # Errors
    ///
    /// [`ServiceMissing`] when the service was not provided, its factory failed, or both factories wait for each other. During
    /// the start, this fails the start.
    pub async fn get<T: Clone + Send + Sync + 'static>(&self) -> Result<T, ServiceMissing> {
        match &self.0 {
            Source::Started(services) => services.find().ok_or(ServiceMissing(type_name::<T>())),
            Source::Making { bench, number, refused } => {
                let found = bench.get(*number).await;
                *lock(refused) |= found.is_err();
                found
            }
        }
    }
}

impl fmt::Debug for Services {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Services")
    }
}

impl IntoException for ServiceMissing {
    fn into_exception(self) -> Exception {
        let Self(service) = self;
        Exception::internal(|id| tracing::error!(service, id, "a factory requires a service that was not provided"))
    }
}

impl From<ServiceMissing> for ConnectRejection {
    fn from(unprovided: ServiceMissing) -> Self {
        unprovided.into_exception().into()
    }
}
