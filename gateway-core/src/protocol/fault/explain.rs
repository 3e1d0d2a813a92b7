//! Finds the fault of a JSON text that could not be read as its type, by a deserializer that tracks its position. Slow,
//! so it runs after a failure. `serde_path_to_error` gives the path alone, without the rule, the expected and the found
//! value, and without attachments.

use std::marker::PhantomData;

use bytes::Bytes;
use data_encoding::BASE64;
use serde::de::value::{MapDeserializer, StringDeserializer};
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Error as _, IntoDeserializer, MapAccess, SeqAccess,
    Unexpected, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;
use serde_json::value::RawValue;

use crate::protocol::fault::Fault;
use crate::protocol::fault::failure::ReadError;
use crate::protocol::json::{is_space, string_end};
use crate::protocol::payload::placeholder_at_front;

/// Maximum depth, the same as that of `serde_json`.
const DEEPEST: usize = 128;

/// Finds the fault of `json` as a `T`; `None` if none is found. If `json` is an array of arguments, the client sent the
/// first `given` of them.
pub(in crate::protocol) fn explain<T: DeserializeOwned>(
    json: &str,
    parts: &[Bytes],
    given: Option<usize>,
) -> Option<Fault> {
    let mut reader = JsonReader { rest: json, parts, depth: 0, gave_up: false };
    match T::deserialize(&mut reader) {
        Ok(_) => None,
        Err(_) if reader.gave_up => None,
        Err(failure) => Some(failure.into_fault(given)),
    }
}

/// The rest of a JSON text. The text is known to be valid except for its numbers and escapes.
struct JsonReader<'j, 'p> {
    rest: &'j str,
    parts: &'p [Bytes],
    depth: usize,
    /// Set if the reader met a failure that is not a fault of a type.
    gave_up: bool,
}

impl<'j> JsonReader<'j, '_> {
    fn peek(&mut self) -> Option<u8> {
        self.rest = self.rest.trim_start_matches(|letter: char| letter.is_ascii() && is_space(letter as u8));
        self.rest.bytes().next()
    }

    /// Skips this byte if it is next.
    fn takes(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        if is_next {
            self.rest = &self.rest[1..];
        }
        is_next
    }

    fn give_up(&mut self) -> ReadError {
        self.gave_up = true;
        ReadError::custom("not read")
    }

    /// Skips the next value and returns its text.
    fn skip(&mut self) -> Result<&'j str, ReadError> {
        let mut values = serde_json::Deserializer::from_str(self.rest).into_iter::<&'j RawValue>();
        let Some(Ok(value)) = values.next() else { return Err(self.give_up()) };
        self.rest = &self.rest[values.byte_offset()..];
        Ok(value.get())
    }

    fn string(&mut self) -> Result<String, ReadError> {
        self.peek();
        let (quoted, rest) = self.rest.split_at(string_end(self.rest.as_bytes(), 1));
        self.rest = rest;
        serde_json::from_str(quoted).map_err(|_| self.give_up())
    }

    fn word<T>(&mut self, length: usize, value: T) -> T {
        self.rest = self.rest.get(length..).unwrap_or_default();
        value
    }

    fn number<'de, V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, ReadError> {
        let is_part = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E');
        let length = self.rest.as_bytes().iter().take_while(|byte| is_part(byte)).count();
        let (digits, rest) = self.rest.split_at(length);
        self.rest = rest;
        if let Ok(natural) = digits.parse() {
            return visitor.visit_u64(natural);
        }
        if let Ok(integer) = digits.parse() {
            return visitor.visit_i64(integer);
        }
        if let Ok(large) = digits.parse() {
            return visitor.visit_u128(large);
        }
        match digits.parse::<f64>() {
            Ok(float) if float.is_finite() => visitor.visit_f64(float),
            _ => Err(self.give_up()),
        }
    }

    fn enter(&mut self) -> Result<(), ReadError> {
        self.rest = &self.rest[1..];
        self.depth += 1;
        if self.depth > DEEPEST { Err(self.give_up()) } else { Ok(()) }
    }

    fn array<'de, V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, ReadError> {
        self.enter()?;
        let mut elements = ReaderElements { reader: self, read: 0 };
        let value = visitor.visit_seq(&mut elements)?;
        let read = elements.read;
        let mut there = read;
        while !self.takes(b']') {
            self.takes(b',');
            self.skip()?;
            there += 1;
        }
        self.depth -= 1;
        if there > read { Err(ReadError::too_long(read, there)) } else { Ok(value) }
    }

    fn object<'de, V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, ReadError> {
        if !self.parts.is_empty()
            && let Some((number, _)) = placeholder_at_front(self.rest)
        {
            self.skip()?;
            let part = self.parts.get(number).ok_or_else(|| ReadError::custom("a placeholder names no attachment"))?;
            return visitor.visit_byte_buf(part.to_vec());
        }
        self.enter()?;
        let value = visitor.visit_map(ReaderMembers { reader: self, name: None })?;
        // A visitor that does not read to the end, as that of an enum, leaves the bracket.
        if !self.takes(b'}') {
            return Err(self.give_up());
        }
        self.depth -= 1;
        Ok(value)
    }

    fn unexpected<T>(&mut self, expected: &dyn serde::de::Expected) -> Result<T, ReadError> {
        let unexpected = match self.peek() {
            Some(b'"') => Unexpected::Str(""),
            Some(b'[') => Unexpected::Seq,
            Some(b'{') => Unexpected::Map,
            Some(b't') => Unexpected::Bool(true),
            Some(b'f') => Unexpected::Bool(false),
            Some(b'n') => Unexpected::Unit,
            _ => Unexpected::Other("a number"),
        };
        Err(ReadError::invalid_type(unexpected, expected))
    }
}

