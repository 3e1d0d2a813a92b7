//! Filters that no failure of a handler can reach.

use std::sync::Arc;

use crate::handler::{ErasedFilter, ErrorTypes, Layer, Pipeline};
use crate::metrics::unreachable_filter;

/// Every filter that stands around a handler, each once.
#[derive(Debug, Default)]
pub(crate) struct FilterReach(Vec<Reached>);

#[derive(Debug)]
struct Reached {
    filter: Arc<Layer<ErasedFilter>>,
    /// A handler under it could fail with its error.
    is_reachable: bool,
}

impl FilterReach {
    /// Takes up a handler by what stands around it. `list` names what the handler itself may fail with; `None` is anything.
    pub(crate) fn note(&mut self, pipeline: &Pipeline, list: Option<fn(&mut ErrorTypes)>) {
        let mut types = ErrorTypes::default();
        match list {
            Some(list) if pipeline.guards.is_empty() && pipeline.interceptors.is_empty() => list(&mut types),
            // Guards and interceptors may fail with any error.
            Some(_) | None => types.add_unknown(),
        }
        for filter in pipeline.filters.shared() {
            let is_reachable = filter.layer.may_catch(&types);
            match self.0.iter_mut().find(|known| Arc::ptr_eq(&known.filter, filter)) {
                Some(known) => known.is_reachable |= is_reachable,
                None => self.0.push(Reached { filter: Arc::clone(filter), is_reachable }),
            }
        }
    }

    /// Warns of each filter that is never asked.
    pub(crate) fn warn(&self) {
        for Reached { filter, .. } in self.0.iter().filter(|reached| !reached.is_reachable) {
            unreachable_filter(&filter.written, filter.layer.error_name());
        }
    }
}
