//! Deserialisation of values whose bytes are attachments or base64: an adapter between a value and the JSON deserializer
//! that handles bytes and forwards everything else.

use std::fmt;

use bytes::Bytes;
use data_encoding::BASE64;
use serde::de::value::StringDeserializer;
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Error as _, IgnoredAny, MapAccess, SeqAccess,
    Unexpected, VariantAccess, Visitor,
};

use crate::protocol::payload::placeholder::NAME;

/// Reads a value. Placeholders in `json` refer to `parts`.
pub(in crate::protocol) fn read<T: DeserializeOwned>(json: &str, parts: &[Bytes]) -> Result<T, serde_json::Error> {
    let mut json = serde_json::Deserializer::from_str(json);
    let value = T::deserialize(AttachmentDeserializer { inner: &mut json, parts })?;
    json.end()?;
    Ok(value)
}

/// A deserializer, or an accessor of a value's parts, with the attachments.
struct AttachmentDeserializer<'p, I> {
    inner: I,
    parts: &'p [Bytes],
}

/// The visitor of a value of any kind.
struct Shown<'p, V> {
    visitor: V,
    parts: &'p [Bytes],
    objects: Objects,
}

/// Meaning of an object.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Objects {
    Objects,
    Placeholders,
}

/// The visitor of bytes.
struct BinaryVisitor<'p, V> {
    visitor: V,
    parts: &'p [Bytes],
}

/// Kinds of value without bytes in them.
macro_rules! hand_on {
    ($($method:ident($($name:ident: $type:ty),*))*) => {$(
        fn $method<V: Visitor<'de>>(self, $($name: $type,)* visitor: V) -> Result<V::Value, D::Error> {
            self.inner.$method($($name,)* visitor)
        }
    )*};
}

