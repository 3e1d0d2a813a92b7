//! Guards, interceptors and filters, made from what was provided, at the gateway or method they stand at.

use std::any::TypeId;
use std::fmt;
use std::sync::Arc;

use crate::gateway::{Fields, Problem};
use crate::handler::{
    Declared, ErasedFilter, ErasedGuard, ErasedInterceptor, Filter, Filters, Guards, Interceptor, IntoGuard, Layer,
    Pipeline, ServiceMap, Written,
};

/// A type that is made from what was provided to the server: a guard, an interceptor, a filter. Derive it:
/// `#[derive(Injectable)]`. Its fields are filled as those of a gateway are.
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
    /// Where it was declared.
    const DECLARED: Declared;

    /// Makes it; `None` where `fields` noted what is missing.
    fn inject(fields: &mut Fields<'_>) -> Option<Self>;
}

/// Layers around a gateway or a method, while they are put together.
pub struct Layers<'a> {
    services: &'a ServiceMap,
    problems: &'a mut Vec<Problem>,
    made: BuiltLayers,
}

/// Layers at one place, in the order in which they are written.
#[derive(Debug, Default)]
pub(crate) struct BuiltLayers {
    pub(crate) guards: Vec<Arc<Layer<ErasedGuard>>>,
    pub(crate) interceptors: Vec<Arc<Layer<ErasedInterceptor>>>,
    pub(crate) filters: Vec<Arc<Layer<ErasedFilter>>>,
    /// Types that guards would grant but for a guard that is missing: it could not be made, or not yet.
    pub(crate) absent_grants: Vec<TypeId>,
    /// An interceptor is missing for such a reason.
    pub(crate) lacks_interceptor: bool,
    /// Events inside are measured.
    pub(crate) is_measured: bool,
}

/// Puts together what stands at one place.
pub(crate) type AddLayers = fn(&mut Layers<'_>);

impl<'a> Layers<'a> {
    pub(crate) fn make(services: &'a ServiceMap, problems: &'a mut Vec<Problem>, add: AddLayers) -> BuiltLayers {
        let mut layers = Self { services, problems, made: BuiltLayers::default() };
        add(&mut layers);
        layers.made
    }

    /// A guard before it; `None` where it could not be made, which is noted.
    pub fn guard<Kind, G: IntoGuard<Kind>>(&mut self, written: Written, guard: impl Into<Option<Arc<G>>>) {
        self.made.guard(written, guard.into());
    }

    /// An interceptor around it.
    pub fn intercept<I: Interceptor>(&mut self, written: Written, interceptor: impl Into<Option<Arc<I>>>) {
        self.made.intercept(written, interceptor.into());
    }

    /// A filter for its failures.
    pub fn filter<F: Filter>(&mut self, written: Written, filter: impl Into<Option<Arc<F>>>) {
        self.made.filter(written, filter.into());
    }

    /// The value of this type that was provided.
    #[must_use]
    pub fn provided<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        self.services.find_shared()
    }

    /// A new value, its fields filled from what was provided.
    pub fn inject<T: Injectable>(&mut self) -> Option<Arc<T>> {
        T::inject(&mut Fields::new(self.services, T::DECLARED, self.problems)).map(Arc::new)
    }

    /// Notes that nobody provided it, unless it is yet to be made.
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
    /// Layers that only make sense around handlers of events.
    pub(crate) fn event_layers(&self) -> impl Iterator<Item = Written> {
        let interceptors = self.interceptors.iter().map(|interceptor| interceptor.written);
        interceptors.chain(self.filters.iter().map(|filter| filter.written))
    }

    pub(crate) fn guard<Kind, G: IntoGuard<Kind>>(&mut self, written: Written, guard: Option<Arc<G>>) {
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

/// Layers of a handler at all places together, the outermost first.
pub(crate) fn pipeline(places: &[&BuiltLayers]) -> Option<Arc<Pipeline>> {
    let guards = places.iter().flat_map(|made| &made.guards).cloned().collect();
    let interceptors = places.iter().flat_map(|made| &made.interceptors).cloned().collect();
    // The nearest is asked first.
    let filters = places.iter().flat_map(|made| &made.filters).rev().cloned().collect();
    let pipeline = Pipeline { guards: Guards::new(guards), interceptors, filters: Filters::new(filters) };
    (!pipeline.is_empty()).then(|| Arc::new(pipeline))
}
