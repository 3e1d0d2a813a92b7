//! One form for what schemars writes in several, so that a comment or an attribute that changes nothing on the wire changes no schema.

use serde_json::{Map, Value, json};

use crate::asyncapi::schemas::pattern::ecma_pattern;

/// Rules that depend on where a schema is used.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    /// Set if a `minLength` may come from garde's `length`, which counts bytes.
    counts_bytes: bool,
}

impl Rules {
    pub(super) const INCOMING: Self = Self { counts_bytes: cfg!(feature = "garde") };
    pub(super) const OUTGOING: Self = Self { counts_bytes: false };
}

/// Members whose value is a schema, or a list of them.
const SCHEMAS: [&str; 11] = [
    "items",
    "additionalItems",
    "contains",
    "additionalProperties",
    "propertyNames",
    "not",
    "if",
    "then",
    "else",
    "allOf",
    "anyOf",
];
/// Members whose value is an object of schemas.
const MAPS: [&str; 3] = ["properties", "patternProperties", "definitions"];

/// Calls `change` with the target of every reference in a schema.
pub(super) fn each_reference(schema: &mut Value, change: &mut dyn FnMut(&mut String)) {
    if let Some(Value::String(target)) = schema.get_mut("$ref") {
        change(target);
    }
    each_child(schema, &mut |child| each_reference(child, change));
}

fn each_child(schema: &mut Value, visit: &mut dyn FnMut(&mut Value)) {
    let Some(members) = schema.as_object_mut() else { return };
    for (name, value) in members {
        match value {
            Value::Object(children) if MAPS.contains(&name.as_str()) => children.values_mut().for_each(&mut *visit),
            Value::Array(children) if SCHEMAS.contains(&name.as_str()) || name == "oneOf" => {
                children.iter_mut().for_each(&mut *visit);
            }
            Value::Object(_) if SCHEMAS.contains(&name.as_str()) => visit(value),
            _ => {}
        }
    }
}

/// Brings a schema and all inside it into one form.
pub(super) fn normalise(schema: &mut Value, rules: Rules) {
    match schema {
        // A page and generators take an object only.
        Value::Bool(true) => *schema = json!({}),
        Value::Bool(false) => *schema = json!({ "not": {} }),
        _ => {}
    }
    each_child(schema, &mut |child| normalise(child, rules));
    let Some(members) = schema.as_object_mut() else { return };
    members.remove("$schema");
    fold_constant(members);
    fold_values(members);
    close_tuple(members);
    note_large_number(members);
    title_variants(members);
    translate_pattern(members);
    if rules.counts_bytes {
        loosen_length(members);
    }
}

/// A constant is a choice of one.
fn fold_constant(members: &mut Map<String, Value>) {
    if let Some(value) = members.remove("const") {
        members.entry("enum").or_insert_with(|| json!([value]));
    }
}

/// A choice between fixed values is one `enum`: schemars writes a `oneOf` as soon as one of them has a comment. The comments stay, by value,
/// in `x-enum-descriptions`.
fn fold_values(members: &mut Map<String, Value>) {
    let Some(Value::Array(variants)) = members.get("oneOf") else {
        sort_values(members);
        return;
    };
    let is_plain = |variant: &Value| {
        let known =
            |name: &String| matches!(name.as_str(), "type" | "enum" | "description" | "title" | "x-enum-descriptions");
        variant.as_object().is_some_and(|variant| variant.contains_key("enum") && variant.keys().all(known))
    };
    let types: Vec<Option<&Value>> = variants.iter().map(|variant| variant.get("type")).collect();
    if !variants.iter().all(is_plain) || types.windows(2).any(|pair| pair[0] != pair[1]) {
        return;
    }
    let (mut values, mut descriptions) = (Vec::new(), Map::new());
    for variant in variants {
        let own = variant["enum"].as_array().cloned().unwrap_or_default();
        if let (Some(description), [value]) = (variant.get("description"), &own[..]) {
            let name = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            descriptions.insert(name, description.clone());
        }
        values.extend(own);
    }
    let ty = types.first().copied().flatten().cloned();
    members.remove("oneOf");
    members.insert("enum".to_owned(), Value::Array(values));
    members.extend(ty.map(|ty| ("type".to_owned(), ty)));
    if !descriptions.is_empty() {
        members.insert("x-enum-descriptions".to_owned(), Value::Object(descriptions));
    }
    sort_values(members);
}

