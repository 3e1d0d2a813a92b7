//! Spellings that mean the same, recursion, and unions.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{contract, kinds, receives, sends};
use crate::asyncapi::compare::ChangeKind;
use crate::asyncapi::model::Contract;

fn with(schemas: &[(&str, Value)], payload: Value) -> Contract {
    let schemas = schemas.iter().map(|(name, schema)| ((*name).to_owned(), schema.clone())).collect::<BTreeMap<_, _>>();
    Contract { schemas, ..contract(sends(payload)) }
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

#[test]
fn other_spellings_are_no_change() {
    let text = json!({ "type": "string" });
    let equal = [
        (json!({ "type": ["string", "null"] }), json!({ "anyOf": [{ "type": "null" }, text] })),
        (
            json!({ "enum": ["a", "b"] }),
            json!({ "oneOf": [{ "const": "b", "description": "The second." }, { "const": "a" }] }),
        ),
        (json!({ "type": "string", "enum": ["a"] }), json!({ "const": "a", "title": "A" })),
        (json!({}), json!(true)),
        (json!({ "type": "integer", "minimum": 1 }), json!({ "type": "integer", "exclusiveMinimum": 0 })),
        (json!({ "allOf": [text], "description": "A text." }), text.clone()),
        (
            json!({ "type": "object", "properties": { "a": text, "b": text }, "required": ["b", "a"] }),
            json!({ "allOf": [
                { "type": "object", "properties": { "a": text }, "required": ["a"] },
                { "type": "object", "properties": { "b": text }, "required": ["b"] },
            ] }),
        ),
        (
            json!({ "type": "object", "properties": { "a": text }, "oneOf": [
                { "properties": { "k": { "const": "x" } }, "required": ["k"] },
                { "properties": { "k": { "const": "y" } }, "required": ["k"] },
            ] }),
            json!({ "oneOf": [
                { "type": "object", "properties": { "a": text, "k": { "const": "y" } }, "required": ["k"] },
                { "type": "object", "properties": { "a": text, "k": { "const": "x" } }, "required": ["k"] },
            ] }),
        ),
    ];
    for (one, other) in equal {
        let changes = contract(sends(one.clone())).changes_to(&contract(sends(other.clone())));
        assert_eq!(changes, [], "{one}\n{other}");
    }
}

#[test]
fn names_of_schemas_change_nothing() {
    let user = json!({ "type": "object", "properties": { "name": { "type": "string" } } });
    let old = with(&[("User", user.clone())], reference("User"));
    assert_eq!(old.changes_to(&with(&[("Person", user.clone())], reference("Person"))), []);
    assert_eq!(old.changes_to(&with(&[], user)), []);
}

#[test]
fn a_recursive_schema_ends_and_its_change_is_told_once() {
    let node = |value: &str| {
        json!({ "type": "object", "required": ["value"], "properties": {
            "value": { "type": value },
            "next": { "anyOf": [reference("Node"), { "type": "null" }] },
            "children": { "type": "array", "items": reference("Node") },
        } })
    };
    let of = |value: &str| with(&[("Node", node(value))], reference("Node"));
    assert_eq!(of("string").changes_to(&of("string")), []);
    let changes = of("string").changes_to(&of("integer"));
    assert!(
        changes.iter().all(|change| change.kind == ChangeKind::TypeChanged && change.path.ends_with("value")),
        "{changes:?}"
    );
    assert!((1..=2).contains(&changes.len()), "{changes:?}");
}

#[test]
fn references_in_a_circle_and_to_nowhere_say_nothing() {
    let circle = with(&[("A", reference("B")), ("B", reference("A"))], reference("A"));
    assert_eq!(circle.changes_to(&circle), []);
    assert_eq!(circle.changes_to(&with(&[], reference("Gone"))), []);
}

#[test]
fn a_field_of_one_variant_is_told_with_the_variants_name() {
    let variant = |name: &str, field: &str| json!({ "type": "object", "required": ["kind", field], "properties": { "kind": { "const": name }, field: { "type": "string" } } });
    let old = contract(receives(json!({ "oneOf": [variant("a", "x"), variant("b", "y")] })));
    let new = contract(receives(json!({ "oneOf": [variant("b", "z"), variant("a", "x")] })));
    let changes = old.changes_to(&new);
    let [change] = changes.as_slice() else { panic!("{changes:?}") };
    assert_eq!((change.kind, change.path.as_str()), (ChangeKind::FieldRenamed, "<b>.y"));
}

#[test]
fn an_externally_tagged_variant_is_known_by_its_field() {
    let variant = |name: &str, of: &str| json!({ "type": "object", "required": [name], "properties": { name: { "type": of } }, "additionalProperties": false });
    let union = |variants: &[Value]| json!({ "oneOf": variants });
    let old = contract(sends(union(&[variant("move", "string"), variant("stop", "null"), json!({ "const": "go" })])));
    let new = contract(sends(union(&[json!({ "const": "go" }), variant("stop", "null"), variant("turn", "string")])));
    assert_eq!(kinds(&old.changes_to(&new)), [ChangeKind::VariantAdded, ChangeKind::VariantRemoved]);
    let new = contract(sends(union(&[variant("stop", "null"), variant("move", "integer"), json!({ "const": "go" })])));
    let changes = old.changes_to(&new);
    let [change] = changes.as_slice() else { panic!("{changes:?}") };
    assert_eq!((change.kind, change.path.as_str()), (ChangeKind::TypeChanged, "<move>.move"));
}

#[test]
fn a_union_of_too_many_alternatives_is_compared_as_written() {
    let wide = |fields: usize| {
        let part = |field| {
            let one = |value| json!({ "type": "object", "properties": { format!("f{field}"): { "const": value } } });
            json!({ "oneOf": [one(1), one(2), one(3)] })
        };
        json!({ "allOf": (0..fields).map(part).collect::<Vec<_>>() })
    };
    assert_eq!(contract(sends(wide(12))).changes_to(&contract(sends(wide(12)))), []);
    let changes = contract(sends(wide(12))).changes_to(&contract(sends(wide(13))));
    assert_eq!(kinds(&changes), [ChangeKind::TypeChanged]);
}
