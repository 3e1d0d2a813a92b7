//! Verdicts against values: what is called compatible takes each value of the sender.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{contract, receives, sends};

/// Returns `true` if a schema allows a value. Written apart from the comparison, for the members that the generator below writes.
fn allows(schema: &Value, value: &Value) -> bool {
    let Value::Object(members) = schema else { return schema != &json!(false) };
    members.iter().all(|(name, rule)| match name.as_str() {
        "type" => match rule {
            Value::Array(types) => types.iter().any(|one| is_of(value, one)),
            one => is_of(value, one),
        },
        "const" => value == rule,
        "enum" => rule.as_array().is_some_and(|values| values.contains(value)),
        "anyOf" => rule.as_array().is_some_and(|parts| parts.iter().any(|part| allows(part, value))),
        "allOf" => rule.as_array().is_some_and(|parts| parts.iter().all(|part| allows(part, value))),
        "minimum" => value.as_f64().is_none_or(|number| number >= rule.as_f64().unwrap_or(f64::MIN)),
        "maximum" => value.as_f64().is_none_or(|number| number <= rule.as_f64().unwrap_or(f64::MAX)),
        "maxLength" => {
            value.as_str().is_none_or(|text| text.chars().count() as u64 <= rule.as_u64().unwrap_or(u64::MAX))
        }
        "required" => value.as_object().is_none_or(|object| {
            rule.as_array()
                .into_iter()
                .flatten()
                .all(|name| name.as_str().is_some_and(|name| object.contains_key(name)))
        }),
        "properties" => value.as_object().is_none_or(|object| {
            object.iter().all(|(name, value)| rule.get(name).is_none_or(|schema| allows(schema, value)))
        }),
        "additionalProperties" if rule == &json!(false) => value.as_object().is_none_or(|object| {
            object.keys().all(|name| members.get("properties").is_some_and(|properties| properties.get(name).is_some()))
        }),
        "items" => value.as_array().is_none_or(|items| items.iter().all(|item| allows(rule, item))),
        _ => true,
    })
}

fn is_of(value: &Value, name: &Value) -> bool {
    match name.as_str() {
        Some("null") => value.is_null(),
        Some("boolean") => value.is_boolean(),
        Some("integer") => value.is_i64(),
        Some("number") => value.is_number(),
        Some("string") => value.is_string(),
        Some("array") => value.is_array(),
        _ => value.is_object(),
    }
}

fn schema() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!({})),
        Just(json!({ "type": "string" })),
        Just(json!({ "type": ["string", "null"] })),
        Just(json!({ "type": "boolean" })),
        (0_i64..3, 0_i64..3)
            .prop_map(|(least, more)| json!({ "type": "integer", "minimum": least, "maximum": least + more })),
        Just(json!({ "type": "number" })),
        Just(json!({ "type": "integer" })),
        (0_u64..3).prop_map(|most| json!({ "type": "string", "maxLength": most })),
        prop::sample::subsequence(vec!["a", "b", "c"], 1..=3).prop_map(|values| json!({ "enum": values })),
    ];
    leaf.prop_recursive(3, 16, 3, |inner| {
        prop_oneof![
            object(inner.clone()),
            inner.clone().prop_map(|items| json!({ "type": "array", "items": items })),
            prop::collection::vec(inner.clone(), 1..3).prop_map(|parts| json!({ "anyOf": parts })),
            (object(inner.clone()), object(inner)).prop_map(|(one, other)| {
                let tagged = |kind: &str, object: Value| {
                    json!({ "allOf": [object, { "type": "object", "properties": { "kind": { "const": kind } }, "required": ["kind"] }] })
                };
                json!({ "anyOf": [tagged("one", one), tagged("other", other)] })
            }),
        ]
    })
}

/// An open object with some of three fields.
fn object(inner: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
    prop::collection::btree_map(prop::sample::select(vec!["x", "y", "z"]), (inner, any::<bool>()), 0..3).prop_map(
        |fields| {
            let properties: serde_json::Map<_, _> =
                fields.iter().map(|(name, (schema, _))| ((*name).to_owned(), schema.clone())).collect();
            let required: Vec<_> =
                fields.iter().filter(|(_, (_, is_required))| *is_required).map(|(name, _)| *name).collect();
            json!({ "type": "object", "properties": properties, "required": required })
        },
    )
}

/// A value that a sender of this schema writes, of fields only those that are named; `None` where the choices lead to none.
fn sample(schema: &Value, choices: &mut impl Iterator<Item = u8>) -> Option<Value> {
    let value = unchecked(schema, choices)?;
    allows(schema, &value).then_some(value)
}

