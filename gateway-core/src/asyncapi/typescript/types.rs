//! A schema as a type of TypeScript.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use crate::asyncapi::model::{Contract, Payload, PayloadStyle, SCHEMAS};
use crate::asyncapi::typescript::names::TypeNames;
use crate::asyncapi::typescript::text::{comment, member, quoted};

/// Depth of schemas within each other that is written; deeper ones are `unknown`. Recursion goes through names and is not bounded by it.
const MAX_DEPTH: usize = 64;

/// Bytes on the wire of a protocol.
#[derive(Clone, Copy)]
pub(super) enum Bytes {
    /// Base64 in JSON. The client writes bytes as such itself.
    Base64,
    /// Attachments of Socket.IO.
    Attachments,
}

/// Direction of a payload.
#[derive(Clone, Copy)]
pub(super) enum Way {
    Sent,
    Received,
}

/// A writer of types.
pub(super) struct Types<'a> {
    pub(super) contract: &'a Contract,
    pub(super) names: TypeNames,
    pub(super) bytes: Bytes,
}

impl Types<'_> {
    /// Writes the declarations of all named schemas.
    pub(super) fn declarations(&self) -> String {
        let mut text = String::new();
        for (name, schema) in &self.contract.schemas {
            let Some(name) = self.names.schema(name) else { continue };
            text += &documentation("", schema);
            let written = self.schema(schema, "", 0);
            let _ = if is_interface(schema) {
                writeln!(text, "export interface {name} {written}\n")
            } else {
                writeln!(text, "export type {name} = {written};\n")
            };
        }
        text
    }

    /// Writes the type of a payload.
    pub(super) fn payload(&self, payload: &Payload, way: Way) -> String {
        let mut written = match (payload.style, self.bytes, way) {
            (PayloadStyle::Binary, Bytes::Base64, Way::Sent) => "Uint8Array | string".to_owned(),
            (PayloadStyle::Binary, Bytes::Base64, Way::Received) => "string".to_owned(),
            (PayloadStyle::Binary, Bytes::Attachments, _) => "ArrayBuffer | Uint8Array".to_owned(),
            (PayloadStyle::Value | PayloadStyle::Arguments, _, _) => {
                payload.schema.as_ref().map_or_else(|| "unknown".to_owned(), |schema| self.schema(schema, "  ", 0))
            }
        };
        // On the plain protocol a single argument stands without its list.
        if payload.style == PayloadStyle::Arguments
            && matches!(self.bytes, Bytes::Base64)
            && let Some([only]) =
                payload.schema.as_ref().and_then(|schema| schema.get("items")?.as_array()).map(Vec::as_slice)
        {
            written = self.schema(only, "  ", 0);
        }
        if payload.may_be_absent { union(&[written, "null".to_owned()]) } else { written }
    }

    /// Writes the lists of parameters with which an event is sent: its value or its arguments; shorter lists where some may be left out.
    pub(super) fn parameters(&self, payload: Option<&Payload>, way: Way) -> Vec<Vec<String>> {
        let Some(payload) = payload else { return vec![Vec::new()] };
        let schema = payload.schema.as_ref().map(|schema| self.contract.resolve(schema));
        let items = schema.and_then(|schema| schema.get("items")?.as_array());
        let (PayloadStyle::Arguments, Some(items)) = (payload.style, items) else {
            let whole = vec![vec![format!("data: {}", self.payload(payload, way))]];
            return if payload.may_be_absent { [whole, vec![Vec::new()]].concat() } else { whole };
        };
        let least = schema.and_then(|schema| schema.get("minItems")?.as_u64()).unwrap_or(items.len() as u64);
        let least =
            if payload.may_be_absent { 0 } else { usize::try_from(least).unwrap_or(usize::MAX).min(items.len()) };
        let parameter =
            |(index, schema): (usize, &Value)| format!("data{}: {}", index + 1, self.schema(schema, "  ", 0));
        let parameters: Vec<String> = items.iter().enumerate().map(parameter).collect();
        (least..=items.len()).rev().map(|count| parameters[..count].to_vec()).collect()
    }

    /// Writes a schema. `indent` is that of the line it begins on.
    pub(super) fn schema(&self, schema: &Value, indent: &str, depth: usize) -> String {
        let Value::Object(members) = schema else {
            return if schema == &Value::Bool(false) { "never" } else { "unknown" }.to_owned();
        };
        if depth > MAX_DEPTH {
            return "unknown".to_owned();
        }
        if let Some(target) = members.get("$ref").and_then(Value::as_str) {
            let name = target.strip_prefix(SCHEMAS).and_then(|name| self.names.schema(name));
            return name.unwrap_or("unknown").to_owned();
        }
        if let Some(constant) = members.get("const") {
            return literal(constant);
        }
        if let Some(values) = members.get("enum").and_then(Value::as_array) {
            return union(&values.iter().map(literal).collect::<Vec<_>>());
        }
        let mut parts = Vec::new();
        for part in members.get("allOf").and_then(Value::as_array).into_iter().flatten() {
            parts.push(self.schema(part, indent, depth + 1));
        }
        for name in ["anyOf", "oneOf"] {
            let Some(variants) = members.get(name).and_then(Value::as_array) else { continue };
            parts.push(union(
                &variants.iter().map(|variant| self.schema(variant, indent, depth + 1)).collect::<Vec<_>>(),
            ));
        }
        if let Some(written) = self.own(members, indent, depth) {
            parts.push(written);
        }
        intersection(&parts)
    }

    /// The type of the members beside combinations; `None` where they say nothing.
    fn own(&self, members: &Map<String, Value>, indent: &str, depth: usize) -> Option<String> {
        let speaks_of_object =
            ["properties", "additionalProperties", "patternProperties"].iter().any(|name| members.contains_key(*name));
        let is_combined = ["allOf", "anyOf", "oneOf"].iter().any(|name| members.contains_key(*name));
        let types: Vec<&str> = match members.get("type") {
            Some(Value::String(one)) => vec![one],
            Some(Value::Array(types)) => types.iter().filter_map(Value::as_str).collect(),
            _ if speaks_of_object => vec!["object"],
            _ => return if is_combined { None } else { Some(never_or_unknown(members)) },
        };
        // `object` beside variants that are objects adds nothing unless it has properties of its own.
        if is_combined && types == ["object"] && !has_properties(members) {
            return None;
        }
        let written = types.iter().map(|name| match *name {
            "null" => "null".to_owned(),
            "boolean" => "boolean".to_owned(),
            "integer" | "number" => "number".to_owned(),
            "string" => self.text(members),
            "array" => self.array(members, indent, depth),
            "object" => self.object(members, indent, depth),
            _ => "unknown".to_owned(),
        });
        Some(union(&written.collect::<Vec<_>>()))
    }

    fn text(&self, members: &Map<String, Value>) -> String {
        let is_binary = members.get("x-binary") == Some(&Value::Bool(true));
        if is_binary && matches!(self.bytes, Bytes::Attachments) {
            "ArrayBuffer | Uint8Array".to_owned()
        } else {
            "string".to_owned()
        }
    }

    fn array(&self, members: &Map<String, Value>, indent: &str, depth: usize) -> String {
        match members.get("items") {
            Some(Value::Array(items)) => {
                let least = members.get("minItems").and_then(Value::as_u64).unwrap_or(items.len() as u64);
                let item = |(index, schema): (usize, &Value)| {
                    let written = self.schema(schema, indent, depth + 1);
                    if (index as u64) < least { written } else { format!("{}?", grouped(&written)) }
                };
                format!("[{}]", items.iter().enumerate().map(item).collect::<Vec<_>>().join(", "))
            }
            Some(each) => format!("{}[]", grouped(&self.schema(each, indent, depth + 1))),
            None => "unknown[]".to_owned(),
        }
    }

    fn object(&self, members: &Map<String, Value>, indent: &str, depth: usize) -> String {
        let inner = format!("{indent}  ");
        let required = members.get("required").and_then(Value::as_array);
        let is_required = |name: &str| required.is_some_and(|required| required.iter().any(|one| one == name));
        let mut fields = String::new();
        for (name, schema) in members.get("properties").and_then(Value::as_object).into_iter().flatten() {
            fields += &documentation(&inner, schema);
            let written = self.schema(schema, &inner, depth + 1);
            // With `exactOptionalPropertyTypes`, `undefined` must be named to be allowed.
            let _ = if is_required(name) {
                writeln!(fields, "{inner}{}: {written};", member(name))
            } else {
                writeln!(fields, "{inner}{}?: {};", member(name), union(&[written, "undefined".to_owned()]))
            };
        }
        let map = map_values(&Value::Object(members.clone())).map(|values| {
            let written = self.schema(&values, &inner, depth + 1);
            format!("Record<string, {written}>")
        });
        match (fields.is_empty(), map) {
            (false, None) => format!("{{\n{fields}{indent}}}"),
            // Named fields beside others of one type: an index signature would have to cover both.
            (false, Some(_)) => format!("{{\n{fields}{indent}}} & Record<string, unknown>"),
            (true, Some(map)) => map,
            (true, None) if members.get("additionalProperties") == Some(&Value::Bool(false)) => {
                "Record<string, never>".to_owned()
            }
            (true, None) => "Record<string, unknown>".to_owned(),
        }
    }
}

