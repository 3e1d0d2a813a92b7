//! All faults of a JSON text as a value of its type, as `class-validator` reports them. Each fault is noted and replaced
//! by a sample value, so that reading continues after it. Runs with `nestjs_compat`, when a value could not be read.

mod notes;
mod sample;

use std::cell::RefCell;
use std::marker::PhantomData;

use serde::de::value::{MapDeserializer, StrDeserializer};
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Error as _, IntoDeserializer, MapAccess, SeqAccess,
    Unexpected, VariantAccess, Visitor,
};
use serde_json::{Map, Value};

use crate::protocol::fault::failure::ReadError;
use crate::protocol::fault::{Fault, Step};
use notes::Notes;
use sample::Sample;

/// Maximum bytes of a text that is read again. For longer texts only the first fault is reported.
const LARGEST: usize = 32 * 1024;

/// Maximum bytes that are read in total for one list of faults.
const READ: usize = 128 * 1024;

/// Maximum number of readings. Each missing member and each value refused by its own type takes one more.
const ROUNDS: usize = 32;

/// Returns the faults of `json` as a `T`, up to `most`, and a value with samples in place of its faulty parts, if
/// possible. `None` if the text is too large or no fault is found.
pub(in crate::protocol) fn every_fault<T: DeserializeOwned>(
    json: &str,
    most: usize,
) -> Option<(Option<T>, Vec<Fault>)> {
    if json.len() > LARGEST {
        return None;
    }
    let value = serde_json::from_str(json).ok()?;
    let notes = RefCell::new(Notes::with_most(most));
    let mut read = None;
    for _ in 0..(READ / json.len().max(1)).min(ROUNDS) {
        notes.borrow_mut().found.clear();
        let failure = match T::deserialize(Node { value: &value, path: "$".to_owned(), notes: &notes }) {
            Ok(value) => {
                read = Some(value);
                break;
            }
            Err(failure) => failure,
        };
        if !notes.borrow_mut().learn(failure.into_fault(None)) {
            break;
        }
    }
    let Notes { mut found, .. } = notes.into_inner();
    found.truncate(most);
    (!found.is_empty()).then_some((read, found))
}

/// A value and its path.
struct Node<'v, 'n> {
    value: &'v Value,
    path: String,
    notes: &'n RefCell<Notes>,
}

impl<'v> Node<'v, '_> {
    fn instead(&self) -> Option<Sample> {
        self.notes.borrow_mut().instead(&self.path)
    }

    /// Notes that another kind of value is expected, and reads a sample.
    fn wrong_type<'de, V: Visitor<'de>>(&self, visitor: &V) -> Sample {
        self.note(ReadError::invalid_type(unexpected(self.value), visitor))
    }

    fn note(&self, failure: ReadError) -> Sample {
        self.notes.borrow_mut().add(&self.path, failure);
        Sample(0)
    }

    fn inside(&self, step: Step<'_>, value: &'v Value) -> Self {
        let mut path = self.path.clone();
        step.push_to(&mut path);
        Self { value, path, notes: self.notes }
    }

    fn seq<'de, V: Visitor<'de>>(self, list: &'v [Value], samples: usize, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_seq(NodeElements { node: self, list, next: 0, samples })
    }

    fn map<'de, V: Visitor<'de>>(self, object: &'v Map<String, Value>, visitor: V) -> Result<V::Value, ReadError> {
        let missing = self.notes.borrow().missing_in(&self.path, object);
        visitor.visit_map(NodeMembers { given: object.iter(), missing: missing.into_iter(), next: None, node: self })
    }
}

fn unexpected(value: &Value) -> Unexpected<'_> {
    match value {
        Value::Null => Unexpected::Unit,
        Value::Bool(value) => Unexpected::Bool(*value),
        Value::String(_) => Unexpected::Str(""),
        Value::Array(_) => Unexpected::Seq,
        Value::Object(_) => Unexpected::Map,
        Value::Number(number) => match (number.as_u64(), number.as_i64()) {
            (Some(number), _) => Unexpected::Unsigned(number),
            (None, Some(number)) => Unexpected::Signed(number),
            (None, None) => Unexpected::Float(number.as_f64().unwrap_or_default()),
        },
    }
}

