//! The schema of a list of arguments, from that of the type that is read from the list.

use serde_json::{Map, Value, json};

/// The schema of a list as its sender sees it; `None` for an object: serde reads a struct from a list by the order of its fields, which a
/// schema does not have.
pub(super) fn list_of_arguments(whole: Value, is_incoming: bool) -> Option<Value> {
    let is_object = whole.get("type").and_then(Value::as_str) == Some("object");
    match (is_object, is_incoming) {
        (true, _) => None,
        (false, true) => Some(shortened(whole)),
        (false, false) => Some(whole),
    }
}

/// The schema of a list whose last items may be left out: what is missing is read as `null`.
fn shortened(mut list: Value) -> Value {
    let Some(items) = list.get("items").and_then(Value::as_array) else { return list };
    let needed = items.iter().rposition(|item| !takes_null(item)).map_or(0, |last| last + 1);
    list["minItems"] = json!(needed);
    list
}

fn takes_null(schema: &Value) -> bool {
    let is_null = |ty: &Value| ty.as_str() == Some("null");
    let by_type = schema
        .get("type")
        .is_some_and(|ty| is_null(ty) || ty.as_array().is_some_and(|types| types.iter().any(is_null)));
    let variants = ["anyOf", "oneOf"].iter().filter_map(|choice| schema.get(*choice)?.as_array()).flatten();
    by_type
        || variants.filter_map(|variant| variant.get("type")).any(is_null)
        || schema.as_object().is_some_and(Map::is_empty)
}