/// An interface is written where it can be: editors show its name.
fn is_interface(schema: &Value) -> bool {
    let combined = ["$ref", "allOf", "anyOf", "oneOf", "enum", "const"].iter().any(|name| schema.get(name).is_some());
    let properties = schema.get("properties").and_then(Value::as_object);
    !combined && properties.is_some_and(|properties| !properties.is_empty()) && map_values(schema).is_none()
}

fn has_properties(members: &Map<String, Value>) -> bool {
    members.get("properties").and_then(Value::as_object).is_some_and(|properties| !properties.is_empty())
}

/// `{ "not": {} }` allows nothing.
fn never_or_unknown(members: &Map<String, Value>) -> String {
    let allows_nothing =
        members.get("not").is_some_and(|not| not == &Value::Bool(true) || not.as_object().is_some_and(Map::is_empty));
    if allows_nothing { "never" } else { "unknown" }.to_owned()
}

/// The schema of the values of a map.
fn map_values(schema: &Value) -> Option<Value> {
    let pattern =
        schema.get("patternProperties").and_then(Value::as_object).and_then(|patterns| patterns.values().next());
    let values = pattern.or_else(|| schema.get("additionalProperties").filter(|values| !values.is_boolean()))?;
    // `{}` beside named fields says only that there may be others.
    let says_nothing = values.as_object().is_some_and(Map::is_empty);
    (!says_nothing || schema.get("properties").is_none()).then(|| values.clone())
}

