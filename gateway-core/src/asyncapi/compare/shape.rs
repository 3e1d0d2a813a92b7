//! A schema as a union of plain alternatives: references followed, `allOf` merged, `anyOf` and `oneOf` spread, enumerations one value each.
//!
//! Two schemas that are spelled differently and allow the same values have equal alternatives, for the spellings that schemars writes.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::asyncapi::model::Contract;

/// Alternatives that are looked at; a union of more is compared as written.
const MAX_ALTERNATIVES: usize = 2_000;

/// Members that change nothing in what is allowed.
const ANNOTATIONS: &[&str] = &[
    "$comment",
    "default",
    "deprecated",
    "description",
    "examples",
    "readOnly",
    "title",
    "writeOnly",
    "discriminator",
];

/// One alternative of a union.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Alternative {
    Anything,
    Null,
    Constant(Value),
    Boolean,
    Number(NumberShape),
    Text(TextShape),
    List(ListShape),
    Object(ObjectShape),
    /// A schema beyond what is taken apart.
    Opaque(Value),
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct NumberShape {
    pub(super) is_integer: bool,
    pub(super) minimum: Option<f64>,
    pub(super) maximum: Option<f64>,
    pub(super) multiple_of: Option<f64>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct TextShape {
    pub(super) min_length: u64,
    pub(super) max_length: Option<u64>,
    pub(super) pattern: Option<String>,
    pub(super) format: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct ListShape {
    pub(super) items: ListItems,
    pub(super) min_items: u64,
    pub(super) max_items: Option<u64>,
    pub(super) is_unique: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum ListItems {
    Each(Value),
    Tuple(Vec<Value>),
}

impl Default for ListItems {
    fn default() -> Self {
        Self::Each(Value::Bool(true))
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct ObjectShape {
    pub(super) properties: BTreeMap<String, Value>,
    pub(super) required: BTreeSet<String>,
    pub(super) others: OtherFields,
}

/// Fields that have no name in a schema.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum OtherFields {
    /// Any; receivers ignore them.
    #[default]
    Open,
    /// None.
    Closed,
    /// The values of a map, with the pattern of its keys.
    Map { keys: Option<String>, values: Value },
}

/// Takes a schema apart.
pub(super) fn alternatives(contract: &Contract, schema: &Value) -> Vec<Alternative> {
    let mut followed = Vec::new();
    let Some(products) = expand(contract, schema, &mut followed) else {
        return vec![Alternative::Opaque(schema.clone())];
    };
    let mut found: Vec<Alternative> = Vec::new();
    for product in &products {
        for alternative in split(product) {
            if !found.contains(&alternative) {
                found.push(alternative);
            }
        }
    }
    if found.contains(&Alternative::Anything) { vec![Alternative::Anything] } else { found }
}

/// Returns the members of the schema that a reference leads to, without annotations, as a union of products; `None` beyond the bound.
fn expand(contract: &Contract, schema: &Value, followed: &mut Vec<String>) -> Option<Vec<Map<String, Value>>> {
    let Value::Object(members) = schema else {
        // `false` allows nothing.
        return Some(if schema == &Value::Bool(false) { Vec::new() } else { vec![Map::new()] });
    };
    if let Some(name) = members.get("$ref").and_then(Value::as_str) {
        let target = contract.resolve(schema);
        // A reference that leads back to itself, or nowhere, says nothing.
        if followed.iter().any(|seen| seen == name) || target == schema {
            return Some(vec![Map::new()]);
        }
        followed.push(name.to_owned());
        let expanded = expand(contract, target, followed);
        followed.pop();
        return expanded;
    }
    let base = members.iter().filter(|(name, _)| !ANNOTATIONS.contains(&name.as_str()) && !is_combination(name));
    let mut products = vec![base.map(|(name, value)| (name.clone(), value.clone())).collect::<Map<_, _>>()];
    for part in members.get("allOf").and_then(Value::as_array).into_iter().flatten() {
        products = multiply(&products, &expand(contract, part, followed)?)?;
    }
    for union in ["anyOf", "oneOf"] {
        let Some(parts) = members.get(union).and_then(Value::as_array) else { continue };
        let mut sum = Vec::new();
        for part in parts {
            sum.extend(expand(contract, part, followed)?);
        }
        products = multiply(&products, &sum)?;
    }
    Some(products)
}

fn is_combination(name: &str) -> bool {
    matches!(name, "allOf" | "anyOf" | "oneOf")
}

fn multiply(left: &[Map<String, Value>], right: &[Map<String, Value>]) -> Option<Vec<Map<String, Value>>> {
    if left.len().saturating_mul(right.len()) > MAX_ALTERNATIVES {
        return None;
    }
    Some(left.iter().flat_map(|one| right.iter().map(|other| merge(one, other))).collect())
}

/// The members that allow what both allow.
fn merge(one: &Map<String, Value>, other: &Map<String, Value>) -> Map<String, Value> {
    let mut merged = one.clone();
    for (name, value) in other {
        let Some(mine) = merged.get(name).filter(|mine| *mine != value).cloned() else {
            merged.insert(name.clone(), value.clone());
            continue;
        };
        let both = match name.as_str() {
            "properties" => merge_properties(&mine, value),
            "required" => list(&mine).chain(list(value)).cloned().collect(),
            "enum" | "type" => shared(&mine, value),
            "minimum" | "minLength" | "minItems" | "exclusiveMinimum" => greater(&mine, value),
            "maximum" | "maxLength" | "maxItems" | "exclusiveMaximum" => greater(value, &mine),
            "additionalProperties" if mine == Value::Bool(true) => value.clone(),
            "additionalProperties" if value == &Value::Bool(true) => mine,
            _ => value.clone(),
        };
        merged.insert(name.clone(), both);
    }
    merged
}

fn merge_properties(one: &Value, other: &Value) -> Value {
    let mut merged = one.as_object().cloned().unwrap_or_default();
    for (name, schema) in other.as_object().into_iter().flatten() {
        let both = match merged.get(name) {
            Some(mine) if mine != schema && mine != &Value::Bool(true) => {
                serde_json::json!({ "allOf": [mine, schema] })
            }
            _ => schema.clone(),
        };
        merged.insert(name.clone(), both);
    }
    Value::Object(merged)
}

/// The elements of a list; anything else is a list of itself.
fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice).iter()
}

fn shared(one: &Value, other: &Value) -> Value {
    let allows = |set: &Value, value: &Value| {
        list(set).any(|allowed| allowed == value || (allowed == "number" && value == "integer"))
    };
    let both: BTreeSet<String> = list(one)
        .filter(|value| allows(other, value))
        .chain(list(other).filter(|value| allows(one, value)))
        .map(Value::to_string)
        .collect();
    both.iter().filter_map(|text| serde_json::from_str::<Value>(text).ok()).collect()
}

fn greater(one: &Value, other: &Value) -> Value {
    if one.as_f64() >= other.as_f64() { one.clone() } else { other.clone() }
}

/// The alternatives of one product: a constant for each listed value, else one for each type.
fn split(product: &Map<String, Value>) -> Vec<Alternative> {
    let types = types(product);
    let allowed = |value: &Value| types.is_empty() || types.iter().any(|name| is_of(value, name));
    if let Some(constant) = product.get("const") {
        return vec![if constant.is_null() { Alternative::Null } else { Alternative::Constant(constant.clone()) }];
    }
    if let Some(values) = product.get("enum").and_then(Value::as_array) {
        let values = values.iter().filter(|value| allowed(value));
        return values
            .map(|value| if value.is_null() { Alternative::Null } else { Alternative::Constant(value.clone()) })
            .collect();
    }
    if types.is_empty() && product.get("type").is_some() {
        return Vec::new();
    }
    if types.is_empty() {
        return vec![Alternative::Anything];
    }
    types.iter().map(|name| of_type(product, name)).collect()
}

fn is_of(value: &Value, name: &str) -> bool {
    match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        _ => value.is_object(),
    }
}

/// The types that a product names, or those that its members speak of.
fn types(product: &Map<String, Value>) -> Vec<String> {
    if let Some(named) = product.get("type") {
        return list(named).filter_map(|name| name.as_str().map(str::to_owned)).collect();
    }
    let speaks = |names: &[&str]| names.iter().any(|name| product.contains_key(*name));
    let mut types = Vec::new();
    if speaks(&["properties", "required", "additionalProperties", "patternProperties"]) {
        types.push("object".to_owned());
    }
    if speaks(&["items", "minItems", "maxItems", "uniqueItems"]) {
        types.push("array".to_owned());
    }
    types
}

fn of_type(product: &Map<String, Value>, name: &str) -> Alternative {
    match name {
        "null" => Alternative::Null,
        "boolean" => Alternative::Boolean,
        "integer" | "number" => Alternative::Number(number(product, name == "integer")),
        "string" => Alternative::Text(TextShape {
            min_length: product.get("minLength").and_then(Value::as_u64).unwrap_or(0),
            max_length: product.get("maxLength").and_then(Value::as_u64),
            pattern: product.get("pattern").and_then(Value::as_str).map(str::to_owned),
            format: product.get("format").and_then(Value::as_str).map(str::to_owned),
        }),
        "array" => Alternative::List(items(product)),
        "object" => Alternative::Object(object(product)),
        _ => Alternative::Opaque(Value::Object(product.clone())),
    }
}

fn number(product: &Map<String, Value>, is_integer: bool) -> NumberShape {
    let bound = |name: &str| product.get(name).and_then(Value::as_f64);
    // An integer above an exclusive bound is at least one greater; between fractions there is no next one.
    let step = if is_integer { 1.0 } else { 0.0 };
    let (least, greatest) = match product.get("format").and_then(Value::as_str) {
        Some("int8") => (Some(f64::from(i8::MIN)), Some(f64::from(i8::MAX))),
        Some("int16") => (Some(f64::from(i16::MIN)), Some(f64::from(i16::MAX))),
        Some("int32") => (Some(f64::from(i32::MIN)), Some(f64::from(i32::MAX))),
        Some("int64" | "int") => (Some(-TWO_63), Some(TWO_63)),
        Some("uint8") => (Some(0.0), Some(f64::from(u8::MAX))),
        Some("uint16") => (Some(0.0), Some(f64::from(u16::MAX))),
        Some("uint32") => (Some(0.0), Some(f64::from(u32::MAX))),
        Some("uint64" | "uint") => (Some(0.0), Some(2.0 * TWO_63)),
        _ => (None, None),
    };
    let minimum = [bound("minimum"), bound("exclusiveMinimum").map(|bound| bound + step), least];
    let maximum = [bound("maximum"), bound("exclusiveMaximum").map(|bound| bound - step), greatest];
    NumberShape {
        is_integer,
        minimum: minimum.into_iter().flatten().reduce(f64::max),
        maximum: maximum.into_iter().flatten().reduce(f64::min),
        multiple_of: bound("multipleOf"),
    }
}

/// 2^63, in whose neighbourhood a float is exact to 2^11: bounds of 64 bits are compared with each other only.
const TWO_63: f64 = 9_223_372_036_854_775_808.0;

fn items(product: &Map<String, Value>) -> ListShape {
    let items = match product.get("items") {
        Some(Value::Array(tuple)) => ListItems::Tuple(tuple.clone()),
        Some(each) => ListItems::Each(each.clone()),
        None => ListItems::default(),
    };
    let count = |name: &str| product.get(name).and_then(Value::as_u64);
    let max_items = match &items {
        ListItems::Tuple(tuple) if product.get("additionalItems") == Some(&Value::Bool(false)) => {
            let listed = tuple.len() as u64;
            Some(count("maxItems").map_or(listed, |most| most.min(listed)))
        }
        ListItems::Tuple(_) | ListItems::Each(_) => count("maxItems"),
    };
    ListShape {
        items,
        min_items: count("minItems").unwrap_or(0),
        max_items,
        is_unique: product.get("uniqueItems") == Some(&Value::Bool(true)),
    }
}

fn object(product: &Map<String, Value>) -> ObjectShape {
    let properties = product.get("properties").and_then(Value::as_object).into_iter().flatten();
    let required = product.get("required").map(list).into_iter().flatten().filter_map(Value::as_str);
    let patterns = product.get("patternProperties").and_then(Value::as_object);
    let mut pattern = patterns.into_iter().flatten();
    let others = match (pattern.next(), product.get("additionalProperties")) {
        (Some((keys, values)), _) => OtherFields::Map { keys: Some(keys.clone()), values: values.clone() },
        (None, Some(Value::Bool(false))) => OtherFields::Closed,
        (None, Some(values @ Value::Object(schema))) if !schema.is_empty() => {
            OtherFields::Map { keys: None, values: values.clone() }
        }
        (None, _) => OtherFields::Open,
    };
    ObjectShape {
        properties: properties.map(|(name, schema)| (name.clone(), schema.clone())).collect(),
        required: required.map(str::to_owned).collect(),
        others,
    }
}