impl<'de> Deserializer<'de> for &mut JsonReader<'_, '_> {
    type Error = ReadError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self.peek() {
            Some(b'"') => {
                let text = self.string()?;
                visitor.visit_string(text)
            }
            Some(b'[') => self.array(visitor),
            Some(b'{') => self.object(visitor),
            Some(b't') => visitor.visit_bool(self.word(4, true)),
            Some(b'f') => visitor.visit_bool(self.word(5, false)),
            Some(b'n') => {
                self.word(4, ());
                visitor.visit_unit()
            }
            Some(_) => self.number(visitor),
            None => Err(self.give_up()),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        if self.peek() == Some(b'n') {
            self.word(4, ());
            return visitor.visit_none();
        }
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        // `RawValue` is deserialised by such a name.
        if name.starts_with("$serde_json::private::") {
            self.peek();
            let text = self.skip()?;
            return visitor.visit_map(MapDeserializer::new(std::iter::once((name, text.to_owned()))));
        }
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        if self.peek() != Some(b'"') {
            return self.deserialize_any(visitor);
        }
        match BASE64.decode(self.string()?.as_bytes()) {
            Ok(bytes) => visitor.visit_byte_buf(bytes),
            Err(error) => Err(ReadError::custom(format!("no base64: {error}"))),
        }
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        match self.peek() {
            Some(b'"') => {
                let name: StringDeserializer<ReadError> = self.string()?.into_deserializer();
                visitor.visit_enum(name)
            }
            Some(b'{') => {
                self.enter()?;
                let value = visitor.visit_enum(Tagged(&mut *self))?;
                if !self.takes(b'}') {
                    return Err(ReadError::custom("expected an object with one member"));
                }
                self.depth -= 1;
                Ok(value)
            }
            _ => self.unexpected(&"a string or an object with one member"),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        self.peek();
        self.skip()?;
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string unit unit_struct seq tuple tuple_struct map
        struct identifier
    }
}

struct ReaderElements<'r, 'j, 'p> {
    reader: &'r mut JsonReader<'j, 'p>,
    read: usize,
}

impl<'de> SeqAccess<'de> for &mut ReaderElements<'_, '_, '_> {
    type Error = ReadError;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, ReadError> {
        let ReaderElements { reader, read } = &mut **self;
        reader.takes(b',');
        if reader.peek() == Some(b']') {
            return Ok(None);
        }
        let value = seed.deserialize(&mut **reader).map_err(|failure| failure.inside_element(*read))?;
        *read += 1;
        Ok(Some(value))
    }
}

struct ReaderMembers<'r, 'j, 'p> {
    reader: &'r mut JsonReader<'j, 'p>,
    name: Option<String>,
}

impl<'de> MapAccess<'de> for ReaderMembers<'_, '_, '_> {
    type Error = ReadError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, ReadError> {
        self.reader.takes(b',');
        if self.reader.peek() == Some(b'}') {
            return Ok(None);
        }
        let name = self.name.insert(self.reader.string()?);
        let key = seed.deserialize(MemberName(name))?;
        self.reader.takes(b':');
        Ok(Some(key))
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, ReadError> {
        let name = self.name.take().unwrap_or_default();
        seed.deserialize(&mut *self.reader).map_err(|failure| failure.inside_member(&name))
    }
}

/// An enum that is an object with one member.
struct Tagged<'r, 'j, 'p>(&'r mut JsonReader<'j, 'p>);

struct Variant<'r, 'j, 'p> {
    reader: &'r mut JsonReader<'j, 'p>,
    name: String,
}

impl<'de, 'r, 'j, 'p> EnumAccess<'de> for Tagged<'r, 'j, 'p> {
    type Error = ReadError;
    type Variant = Variant<'r, 'j, 'p>;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self::Variant), ReadError> {
        let Self(reader) = self;
        if reader.peek() != Some(b'"') {
            return Err(ReadError::custom("expected an object with one member"));
        }
        let name = reader.string()?;
        let variant = seed.deserialize(MemberName(&name))?;
        reader.takes(b':');
        Ok((variant, Variant { reader, name }))
    }
}

impl<'de> VariantAccess<'de> for Variant<'_, '_, '_> {
    type Error = ReadError;

    fn unit_variant(self) -> Result<(), ReadError> {
        self.newtype_variant_seed(PhantomData::<()>)
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, ReadError> {
        let Self { reader, name } = self;
        seed.deserialize(reader).map_err(|failure| failure.inside_member(&name))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, ReadError> {
        let Self { reader, name } = self;
        reader.deserialize_any(visitor).map_err(|failure| failure.inside_member(&name))
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], visitor: V) -> Result<V::Value, ReadError> {
        self.tuple_variant(0, visitor)
    }
}

/// The name of a member, which may be read as a number or a Boolean.
struct MemberName<'n>(&'n str);

macro_rules! read_as {
    ($($method:ident $visit:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
            match self.0.parse() {
                Ok(value) => visitor.$visit(value),
                Err(_) => visitor.visit_str(self.0),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for MemberName<'_> {
    type Error = ReadError;

    read_as! {
        deserialize_u8 visit_u64 deserialize_u16 visit_u64 deserialize_u32 visit_u64 deserialize_u64 visit_u64
        deserialize_i8 visit_i64 deserialize_i16 visit_i64 deserialize_i32 visit_i64 deserialize_i64 visit_i64
        deserialize_u128 visit_u128 deserialize_i128 visit_i128 deserialize_f32 visit_f64 deserialize_f64 visit_f64
        deserialize_bool visit_bool
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_str(self.0)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        let name: StringDeserializer<ReadError> = self.0.to_owned().into_deserializer();
        visitor.visit_enum(name)
    }

    forward_to_deserialize_any! {
        char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

#[cfg(test)]
mod tests;
