//! Services that are made when the server starts. Factories run at the same time and wait for each other where one needs
//! what another makes.

use std::any::{TypeId, type_name};
use std::collections::HashSet;
use std::fmt;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt;
use futures_util::future::join_all;
use tokio_util::sync::CancellationToken;

use crate::error::{ConnectRejection, Exception};
use crate::gateway::Problem;
use crate::handler::{IntoException, ServiceMap};

/// Puts what was made among the services.
type Store = Box<dyn FnOnce(&mut ServiceMap) + Send>;
type FactoryFuture = Pin<Box<dyn Future<Output = Result<Store, String>> + Send>>;
type RunFactory = Box<dyn FnOnce(Services) -> FactoryFuture + Send>;

/// Factories that have not run, in the order in which they were given.
#[derive(Default)]
pub(crate) struct Factories(Vec<Factory>);

struct Factory {
    makes: FactoryOutput,
    run: RunFactory,
}

/// Type that a factory makes, and the place where it was given to the server.
#[derive(Clone, Copy, Debug)]
struct FactoryOutput {
    kind: TypeId,
    name: &'static str,
    place: &'static Location<'static>,
}

impl Factories {
    /// The later of two factories of one type counts.
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

    /// A value of this type was given in its place.
    pub(crate) fn forget<T: 'static>(&mut self) {
        self.0.retain(|factory| factory.makes.kind != TypeId::of::<T>());
    }

    /// Makes everything. What could not be made stays promised in `services`, so that nothing else reports it as missing.
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

/// Where all factories of a server work.
struct FactoryRun {
    slots: Vec<FactorySlot>,
    state: Mutex<FactoryState>,
}

struct FactorySlot {
    makes: FactoryOutput,
    /// Fires when its factory has ended, well or not.
    done: CancellationToken,
}

struct FactoryState {
    services: ServiceMap,
    /// Which factory has asked for which other.
    needs: Vec<(usize, usize)>,
    /// With the number of the factory they are about.
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
        // One that did not get what it asked for has failed for a reason that is noted already.
        let is_noted = *refused.lock().unwrap_or_else(PoisonError::into_inner);
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
        // No user code runs under this lock, so a poisoned lock still guards whole data.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FactoryState {
    /// Returns `true` if the one needs the other, by however many steps.
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

/// Services of the server, for a factory that needs them to make another: a service by
/// [`Server::provide_with`](crate::Server::provide_with), or a value of a socket by
/// [`Server::provide_per_socket`](crate::Server::provide_per_socket).
#[derive(Clone)]
pub struct Services(Source);

#[derive(Clone)]
enum Source {
    /// While the server starts: what another factory makes is waited for.
    Making {
        bench: Arc<FactoryRun>,
        number: usize,
        /// A service was asked for in vain.
        refused: Arc<Mutex<bool>>,
    },
    Started(Arc<ServiceMap>),
}

/// A service that was asked for is not there: nobody provided it, or it could not be made.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("there is no `{0}`")]
pub struct ServiceMissing(&'static str);

impl Services {
    pub(crate) fn started(services: &Arc<ServiceMap>) -> Self {
        Self(Source::Started(Arc::clone(services)))
    }

    /// The service of this type; one that another factory makes is waited for.
    ///
    /// # Errors
    ///
    /// [`ServiceMissing`] when nobody provided it, its factory failed, or that one waits for the caller's own. While the server
    /// starts, that stops the start.
    pub async fn get<T: Clone + Send + Sync + 'static>(&self) -> Result<T, ServiceMissing> {
        match &self.0 {
            Source::Started(services) => services.find().ok_or(ServiceMissing(type_name::<T>())),
            Source::Making { bench, number, refused } => {
                let found = bench.get(*number).await;
                *refused.lock().unwrap_or_else(PoisonError::into_inner) |= found.is_err();
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
        Exception::internal(|id| tracing::error!(service, id, "a factory asks for a service that nobody provided"))
    }
}

impl From<ServiceMissing> for ConnectRejection {
    fn from(unprovided: ServiceMissing) -> Self {
        unprovided.into_exception().into()
    }
}
