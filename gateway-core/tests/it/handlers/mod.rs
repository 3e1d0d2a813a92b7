//! Handlers and all that stands around them: extractors, guards, interceptors, filters, validation, policies.

mod arguments;
mod event_names;
mod extract;
mod filters;
mod guards;
mod interceptors;
mod one_end;
mod order;
mod policies;
mod renewal;
mod replies;
mod services;
mod transparent_errors;
mod unreachable_filters;
mod validation;