macro_rules! integers {
    ($($method:ident $visit:ident $kind:ty,)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
            if let Some(sample) = self.instead() {
                return sample.$method(visitor);
            }
            let whole = self.value.as_u64().map(i128::from).or_else(|| self.value.as_i64().map(i128::from));
            match (whole.and_then(|whole| <$kind>::try_from(whole).ok()), self.value.is_number()) {
                (Some(value), _) => visitor.$visit(value),
                (None, false) => self.wrong_type(&visitor).$method(visitor),
                (None, true) => {
                    let found = unexpected(self.value);
                    let failure = if whole.is_some() {
                        ReadError::invalid_value(found, &visitor)
                    } else {
                        ReadError::invalid_type(found, &visitor)
                    };
                    self.note(failure).$method(visitor)
                }
            }
        }
    )*};
}

macro_rules! kinds {
    ($($method:ident $pattern:pat => $visit:expr,)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
            if let Some(sample) = self.instead() {
                return sample.$method(visitor);
            }
            match self.value {
                $pattern => $visit(visitor, &self),
                _ => self.wrong_type(&visitor).$method(visitor),
            }
        }
    )*};
}

fn float<'de, V: Visitor<'de>>(visitor: V, node: &Node<'_, '_>) -> Result<V::Value, ReadError> {
    visitor.visit_f64(node.value.as_f64().unwrap_or_default())
}

fn text<'de, V: Visitor<'de>>(visitor: V, node: &Node<'_, '_>) -> Result<V::Value, ReadError> {
    visitor.visit_str(node.value.as_str().unwrap_or_default())
}

impl<'de> Deserializer<'de> for Node<'_, '_> {
    type Error = ReadError;

    integers! {
        deserialize_u8 visit_u8 u8, deserialize_u16 visit_u16 u16, deserialize_u32 visit_u32 u32,
        deserialize_u64 visit_u64 u64, deserialize_u128 visit_u128 u128,
        deserialize_i8 visit_i8 i8, deserialize_i16 visit_i16 i16, deserialize_i32 visit_i32 i32,
        deserialize_i64 visit_i64 i64, deserialize_i128 visit_i128 i128,
    }

