//! Filling the fields of a gateway from what was provided.

use crate::gateway::Problem;
use crate::handler::{Declared, Service, ServiceMap};

/// Where a gateway's fields come from while it is built. Notes every gap instead of stopping at the first.
#[derive(Debug)]
pub struct Fields<'a> {
    services: &'a ServiceMap,
    declared: Declared,
    problems: &'a mut Vec<Problem>,
}

impl<'a> Fields<'a> {
    pub(crate) fn new(services: &'a ServiceMap, declared: Declared, problems: &'a mut Vec<Problem>) -> Self {
        Self { services, declared, problems }
    }

    /// The value that was provided under this type. `name` and `written` are the field's name and type as in the source,
    /// for the report when there is none.
    pub fn provided<T: Service>(&mut self, name: &'static str, written: &'static str, line: u32) -> Option<T> {
        let found = self.services.find();
        if found.is_none() && !self.services.is_promised::<T>() {
            let near = self.services.near::<T>();
            self.problems.push(Problem::missing_service(self.declared, name, written, line, near));
        }
        found
    }
}
