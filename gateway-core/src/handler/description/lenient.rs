//! The schema of `Lenient<T>`: that of `T`, with texts beside numbers and truth values where a client may send them.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use crate::protocol::Lenient;

/// Beginning of the names of schemas that were made lenient.
const LENIENT: &str = "Lenient_";

impl<T: JsonSchema> JsonSchema for Lenient<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("{LENIENT}{}", T::schema_name()).into()
    }

    fn schema_id() -> Cow<'static, str> {
        format!("gateway_core::Lenient<{}>", T::schema_id()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = generator.subschema_for::<T>();
        // It is written as a `T`.
        if generator.contract().is_deserialize()
            && let Some(members) = schema.as_object_mut()
        {
            loosen(members, generator.definitions_mut());
        }
        schema
    }
}

/// Adds the texts that are read too. Values of choices stay as they are: serde buffers them, or hands them to the variant.
fn loosen(members: &mut Map<String, Value>, definitions: &mut Map<String, Value>) {
    if let Some(Value::String(reference)) = members.get_mut("$ref") {
        loosen_reference(reference, definitions);
    }
    if let Some(Value::Array(choices)) = members.get_mut("anyOf")
        && let [some, none] = &mut choices[..]
        && none == &json!({ "type": "null" })
    {
        // An `Option`.
        loosen_value(some, definitions);
    }
    for name in ["items", "additionalProperties"] {
        members.get_mut(name).into_iter().for_each(|child| loosen_value(child, definitions));
    }
    for name in ["properties", "patternProperties"] {
        let children = members.get_mut(name).and_then(Value::as_object_mut);
        children.into_iter().flat_map(Map::values_mut).for_each(|child| loosen_value(child, definitions));
    }
    let tuple = members.get_mut("prefixItems").and_then(Value::as_array_mut);
    tuple.into_iter().flatten().for_each(|child| loosen_value(child, definitions));
    add_texts(members);
}

fn loosen_value(schema: &mut Value, definitions: &mut Map<String, Value>) {
    if let Some(members) = schema.as_object_mut() {
        loosen(members, definitions);
    }
}

/// Turns a reference to a named schema into one to its lenient counterpart, which is made where it is missing.
fn loosen_reference(reference: &mut String, definitions: &mut Map<String, Value>) {
    let (path, encoded) = reference.rsplit_once('/').unwrap_or(("", reference));
    let name = percent_decode_str(encoded).decode_utf8_lossy().replace("~1", "/").replace("~0", "~");
    // One that is not an object is being written just now: a type that contains itself.
    let Some(Value::Object(strict)) = definitions.get(&name).filter(|_| !name.starts_with(LENIENT)) else { return };
    let loose_name = format!("{LENIENT}{name}");
    let loose_reference = format!("{path}/{LENIENT}{encoded}");
    let is_made = |made: &Value| made.get("$ref").and_then(Value::as_str) != Some(reference);
    if !definitions.get(&loose_name).is_some_and(is_made) {
        let mut loose = strict.clone();
        // A type that contains itself refers to this one.
        definitions.insert(loose_name.clone(), json!({}));
        loosen(&mut loose, definitions);
        if definitions.get(&name).and_then(Value::as_object) == Some(&loose) {
            definitions.remove(&loose_name);
            return;
        }
        definitions.insert(loose_name, Value::Object(loose));
    }
    *reference = loose_reference;
}

/// Members of a schema that bound a text: which numbers keep to them cannot be said.
const BOUNDS_OF_TEXTS: [&str; 5] = ["format", "pattern", "minLength", "maxLength", "contentEncoding"];
/// Members of a schema that belong to a number.
const OF_NUMBERS: [&str; 6] = ["format", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"];

fn add_texts(members: &mut Map<String, Value>) {
    if ["enum", "const"].iter().any(|name| members.contains_key(*name)) {
        return;
    }
    let types: Vec<String> = match members.get("type") {
        Some(Value::String(only)) => vec![only.clone()],
        Some(Value::Array(types)) => types.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect(),
        _ => return,
    };
    let Some(main) = types.iter().find(|name| *name != "null").cloned() else { return };
    let is_natural = members.get("minimum").and_then(Value::as_f64).is_some_and(|least| least >= 0.0);
    let pattern = match main.as_str() {
        "string" if !BOUNDS_OF_TEXTS.iter().any(|name| members.contains_key(*name)) => {
            let types = types.into_iter().chain(["number".to_owned(), "boolean".to_owned()]);
            members.insert("type".to_owned(), types.collect());
            return;
        }
        "integer" if is_natural => "^[0-9]+$",
        "integer" => "^-?[0-9]+$",
        "number" => r"^-?[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]+)?$",
        "boolean" => "^(true|false)$",
        _ => return,
    };
    let mut plain = Map::new();
    plain.insert("title".to_owned(), json!(main));
    plain.insert("type".to_owned(), json!(main));
    members.remove("type");
    for name in OF_NUMBERS {
        plain.extend(members.remove(name).map(|value| (name.to_owned(), value)));
    }
    let mut choices = vec![Value::Object(plain), json!({ "title": "text", "type": "string", "pattern": pattern })];
    if types.iter().any(|name| name == "null") {
        choices.push(json!({ "type": "null" }));
    }
    members.insert("anyOf".to_owned(), Value::Array(choices));
}
