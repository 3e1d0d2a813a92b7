//! Values to JSON and back, their bytes as base64.

use std::fmt;
use std::io;

use data_encoding::BASE64;
use serde::Serialize;
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Error as _, MapAccess, SeqAccess, VariantAccess,
    Visitor,
};
use serde_json::ser::Formatter;

/// Writes a value. Bytes become the text of their base64.
pub(crate) fn write<T: Serialize + ?Sized>(value: &T) -> Result<String, serde_json::Error> {
    let mut text = Vec::with_capacity(128);
    value.serialize(&mut serde_json::Serializer::with_formatter(&mut text, Base64Formatter))?;
    // The serialiser of JSON writes UTF-8 only.
    String::from_utf8(text).map_err(serde::ser::Error::custom)
}

/// Reads a value. Bytes are read from base64, or from a list of numbers.
pub(crate) fn read<T: DeserializeOwned>(json: &str) -> Result<T, serde_json::Error> {
    let mut json = serde_json::Deserializer::from_str(json);
    let value = T::deserialize(Decoding(&mut json))?;
    json.end()?;
    Ok(value)
}

struct Base64Formatter;

impl Formatter for Base64Formatter {
    fn write_byte_array<W: ?Sized + io::Write>(&mut self, writer: &mut W, value: &[u8]) -> io::Result<()> {
        write!(writer, "\"{}\"", BASE64.encode_display(value))
    }
}

/// A deserialiser, or what gives the parts of a value, that reads bytes from base64.
struct Decoding<I>(I);

/// The visitor of a value with other values inside.
struct Nested<V>(V);

/// The visitor of bytes.
struct BytesVisitor<V>(V);

macro_rules! hand_on {
    ($($method:ident($($name:ident: $type:ty),*))*) => {$(
        fn $method<V: Visitor<'de>>(self, $($name: $type,)* visitor: V) -> Result<V::Value, D::Error> {
            self.0.$method($($name,)* visitor)
        }
    )*};
}

