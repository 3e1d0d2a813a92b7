//! Guards, interceptors and filters of a gateway or method, created from services.

use std::any::TypeId;
use std::fmt;
use std::sync::Arc;

use crate::gateway::{Fields, Problem};
use crate::handler::{
    Declared, ErasedFilter, ErasedGuard, ErasedInterceptor, Filter, Filters, Guards, Interceptor, IntoGuard, Layer,
    Pipeline, ServiceMap, Written,
};

/// A guard, interceptor or filter that is created from the server's services. Derive it with `#[derive(Injectable)]`; the
/// fields are filled like those of a gateway.
///
/// ```
/// use std::sync::Arc;
///
/// use gateway_core::prelude::*;
///
/// struct Tokens(Vec<String>);
///
/// #[derive(Injectable)]
/// struct SignedIn {
///     tokens: Arc<Tokens>,
/// }
///
/// impl Guard for SignedIn {
///     type Grants = ();
///
///     fn check(&self, access: &GuardContext<'_>) -> Result<Grant, Exception> {
///         let token: String = access.handshake().auth()?;
///         Grant::when(self.tokens.0.contains(&token))
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not made from what was provided to the server",
    label = "this has no fields that are filled by type",
    note = "put `#[derive(Injectable)]` on `struct {Self}`"
)]
pub trait Injectable: Sized {
    /// Location of the declaration.
    const DECLARED: Declared;

    /// Creates a value. Returns `None` if `fields` has noted a missing service.
    fn inject(fields: &mut Fields<'_>) -> Option<Self>;
}

/// A builder of the layers around a gateway or a method.
pub struct Layers<'a> {
    services: &'a ServiceMap,
    problems: &'a mut Vec<Problem>,
    made: BuiltLayers,
}

/// The layers of one place, in source order.
#[derive(Debug, Default)]
pub(crate) struct BuiltLayers {
    pub(crate) guards: Vec<Arc<Layer<ErasedGuard>>>,
    pub(crate) interceptors: Vec<Arc<Layer<ErasedInterceptor>>>,
    pub(crate) filters: Vec<Arc<Layer<ErasedFilter>>>,
    /// All guards as they are written, also those that could not be created.
    #[cfg(feature = "contract")]
    pub(crate) written_guards: Vec<Written>,
    /// Grant types of guards that could not be created, or not yet.
    pub(crate) absent_grants: Vec<TypeId>,
    /// Set if an interceptor could not be created, or not yet.
    pub(crate) lacks_interceptor: bool,
    /// Set if events are measured.
    pub(crate) is_measured: bool,
}

/// A function that adds the layers of one place.
pub(crate) type AddLayers = fn(&mut Layers<'_>);

impl<'a> Layers<'a> {
    pub(crate) fn make(services: &'a ServiceMap, problems: &'a mut Vec<Problem>, add: AddLayers) -> BuiltLayers {
        let mut layers = Self { services, problems, made: BuiltLayers::default() };
        add(&mut layers);
        layers.made
    }

    /// Adds a guard; `None` stands for one that could not be created, which is noted as a problem.
    pub fn guard<Kind, G: IntoGuard<Kind>>(&mut self, written: Written, guard: impl Into<Option<Arc<G>>>) {
        self.made.guard(written, guard.into());
    }

    /// Adds an interceptor.
    pub fn intercept<I: Interceptor>(&mut self, written: Written, interceptor: impl Into<Option<Arc<I>>>) {
        self.made.intercept(written, interceptor.into());
    }

    /// Adds a filter for failures.
    pub fn filter<F: Filter>(&mut self, written: Written, filter: impl Into<Option<Arc<F>>>) {
        self.made.filter(written, filter.into());
    }

    /// Returns the provided service of this type.
    #[must_use]
    pub fn provided<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        self.services.find_shared()
    }

    /// Creates a value with its fields filled from services.
    pub fn inject<T: Injectable>(&mut self) -> Option<Arc<T>> {
        T::inject(&mut Fields::new(self.services, T::DECLARED, self.problems)).map(Arc::new)
    }

    /// Notes a service as missing, unless a factory has yet to create it.
    pub fn missing<T: 'static>(&mut self, written: Written) {
        if !self.services.is_promised::<T>() {
            self.problems.push(Problem::missing_layer(written));
        }
    }
}

impl fmt::Debug for Layers<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.made.fmt(formatter)
    }
}

impl BuiltLayers {
    /// Layers that are useful around event handlers only.
    pub(crate) fn event_layers(&self) -> impl Iterator<Item = Written> {
        let interceptors = self.interceptors.iter().map(|interceptor| interceptor.written);
        interceptors.chain(self.filters.iter().map(|filter| filter.written))
    }

    pub(crate) fn guard<Kind, G: IntoGuard<Kind>>(&mut self, written: Written, guard: Option<Arc<G>>) {
        #[cfg(feature = "contract")]
        self.written_guards.push(written);
        match guard {
            Some(guard) => self.guards.push(Arc::new(Layer { layer: G::erase(guard), written })),
            None => self.absent_grants.push(G::grants()),
        }
    }

    pub(crate) fn intercept<I: Interceptor>(&mut self, written: Written, interceptor: Option<Arc<I>>) {
        match interceptor {
            Some(layer) => self.interceptors.push(Arc::new(Layer { layer: ErasedInterceptor::new(layer), written })),
            None => self.lacks_interceptor = true,
        }
    }

    pub(crate) fn filter<F: Filter>(&mut self, written: Written, filter: Option<Arc<F>>) {
        self.filters.extend(filter.map(|filter| Arc::new(Layer { layer: ErasedFilter::new(filter), written })));
    }
}

/// Combines the layers of a handler from all places, the outermost first.
pub(crate) fn pipeline(places: &[&BuiltLayers]) -> Option<Arc<Pipeline>> {
    let guards = places.iter().flat_map(|made| &made.guards).cloned().collect();
    let interceptors = places.iter().flat_map(|made| &made.interceptors).cloned().collect();
    // The nearest filter runs first.
    let filters = places.iter().flat_map(|made| &made.filters).rev().cloned().collect();
    let pipeline = Pipeline { guards: Guards::new(guards), interceptors, filters: Filters::new(filters) };
    (!pipeline.is_empty()).then(|| Arc::new(pipeline))
}
