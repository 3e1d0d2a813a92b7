//! Filters that no failure of a handler can reach.

use std::sync::Arc;

use crate::handler::{ErasedFilter, ErrorTypes, Layer, Pipeline};
use crate::metrics::unreachable_filter;

/// Every filter of any handler, each once.
#[derive(Debug, Default)]
pub(crate) struct FilterReach(Vec<Reached>);

#[derive(Debug)]
struct Reached {
    filter: Arc<Layer<ErasedFilter>>,
    /// Set if a handler under the filter may fail with its error.
    is_reachable: bool,
}

impl FilterReach {
    /// Adds a handler by its layers. `list` names the handler's own error types; `None` means any.
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

    /// Warns of each filter that can never run.
    pub(crate) fn warn(&self) {
        for Reached { filter, .. } in self.0.iter().filter(|reached| !reached.is_reachable) {
            unreachable_filter(&filter.written, filter.layer.error_name());
        }
    }
}