    kinds! {
        deserialize_bool Value::Bool(_) =>
            |visitor: V, node: &Node<'_, '_>| visitor.visit_bool(node.value.as_bool().unwrap_or_default()),
        deserialize_f32 Value::Number(_) => float,
        deserialize_f64 Value::Number(_) => float,
        deserialize_char Value::String(_) => text,
        deserialize_str Value::String(_) => text,
        deserialize_string Value::String(_) => text,
        deserialize_unit Value::Null => |visitor: V, _| visitor.visit_unit(),
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        if let Some(sample) = self.instead() {
            return sample.deserialize_any(visitor);
        }
        match self.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::String(text) => visitor.visit_str(text),
            Value::Array(list) => self.seq(list, 0, visitor),
            Value::Object(object) => self.map(object, visitor),
            Value::Number(number) => {
                number.deserialize_any(visitor).map_err(|error: serde_json::Error| ReadError::custom(error))
            }
        }
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        let base64 = self.value.as_str().map(|text| data_encoding::BASE64.decode(text.as_bytes()));
        match base64 {
            Some(Ok(bytes)) => visitor.visit_byte_buf(bytes),
            Some(Err(error)) => self.note(ReadError::custom(format!("no base64: {error}"))).deserialize_bytes(visitor),
            None if self.value.is_array() => self.deserialize_any(visitor),
            None => self.wrong_type(&visitor).deserialize_bytes(visitor),
        }
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        if self.value.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, ReadError> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        // `RawValue` is deserialised by such a name.
        if name.starts_with("$serde_json::private::") {
            return visitor.visit_map(MapDeserializer::new(std::iter::once((name, self.value.to_string()))));
        }
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        if let Some(sample) = self.instead() {
            return sample.deserialize_seq(visitor);
        }
        match self.value {
            Value::Array(list) => self.seq(list, 0, visitor),
            _ => self.wrong_type(&visitor).deserialize_seq(visitor),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, ReadError> {
        if let Some(sample) = self.instead() {
            return sample.deserialize_tuple(length, visitor);
        }
        let Value::Array(list) = self.value else {
            return self.wrong_type(&visitor).deserialize_tuple(length, visitor);
        };
        if list.len() != length {
            self.note(ReadError::invalid_length(list.len(), &visitor));
        }
        self.seq(&list[..length.min(list.len())], length.saturating_sub(list.len()), visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        self.deserialize_tuple(length, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        if let Some(sample) = self.instead() {
            return sample.deserialize_map(visitor);
        }
        match self.value {
            Value::Object(object) => self.map(object, visitor),
            _ => self.wrong_type(&visitor).deserialize_map(visitor),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        if let Some(sample) = self.instead() {
            return sample.deserialize_struct(name, fields, visitor);
        }
        match self.value {
            Value::Object(object) => self.map(object, visitor),
            Value::Array(list) if list.len() == fields.len() => self.seq(list, 0, visitor),
            _ => self.wrong_type(&visitor).deserialize_struct(name, fields, visitor),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        if let Some(sample) = self.instead() {
            return sample.deserialize_enum(name, variants, visitor);
        }
        let only = self.value.as_object().filter(|object| object.len() == 1).and_then(|object| object.iter().next());
        let (variant, content) = match (self.value, only) {
            (Value::String(variant), _) => (variant, None),
            (_, Some((variant, content))) => (variant, Some(content)),
            _ => return self.wrong_type(&visitor).deserialize_enum(name, variants, visitor),
        };
        if !variants.is_empty() && !variants.contains(&&**variant) {
            return self.note(ReadError::unknown_variant(variant, variants)).deserialize_enum(name, variants, visitor);
        }
        let content = content.map(|content| self.inside(Step::Member(variant), content));
        visitor.visit_enum(Chosen { variant, content })
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        self.deserialize_any(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_unit()
    }
}

struct NodeElements<'v, 'n> {
    node: Node<'v, 'n>,
    list: &'v [Value],
    next: usize,
    /// Number of elements missing at the end of a list of known length.
    samples: usize,
}

impl<'de> SeqAccess<'de> for NodeElements<'_, '_> {
    type Error = ReadError;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, ReadError> {
        let index = self.next;
        self.next += 1;
        if let Some(value) = self.list.get(index) {
            let element = self.node.inside(Step::Element(index), value);
            return seed.deserialize(element).map(Some).map_err(|failure| failure.inside_element(index));
        }
        if index >= self.list.len() + self.samples {
            return Ok(None);
        }
        seed.deserialize(Sample(0)).map(Some)
    }
}

struct NodeMembers<'v, 'n> {
    given: serde_json::map::Iter<'v>,
    /// Missing members, visited after the given ones.
    missing: std::vec::IntoIter<String>,
    next: Option<(&'v String, &'v Value)>,
    node: Node<'v, 'n>,
}

impl<'de> MapAccess<'de> for NodeMembers<'_, '_> {
    type Error = ReadError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, ReadError> {
        loop {
            self.next = self.given.next();
            let Some((name, value)) = self.next else { break };
            let member = self.node.inside(Step::Member(name), value);
            if self.node.notes.borrow().is_unknown(&member.path) {
                // The fault is noted; reading continues.
                let _ = member.instead();
                continue;
            }
            let key: StrDeserializer<'_, ReadError> = name.as_str().into_deserializer();
            return seed.deserialize(key).map(Some);
        }
        let Some(missing) = self.missing.next() else { return Ok(None) };
        let mut path = self.node.path.clone();
        Step::Member(&missing).push_to(&mut path);
        self.node.notes.borrow_mut().add(&path, ReadError::absent());
        let key: StrDeserializer<'_, ReadError> = missing.as_str().into_deserializer();
        seed.deserialize(key).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, ReadError> {
        let Some((name, value)) = self.next else { return seed.deserialize(Sample(0)) };
        let member = self.node.inside(Step::Member(name), value);
        seed.deserialize(member).map_err(|failure| failure.inside_member(name))
    }
}

/// A known variant of an enum.
struct Chosen<'v, 'n> {
    variant: &'v str,
    content: Option<Node<'v, 'n>>,
}

impl<'de> EnumAccess<'de> for Chosen<'_, '_> {
    type Error = ReadError;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), ReadError> {
        let name: StrDeserializer<'_, ReadError> = self.variant.into_deserializer();
        Ok((seed.deserialize(name)?, self))
    }
}

impl<'de> VariantAccess<'de> for Chosen<'_, '_> {
    type Error = ReadError;

    fn unit_variant(self) -> Result<(), ReadError> {
        if self.content.is_some() { self.newtype_variant_seed(PhantomData::<()>) } else { Ok(()) }
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, ReadError> {
        let Some(content) = self.content else {
            return Err(ReadError::invalid_type(Unexpected::UnitVariant, &"an object with one member"));
        };
        seed.deserialize(content).map_err(|failure| failure.inside_member(self.variant))
    }

    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, ReadError> {
        let Some(content) = self.content else { return Sample(0).deserialize_tuple(length, visitor) };
        content.deserialize_tuple(length, visitor).map_err(|failure| failure.inside_member(self.variant))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        let Some(content) = self.content else {
            return Err(ReadError::invalid_type(Unexpected::UnitVariant, &"an object with one member"));
        };
        content.deserialize_struct("", fields, visitor).map_err(|failure| failure.inside_member(self.variant))
    }
}

#[cfg(test)]
mod tests;