fn literal(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(text),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::Array(_) | Value::Object(_) => "unknown".to_owned(),
    }
}

/// A union of types, each once.
pub(super) fn union(types: &[String]) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for written in types {
        if written == "unknown" {
            return "unknown".to_owned();
        }
        if !parts.contains(&written.as_str()) {
            parts.push(written);
        }
    }
    if parts.is_empty() { "never".to_owned() } else { parts.join(" | ") }
}

fn intersection(parts: &[String]) -> String {
    let told: Vec<&String> = parts.iter().filter(|part| *part != "unknown").collect();
    match told.as_slice() {
        [] => "unknown".to_owned(),
        [one] => (*one).clone(),
        parts => parts
            .iter()
            .map(|part| if part.contains(" | ") { format!("({part})") } else { (*part).clone() })
            .collect::<Vec<_>>()
            .join(" & "),
    }
}

/// A type that `[]` or `?` can follow.
fn grouped(written: &str) -> String {
    if written.contains(" | ") || written.contains(" & ") { format!("({written})") } else { written.to_owned() }
}

/// The comment of a schema: its description, its notes, and its values' descriptions.
pub(super) fn documentation(indent: &str, schema: &Value) -> String {
    let text = |name: &str| schema.get(name).and_then(Value::as_str).unwrap_or("");
    let mut values = String::new();
    for (value, description) in schema.get("x-enum-descriptions").and_then(Value::as_object).into_iter().flatten() {
        let _ = writeln!(values, "- `{value}`: {}", description.as_str().unwrap_or("").replace('\n', " "));
    }
    let deprecated = if schema.get("deprecated") == Some(&Value::Bool(true)) { "@deprecated" } else { "" };
    let default = schema.get("default").map(|default| format!("Default: `{default}`.")).unwrap_or_default();
    let parts = [text("description"), values.as_str(), text("x-note"), default.as_str(), deprecated];
    comment(indent, &parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>())
}