/// Texts are sorted: schemars puts those with a comment last.
fn sort_values(members: &mut Map<String, Value>) {
    if let Some(Value::Array(values)) = members.get_mut("enum")
        && values.iter().all(Value::is_string)
    {
        values.sort_by(|one, other| one.as_str().cmp(&other.as_str()));
        values.dedup();
    }
}

/// Draft 07: without `additionalItems` a tuple may go on.
fn close_tuple(members: &mut Map<String, Value>) {
    if members.get("items").is_some_and(Value::is_array) {
        members.entry("additionalItems").or_insert(Value::Bool(false));
    }
}

/// JavaScript's numbers are exact to 2^53 - 1.
fn note_large_number(members: &mut Map<String, Value>) {
    let format = members.get("format").and_then(Value::as_str);
    if matches!(format, Some("uint64" | "int64" | "uint128" | "int128" | "uint" | "int")) {
        let note = "A number of the wire that may lie beyond 2^53 - 1, where JavaScript loses digits.";
        members.insert("x-note".to_owned(), json!(note));
    }
}

/// Gives the variants of a choice the names of their tags: a page calls one without a title anonymous.
fn title_variants(members: &mut Map<String, Value>) {
    for choice in ["oneOf", "anyOf"] {
        let Some(Value::Array(variants)) = members.get_mut(choice) else { continue };
        for variant in variants.iter_mut().filter_map(Value::as_object_mut) {
            if variant.contains_key("title") || variant.contains_key("$ref") {
                continue;
            }
            if let Some(title) = title_of(variant) {
                variant.insert("title".to_owned(), Value::String(title));
            }
        }
    }
}

fn title_of(variant: &Map<String, Value>) -> Option<String> {
    if variant.get("type").and_then(Value::as_str) == Some("null") {
        return Some("null".to_owned());
    }
    let only = |schema: &Value| match schema.get("enum")?.as_array()?.as_slice() {
        [Value::String(value)] => Some(value.clone()),
        _ => None,
    };
    if let Some(value) = variant.get("enum").and_then(|_| only(&Value::Object(variant.clone()))) {
        return Some(value);
    }
    let properties = variant.get("properties")?.as_object()?;
    if let Some(tag) = properties.values().find_map(only) {
        return Some(tag);
    }
    match variant.get("required")?.as_array()?.as_slice() {
        [Value::String(name)] if properties.len() == 1 => Some(name.clone()),
        _ => None,
    }
}

/// A pattern of Rust's `regex` as one of ECMA-262; one that has no counterpart is kept beside the schema.
fn translate_pattern(members: &mut Map<String, Value>) {
    let Some(Value::String(pattern)) = members.get("pattern") else { return };
    match ecma_pattern(pattern) {
        Some(translated) => members.insert("pattern".to_owned(), Value::String(translated)),
        None => members.remove("pattern").and_then(|pattern| members.insert("x-rust-pattern".to_owned(), pattern)),
    };
}

/// garde's `length` counts bytes, and `minLength` characters, of which each has at most four bytes: what the server takes must not be refused
/// by the schema. `maxLength` stays: no text has more characters than bytes. `#[schemars(extend("x-counts" = "chars"))]` on a field with
/// `length(chars, …)` keeps both.
fn loosen_length(members: &mut Map<String, Value>) {
    if members.get("x-counts").and_then(Value::as_str) == Some("chars") {
        return;
    }
    if let Some(least) = members.get("minLength").and_then(Value::as_u64).filter(|least| *least > 1) {
        members.insert("minLength".to_owned(), json!(least.div_ceil(4)));
    }
}
