//! Filling the fields of a gateway from what was provided.

use std::any::type_name;

use crate::dispatch::{Declared, Services};
use crate::gateway::Problem;

/// What can be provided to a server.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be provided to the server",
    label = "not `Clone + Send + Sync + 'static`",
    note = "provide an `Arc<{Self}>`, and write that type where it is asked for: as the field, or in `State<…>`",
    note = "or let the gateway make a field: `#[inject(default)]` or `#[inject(with = path)]` above it"
)]
pub trait Service: Clone + Send + Sync + 'static {}

#[diagnostic::do_not_recommend]
impl<T: Clone + Send + Sync + 'static> Service for T {}

/// Where a gateway's fields come from while it is built. Notes every gap instead of stopping at the first.
#[derive(Debug)]
pub struct Fields<'a> {
    services: &'a Services,
    declared: Declared,
    problems: &'a mut Vec<Problem>,
}

impl<'a> Fields<'a> {
    pub(crate) fn new(services: &'a Services, declared: Declared, problems: &'a mut Vec<Problem>) -> Self {
        Self { services, declared, problems }
    }

    /// The value that was provided under this type. `name` and `written` are the field's name and type as in the source,
    /// for the report when there is none.
    pub fn provided<T: Service>(&mut self, name: &'static str, written: &'static str, line: u32) -> Option<T> {
        let found = self.services.find();
        if found.is_none() && !self.services.is_promised::<T>() {
            let wrapped = type_name::<T>();
            let near = self.services.names().find(|provided| wrapped.contains(provided) || provided.contains(wrapped));
            self.problems.push(Problem::missing_service(self.declared, name, written, line, near));
        }
        found
    }
}