macro_rules! nest {
    ($($method:ident($($name:ident: $type:ty),*))*) => {$(
        fn $method<V: Visitor<'de>>(self, $($name: $type,)* visitor: V) -> Result<V::Value, D::Error> {
            self.0.$method($($name,)* Nested(visitor))
        }
    )*};
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Decoding<D> {
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

    nest! {
        deserialize_any()
        deserialize_option()
        deserialize_seq()
        deserialize_tuple(len: usize)
        deserialize_tuple_struct(name: &'static str, len: usize)
        deserialize_map()
        deserialize_struct(name: &'static str, fields: &'static [&'static str])
        deserialize_enum(name: &'static str, variants: &'static [&'static str])
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_any(BytesVisitor(visitor))
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_any(BytesVisitor(visitor))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, D::Error> {
        // The raw JSON of a value is asked for by such a name.
        if name.starts_with("$serde_json::private::") {
            return self.0.deserialize_newtype_struct(name, visitor);
        }
        self.0.deserialize_newtype_struct(name, Nested(visitor))
    }

    fn is_human_readable(&self) -> bool {
        self.0.is_human_readable()
    }
}

/// Methods of a visitor of plain values.
macro_rules! visit {
    ($($method:ident($type:ty))*) => {$(
        fn $method<E: serde::de::Error>(self, value: $type) -> Result<V::Value, E> {
            self.0.$method(value)
        }
    )*};
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Nested<V> {
    type Value = V::Value;

    visit! {
        visit_bool(bool)
        visit_i64(i64) visit_i128(i128) visit_u64(u64) visit_u128(u128) visit_f64(f64)
        visit_str(&str) visit_borrowed_str(&'de str) visit_string(String)
        visit_bytes(&[u8]) visit_borrowed_bytes(&'de [u8]) visit_byte_buf(Vec<u8>)
    }

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(formatter)
    }

    fn visit_none<E: serde::de::Error>(self) -> Result<V::Value, E> {
        self.0.visit_none()
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<V::Value, E> {
        self.0.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, value: D) -> Result<V::Value, D::Error> {
        self.0.visit_some(Decoding(value))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, value: D) -> Result<V::Value, D::Error> {
        self.0.visit_newtype_struct(Decoding(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, elements: A) -> Result<V::Value, A::Error> {
        self.0.visit_seq(Decoding(elements))
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<V::Value, A::Error> {
        self.0.visit_map(Decoding(members))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, variant: A) -> Result<V::Value, A::Error> {
        self.0.visit_enum(Decoding(variant))
    }
}

impl<'de, V: Visitor<'de>> Visitor<'de> for BytesVisitor<V> {
    type Value = V::Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("binary data as base64")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<V::Value, E> {
        let bytes = BASE64.decode(text.as_bytes()).map_err(|error| E::custom(format!("no base64: {error}")))?;
        self.0.visit_byte_buf(bytes)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, elements: A) -> Result<V::Value, A::Error> {
        self.0.visit_seq(elements)
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<V::Value, E> {
        self.0.visit_unit()
    }

    fn visit_map<A: MapAccess<'de>>(self, _: A) -> Result<V::Value, A::Error> {
        Err(A::Error::custom("binary data is base64, not an object"))
    }
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Decoding<S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<S::Value, D::Error> {
        self.0.deserialize(Decoding(deserializer))
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Decoding<A> {
    type Error = A::Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, A::Error> {
        self.0.next_element_seed(Decoding(seed))
    }

    fn size_hint(&self) -> Option<usize> {
        self.0.size_hint()
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Decoding<A> {
    type Error = A::Error;

    // Keys are texts, and the one by which a value asks for its raw JSON has to stay as it is.
    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        self.0.next_key_seed(seed)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, A::Error> {
        self.0.next_value_seed(Decoding(seed))
    }

    fn size_hint(&self) -> Option<usize> {
        self.0.size_hint()
    }
}

impl<'de, A: EnumAccess<'de>> EnumAccess<'de> for Decoding<A> {
    type Error = A::Error;
    type Variant = Decoding<A::Variant>;

    fn variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<(T::Value, Self::Variant), A::Error> {
        self.0.variant_seed(seed).map(|(value, variant)| (value, Decoding(variant)))
    }
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for Decoding<A> {
    type Error = A::Error;

    fn unit_variant(self) -> Result<(), A::Error> {
        self.0.unit_variant()
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, A::Error> {
        self.0.newtype_variant_seed(Decoding(seed))
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, A::Error> {
        self.0.tuple_variant(len, Nested(visitor))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        self.0.struct_variant(fields, Nested(visitor))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use bytes::Bytes;
    use serde::Deserialize;
    use serde_json::Value;
    use serde_json::value::RawValue;

    use super::*;

    #[derive(Debug, Deserialize, PartialEq, Serialize)]
    struct File {
        name: String,
        content: Bytes,
        preview: Option<Bytes>,
        parts: Vec<Part>,
        sizes: BTreeMap<u8, (Bytes, f64)>,
    }

    #[derive(Debug, Deserialize, PartialEq, Serialize)]
    enum Part {
        Nothing,
        Raw(Bytes),
        Both(Bytes, u8),
        Named { bytes: Bytes },
    }

    #[test]
    fn bytes_are_base64_at_any_depth() {
        let hi = || Bytes::from_static(b"hi");
        let file = File {
            name: "a\"b".to_owned(),
            content: hi(),
            preview: Some(hi()),
            parts: vec![Part::Nothing, Part::Raw(hi()), Part::Both(hi(), 1), Part::Named { bytes: hi() }],
            sizes: BTreeMap::from([(3, (hi(), 0.5))]),
        };
        let text = write(&file).unwrap();
        assert_eq!(
            text,
            r#"{"name":"a\"b","content":"aGk=","preview":"aGk=","parts":["Nothing",{"Raw":"aGk="},{"Both":["aGk=",1]},{"Named":{"bytes":"aGk="}}],"sizes":{"3":["aGk=",0.5]}}"#
        );
        assert_eq!(read::<File>(&text).unwrap(), file);
    }

    #[test]
    fn other_values_are_read_as_they_are() {
        let text = r#"{"a":[1,-2,0.5,null,true,"aGk="],"b":{}}"#;
        assert_eq!(read::<Value>(text).unwrap(), serde_json::from_str::<Value>(text).unwrap());
        assert_eq!(read::<Box<RawValue>>(text).unwrap().get(), text);
        assert_eq!(read::<BTreeMap<String, Box<RawValue>>>(text).unwrap()["b"].get(), "{}");
        assert_eq!(read::<Bytes>("[104,105]").unwrap(), "hi");
        assert_eq!(read::<Option<Bytes>>("null").unwrap(), None);
        assert!(read::<Bytes>("\"?\"").is_err() && read::<Bytes>("{}").is_err() && read::<u8>("1 2").is_err());
    }
}
