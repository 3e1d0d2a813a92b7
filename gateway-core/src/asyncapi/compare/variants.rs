//! The alternatives of two unions, paired: types with their like, variants by their tag.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::asyncapi::compare::schema::SchemaComparison;
use crate::asyncapi::compare::shape::{Alternative, NumberShape, ObjectShape, OtherFields, TextShape};

/// Alternatives of an older and a newer union.
pub(super) struct AlternativePairs {
    /// Alternatives that belong together, with the name of the variant where there is one.
    pub(super) pairs: Vec<(Alternative, Alternative, Option<String>)>,
    /// Alternatives of the older union alone.
    pub(super) removed: Vec<Alternative>,
    /// Alternatives of the newer union alone.
    pub(super) added: Vec<Alternative>,
}

/// Pairs the alternatives of two unions.
pub(super) fn pair(
    comparison: &SchemaComparison<'_>,
    older: Vec<Alternative>,
    newer: Vec<Alternative>,
) -> AlternativePairs {
    let mut pairs = Vec::new();
    let mut added = newer;
    let mut removed = Vec::new();
    let is_object = |alternative: &Alternative| matches!(alternative, Alternative::Object(_));
    let tag = tag(older.iter().chain(&added));
    let mut objects = Vec::new();
    for old in older {
        if is_object(&old) {
            objects.push(old);
            continue;
        }
        match added.iter().position(|new| old.is_like(new)) {
            Some(at) => pairs.push((old, added.remove(at), None)),
            None => removed.push(old),
        }
    }
    let is_variant = objects.len() > 1 || added.iter().filter(|new| is_object(new)).count() > 1;
    // First the variants whose tag is the same, or that are the same; then what is left, in order.
    let mut rest = Vec::new();
    for old in objects {
        let same = |new: &Alternative| match (&old, new) {
            (Alternative::Object(old), Alternative::Object(new)) => match &tag {
                Some(tag) => old.variant(tag) == new.variant(tag),
                // Of one object on each side there is nothing to choose.
                None => is_variant && comparison.is_same(&old.as_schema(), &new.as_schema()),
            },
            _ => false,
        };
        match added.iter().position(same) {
            Some(at) => {
                let name = tag.as_ref().filter(|_| is_variant).and_then(|tag| old.as_object()?.variant(tag));
                pairs.push((old, added.remove(at), name));
            }
            None => rest.push(old),
        }
    }
    let pairs_by_order = tag.is_none() || !is_variant;
    for old in rest {
        match added.iter().position(|new| pairs_by_order && is_object(new)) {
            Some(at) => pairs.push((old, added.remove(at), None)),
            None => removed.push(old),
        }
    }
    AlternativePairs { pairs, removed, added }
}

/// Mark of a variant.
pub(super) enum Tag {
    /// A field with a constant: internally or adjacently tagged.
    Field(String),
    /// The only field: externally tagged.
    OnlyField,
}

/// Finds what tells the objects of a union apart.
fn tag<'a>(alternatives: impl Iterator<Item = &'a Alternative>) -> Option<Tag> {
    let objects: Vec<&ObjectShape> = alternatives.filter_map(Alternative::as_object).collect();
    let first = objects.first()?;
    let marks = |name: &&String| objects.iter().all(|object| object.constant(name).is_some());
    if let Some(name) = first.properties.keys().find(marks) {
        return Some(Tag::Field(name.clone()));
    }
    let is_only = |object: &&ObjectShape| {
        object.properties.len() == 1 && object.required.len() == 1 && object.others == OtherFields::Closed
    };
    let names: BTreeSet<&String> = objects.iter().flat_map(|object| object.properties.keys()).collect();
    (objects.iter().all(is_only) && names.len() > 1).then_some(Tag::OnlyField)
}

impl Alternative {
    /// Returns `true` for two alternatives of one type, and for equal constants.
    fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Constant(one), Self::Constant(other)) | (Self::Opaque(one), Self::Opaque(other)) => one == other,
            _ => std::mem::discriminant(self) == std::mem::discriminant(other),
        }
    }

    /// Returns `true` if a constant is surely among the values; of patterns and formats nothing is sure.
    pub(super) fn covers(&self, constant: &Value) -> bool {
        match (self, constant) {
            (Self::Boolean, Value::Bool(_)) => true,
            (Self::Number(NumberShape { is_integer, minimum, maximum, multiple_of: None }), Value::Number(number)) => {
                let value = number.as_f64().unwrap_or(f64::NAN);
                let is_whole = number.is_i64() || number.is_u64();
                (is_whole || !is_integer)
                    && minimum.is_none_or(|least| value >= least)
                    && maximum.is_none_or(|most| value <= most)
            }
            (Self::Text(TextShape { min_length, max_length, pattern: None, format: None }), Value::String(text)) => {
                let length = text.chars().count() as u64;
                length >= *min_length && max_length.is_none_or(|most| length <= most)
            }
            _ => false,
        }
    }

    fn as_object(&self) -> Option<&ObjectShape> {
        match self {
            Self::Object(object) => Some(object),
            Self::Anything
            | Self::Null
            | Self::Constant(_)
            | Self::Boolean
            | Self::Number(_)
            | Self::Text(_)
            | Self::List(_)
            | Self::Opaque(_) => None,
        }
    }

    /// Returns the name of the alternative, as it is told.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Anything => "anything".to_owned(),
            Self::Null => "null".to_owned(),
            Self::Constant(value) => value.to_string(),
            Self::Boolean => "boolean".to_owned(),
            Self::Number(number) if number.is_integer => "integer".to_owned(),
            Self::Number(_) => "number".to_owned(),
            Self::Text(_) => "string".to_owned(),
            Self::List(_) => "list".to_owned(),
            Self::Object(object) => object.tag().unwrap_or_else(|| "object".to_owned()),
            Self::Opaque(_) => "a union of too many alternatives".to_owned(),
        }
    }
}

impl ObjectShape {
    /// Returns the constant text that a field must have.
    fn constant(&self, name: &str) -> Option<String> {
        let schema = self.properties.get(name).filter(|_| self.required.contains(name))?;
        let listed = schema.get("enum").and_then(Value::as_array).filter(|values| values.len() == 1);
        let constant = schema.get("const").or_else(|| listed.and_then(|values| values.first()))?;
        constant.as_str().map(str::to_owned)
    }

    /// Returns the name of the variant.
    fn variant(&self, tag: &Tag) -> Option<String> {
        match tag {
            Tag::Field(name) => self.constant(name),
            Tag::OnlyField => self.properties.keys().next().cloned(),
        }
    }

    /// Returns the tag of a variant, or its only field.
    pub(super) fn tag(&self) -> Option<String> {
        let constant = self.properties.keys().find_map(|name| self.constant(name));
        let only = || {
            (self.properties.len() == 1 && self.others == OtherFields::Closed).then(|| self.properties.keys().next())
        };
        constant.or_else(|| only().flatten().cloned())
    }

    fn as_schema(&self) -> Value {
        let Self { properties, required, others } = self;
        let others = match others {
            OtherFields::Open => Value::Bool(true),
            OtherFields::Closed => Value::Bool(false),
            OtherFields::Map { keys: None, values } => values.clone(),
            OtherFields::Map { keys: Some(keys), values } => {
                return serde_json::json!({
                    "type": "object", "properties": properties, "required": required, "patternProperties": { keys.as_str(): values },
                });
            }
        };
        serde_json::json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": others })
    }
}
