//! Equality of schemas that refer to each other.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::asyncapi::schemas::normal::each_reference;

/// The names under which both lists have the same schema, with all that it refers to. `name` reads a reference.
///
/// Schemas may refer to each other in circles: all names count as equal until a difference is found, in them or in what they refer to.
pub(super) fn equal_names(
    one: &Map<String, Value>,
    other: &Map<String, Value>,
    name: impl Fn(&str) -> Option<String>,
) -> BTreeSet<String> {
    let plain = |schema: &Value| {
        let mut schema = schema.clone();
        let mut targets = Vec::new();
        each_reference(&mut schema, &mut |target| {
            if let Some(name) = name(target) {
                targets.push(name.clone());
                *target = name;
            }
        });
        (schema, targets)
    };
    let same = one.iter().filter_map(|(name, schema)| {
        let ((schema, targets), (rival, _)) = (plain(schema), plain(other.get(name)?));
        (schema == rival).then(|| (name.clone(), targets))
    });
    let mut equal: Vec<(String, Vec<String>)> = same.collect();
    loop {
        let names: BTreeSet<String> = equal.iter().map(|(name, _)| name.clone()).collect();
        let before = equal.len();
        equal.retain(|(_, targets)| targets.iter().all(|target| names.contains(target)));
        if equal.len() == before {
            return names;
        }
    }
}