fn unchecked(schema: &Value, choices: &mut impl Iterator<Item = u8>) -> Option<Value> {
    let mut pick = |count: usize| usize::from(choices.next().unwrap_or(0)) % count.max(1);
    if let Some(parts) = schema.get("allOf").and_then(Value::as_array) {
        let mut merged = serde_json::Map::new();
        for part in parts {
            merged.extend(sample(part, choices)?.as_object().cloned()?);
        }
        return Some(Value::Object(merged));
    }
    for name in ["anyOf", "enum"] {
        let Some(parts) = schema.get(name).and_then(Value::as_array) else { continue };
        let part = &parts[pick(parts.len())];
        return if name == "enum" { Some(part.clone()) } else { sample(part, choices) };
    }
    if let Some(constant) = schema.get("const") {
        return Some(constant.clone());
    }
    let types = match schema.get("type") {
        Some(Value::Array(types)) => types.clone(),
        Some(one) => vec![one.clone()],
        None => vec![json!("null"), json!("number"), json!("string")],
    };
    let numbers = [json!(0), json!(1), json!(2), json!(3), json!(4), json!(1.5), json!(-1)];
    match types[pick(types.len())].as_str() {
        Some("null") => Some(json!(null)),
        Some("boolean") => Some(json!(pick(2) == 1)),
        Some("integer" | "number") => Some(numbers[pick(numbers.len())].clone()),
        Some("string") => Some(json!(["", "a", "b", "c", "abc"][pick(5)])),
        Some("array") => (0..pick(3)).map(|_| sample(&schema["items"], choices)).collect(),
        _ => {
            let required = schema["required"].as_array().cloned().unwrap_or_default();
            let mut fields = serde_json::Map::new();
            for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
                if required.contains(&json!(name)) || choices.next().is_some_and(|choice| choice % 2 == 0) {
                    fields.insert(name.clone(), sample(schema, choices)?);
                }
            }
            Some(Value::Object(fields))
        }
    }
}

/// Values that a sender writes.
fn samples(schema: &Value, choices: &[u8]) -> Vec<Value> {
    let mut choices = choices.iter().copied();
    (0..20).filter_map(|_| sample(schema, &mut choices)).collect()
}

/// One edit of a schema, so that pairs are near each other.
#[derive(Clone, Debug)]
enum Edit {
    Replace(Value),
    /// Adds to each bound.
    Move(i64),
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![2 => schema().prop_map(Edit::Replace), 1 => (-2_i64..3).prop_map(Edit::Move)]
}

/// The schema after an edit anywhere, and of the bounds everywhere.
fn edited(schema: &Value, edit: &Edit, at: usize) -> Value {
    fn walk(schema: &Value, edit: &Edit, left: &mut usize) -> Value {
        if let Edit::Move(by) = edit {
            let mut moved = schema.clone();
            for name in ["minimum", "maximum", "maxLength"] {
                let Some(bound) = moved.get_mut(name) else { continue };
                *bound = json!((bound.as_i64().unwrap_or(0) + by).max(0));
            }
            if moved != *schema {
                return moved;
            }
        }
        if let (0, Edit::Replace(edit)) = (*left, edit) {
            *left = usize::MAX;
            return edit.clone();
        }
        *left = left.saturating_sub(1);
        let mut schema = schema.clone();
        for name in ["properties", "items", "anyOf"] {
            match schema.get_mut(name) {
                Some(Value::Object(inner)) if name == "properties" => {
                    inner.values_mut().for_each(|value| *value = walk(value, edit, left));
                }
                Some(Value::Array(inner)) => inner.iter_mut().for_each(|value| *value = walk(value, edit, left)),
                Some(inner) => *inner = walk(&inner.clone(), edit, left),
                None => {}
            }
        }
        schema
    }
    walk(schema, edit, &mut { at })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn a_compatible_request_takes_each_value_of_older_clients(
        (old, edit) in (schema(), edit()), at in 0_usize..6, choices in prop::collection::vec(any::<u8>(), 200),
    ) {
        let new = edited(&old, &edit, at);
        let changes = contract(sends(old.clone())).changes_to(&contract(sends(new.clone())));
        if !changes.iter().any(super::super::Change::is_breaking) {
            for value in samples(&old, &choices) {
                prop_assert!(allows(&new, &value), "{old}\n{new}\n{value}\n{changes:?}");
            }
        }
        if changes.is_empty() {
            for value in samples(&new, &choices) {
                prop_assert!(allows(&old, &value), "{old}\n{new}\n{value}");
            }
        }
    }

    #[test]
    fn a_compatible_event_is_a_value_that_older_clients_know(
        (old, edit) in (schema(), edit()), at in 0_usize..6, choices in prop::collection::vec(any::<u8>(), 200),
    ) {
        let new = edited(&old, &edit, at);
        let changes = contract(receives(old.clone())).changes_to(&contract(receives(new.clone())));
        if !changes.iter().any(super::super::Change::is_breaking) {
            for value in samples(&new, &choices) {
                prop_assert!(allows(&old, &value), "{old}\n{new}\n{value}\n{changes:?}");
            }
        }
    }
}