/// Kinds of value with other values in them.
macro_rules! look_inside {
    ($($method:ident($($name:ident: $type:ty),*))*) => {$(
        fn $method<V: Visitor<'de>>(self, $($name: $type,)* visitor: V) -> Result<V::Value, D::Error> {
            let visitor = Shown { visitor, parts: self.parts, objects: Objects::Objects };
            self.inner.$method($($name,)* visitor)
        }
    )*};
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for AttachmentDeserializer<'_, D> {
    type Error = D::Error;

    hand_on! {
        deserialize_bool()
        deserialize_i8() deserialize_i16() deserialize_i32() deserialize_i64() deserialize_i128()
        deserialize_u8() deserialize_u16() deserialize_u32() deserialize_u64() deserialize_u128()
        deserialize_f32() deserialize_f64()
        deserialize_char() deserialize_str() deserialize_string()
        deserialize_unit() deserialize_unit_struct(name: &'static str)
        deserialize_identifier() deserialize_ignored_any()
    }

    look_inside! {
        deserialize_option()
        deserialize_seq()
        deserialize_tuple(len: usize)
        deserialize_tuple_struct(name: &'static str, len: usize)
        deserialize_map()
        deserialize_struct(name: &'static str, fields: &'static [&'static str])
        deserialize_enum(name: &'static str, variants: &'static [&'static str])
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        let visitor = Shown { visitor, parts: self.parts, objects: Objects::Placeholders };
        self.inner.deserialize_any(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        let visitor = BinaryVisitor { visitor, parts: self.parts };
        self.inner.deserialize_any(visitor)
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, D::Error> {
        // `RawValue` is deserialised by such a name, and has no values in it.
        if name.starts_with("$serde_json::private::") {
            return self.inner.deserialize_newtype_struct(name, visitor);
        }
        let visitor = Shown { visitor, parts: self.parts, objects: Objects::Objects };
        self.inner.deserialize_newtype_struct(name, visitor)
    }

    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

/// Forwards a visitor's method unchanged.
macro_rules! show {
    ($($method:ident($type:ty))*) => {$(
        fn $method<E: serde::de::Error>(self, value: $type) -> Result<V::Value, E> {
            self.visitor.$method(value)
        }
    )*};
}

/// Forwards a visitor's method for a value with other values in it.
macro_rules! show_inside {
    ($($method:ident($kind:ident))*) => {$(
        fn $method<I: $kind<'de>>(self, inner: I) -> Result<V::Value, I::Error> {
            self.visitor.$method(AttachmentDeserializer { inner, parts: self.parts })
        }
    )*};
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Shown<'_, V> {
    type Value = V::Value;

    show! {
        visit_bool(bool)
        visit_i8(i8) visit_i16(i16) visit_i32(i32) visit_i64(i64) visit_i128(i128)
        visit_u8(u8) visit_u16(u16) visit_u32(u32) visit_u64(u64) visit_u128(u128)
        visit_f32(f32) visit_f64(f64)
        visit_char(char) visit_str(&str) visit_borrowed_str(&'de str) visit_string(String)
    }

    show_inside! {
        visit_some(Deserializer)
        visit_newtype_struct(Deserializer)
        visit_seq(SeqAccess)
        visit_enum(EnumAccess)
    }

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.visitor.expecting(formatter)
    }

    fn visit_none<E: serde::de::Error>(self) -> Result<V::Value, E> {
        self.visitor.visit_none()
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<V::Value, E> {
        self.visitor.visit_unit()
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<V::Value, A::Error> {
        let Self { visitor, parts, objects } = self;
        if parts.is_empty() || objects == Objects::Objects {
            return visitor.visit_map(AttachmentDeserializer { inner: members, parts });
        }
        match members.next_key::<String>()? {
            Some(name) if name == NAME => visitor.visit_byte_buf(part(parts, members)?.to_vec()),
            first => {
                visitor.visit_map(StartedAccess { first, members: AttachmentDeserializer { inner: members, parts } })
            }
        }
    }
}

impl<'de, V: Visitor<'de>> Visitor<'de> for BinaryVisitor<'_, V> {
    type Value = V::Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.visitor.expecting(formatter)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<V::Value, E> {
        self.visitor
            .visit_byte_buf(BASE64.decode(text.as_bytes()).map_err(|error| E::custom(format!("no base64: {error}")))?)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, elements: A) -> Result<V::Value, A::Error> {
        self.visitor.visit_seq(elements)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<V::Value, A::Error> {
        match members.next_key::<String>()? {
            Some(name) if name == NAME && !self.parts.is_empty() => {
                self.visitor.visit_byte_buf(part(self.parts, members)?.to_vec())
            }
            _ => Err(A::Error::invalid_type(Unexpected::Map, &self)),
        }
    }
}

/// Reads the rest of a placeholder and returns its attachment.
fn part<'p, 'de, A: MapAccess<'de>>(parts: &'p [Bytes], mut members: A) -> Result<&'p Bytes, A::Error> {
    let _is_placeholder: IgnoredAny = members.next_value()?;
    let (_, number): (IgnoredAny, usize) = members.next_entry()?.ok_or_else(|| A::Error::missing_field("num"))?;
    parts.get(number).ok_or_else(|| A::Error::custom("a placeholder names no attachment"))
}

/// An object whose first name was read to find out if it is a placeholder.
struct StartedAccess<'p, A> {
    first: Option<String>,
    members: AttachmentDeserializer<'p, A>,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for StartedAccess<'_, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        match self.first.take() {
            Some(name) => seed.deserialize(StringDeserializer::new(name)).map(Some),
            None => self.members.next_key_seed(seed),
        }
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        self.members.next_value_seed(seed)
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for AttachmentDeserializer<'_, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        self.inner.next_key_seed(seed)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        self.inner.next_value_seed(AttachmentDeserializer { inner: seed, parts: self.parts })
    }

    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint()
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for AttachmentDeserializer<'_, A> {
    type Error = A::Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        self.inner.next_element_seed(AttachmentDeserializer { inner: seed, parts: self.parts })
    }

    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint()
    }
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for AttachmentDeserializer<'_, S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, inner: D) -> Result<S::Value, D::Error> {
        self.inner.deserialize(AttachmentDeserializer { inner, parts: self.parts })
    }
}

impl<'de, 'p, A: EnumAccess<'de>> EnumAccess<'de> for AttachmentDeserializer<'p, A> {
    type Error = A::Error;
    type Variant = AttachmentDeserializer<'p, A::Variant>;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self::Variant), A::Error> {
        let parts = self.parts;
        self.inner.variant_seed(seed).map(|(name, inner)| (name, AttachmentDeserializer { inner, parts }))
    }
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for AttachmentDeserializer<'_, A> {
    type Error = A::Error;

    fn unit_variant(self) -> Result<(), A::Error> {
        self.inner.unit_variant()
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, A::Error> {
        self.inner.newtype_variant_seed(AttachmentDeserializer { inner: seed, parts: self.parts })
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, A::Error> {
        self.inner.tuple_variant(len, Shown { visitor, parts: self.parts, objects: Objects::Objects })
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        self.inner.struct_variant(fields, Shown { visitor, parts: self.parts, objects: Objects::Objects })
    }
}
