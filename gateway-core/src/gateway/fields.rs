//! Construction of a gateway's fields from services.

use crate::gateway::Problem;
use crate::handler::{Declared, Service, ServiceMap};

/// The source of a gateway's fields during its construction. Notes every missing service instead of stopping at the first.
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

    /// Returns the service of this type. `name` and `written` are the field's name and type in the source, for the report if
    /// it is missing.
    pub fn provided<T: Service>(&mut self, name: &'static str, written: &'static str, line: u32) -> Option<T> {
        let found = self.services.find();
        if found.is_none() && !self.services.is_promised::<T>() {
            let near = self.services.near::<T>();
            self.problems.push(Problem::missing_service(self.declared, name, written, line, near));
        }
        found
    }
}
