//! A deserializer of a namespace's parameters.

use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{Deserializer, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;

type ParameterError = serde::de::value::Error;

/// The parameters of a namespace, each read by `P`.
pub(in crate::handler) struct Parameters<'a, P> {
    list: &'a [(String, String)],
    value: fn(&'a str) -> P,
}

/// Deserialization of one parameter's value.
pub(in crate::handler) trait ReadParameter<'de>:
    Deserializer<'de> + IntoDeserializer<'de, <Self as Deserializer<'de>>::Error>
{
    /// Error for one expected value with `count` parameters.
    fn not_one(count: usize) -> <Self as Deserializer<'de>>::Error {
        serde::de::Error::custom(format_args!("the namespace has {count} parameters, not one"))
    }
}

impl<'de> ReadParameter<'de> for ParameterValue<'de> {}

impl<'de, P: ReadParameter<'de>> Parameters<'de, P> {
    pub(in crate::handler) fn new(list: &'de [(String, String)], value: fn(&'de str) -> P) -> Self {
        Self { list, value }
    }

    fn only(&self) -> Result<P, P::Error> {
        match self.list {
            [(_, value)] => Ok((self.value)(value)),
            others => Err(P::not_one(others.len())),
        }
    }
}

macro_rules! read_the_only_value {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, P::Error> {
            self.only()?.$method(visitor)
        }
    )*};
}

impl<'de, P: ReadParameter<'de>> Deserializer<'de> for Parameters<'de, P> {
    type Error = P::Error;

    read_the_only_value! {
        deserialize_any deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128 deserialize_f32 deserialize_f64
        deserialize_char deserialize_str deserialize_string deserialize_bytes deserialize_byte_buf deserialize_option
        deserialize_identifier deserialize_ignored_any
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, P::Error> {
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, P::Error> {
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, P::Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, P::Error> {
        visitor.visit_seq(SeqDeserializer::new(self.list.iter().map(|(_, value)| (self.value)(value))))
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, P::Error> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, P::Error> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, P::Error> {
        visitor
            .visit_map(MapDeserializer::new(self.list.iter().map(|(name, value)| (name.as_str(), (self.value)(value)))))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, P::Error> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, P::Error> {
        self.only()?.deserialize_enum(name, variants, visitor)
    }
}

/// A deserializer of one parameter: a text, or a number or a boolean in a text.
pub(in crate::handler) struct ParameterValue<'de>(pub(in crate::handler) &'de str);

macro_rules! read_as {
    ($($method:ident $visit:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ParameterError> {
            let parsed = self.0.parse().map_err(|_| <ParameterError as serde::de::Error>::invalid_value(serde::de::Unexpected::Str(self.0), &visitor))?;
            visitor.$visit(parsed)
        }
    )*};
}

impl<'de> Deserializer<'de> for ParameterValue<'de> {
    type Error = ParameterError;

    read_as! {
        deserialize_bool visit_bool
        deserialize_i8 visit_i8 deserialize_i16 visit_i16 deserialize_i32 visit_i32 deserialize_i64 visit_i64 deserialize_i128 visit_i128
        deserialize_u8 visit_u8 deserialize_u16 visit_u16 deserialize_u32 visit_u32 deserialize_u64 visit_u64 deserialize_u128 visit_u128
        deserialize_f32 visit_f32 deserialize_f64 visit_f64
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ParameterError> {
        visitor.visit_borrowed_str(self.0)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ParameterError> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, ParameterError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ParameterError> {
        let name_of_variant: serde::de::value::StrDeserializer<'de, ParameterError> = self.0.into_deserializer();
        name_of_variant.deserialize_enum(name, variants, visitor)
    }

    forward_to_deserialize_any! {
        char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

impl<'de> IntoDeserializer<'de, ParameterError> for ParameterValue<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use serde::Deserialize;
    use serde::de::DeserializeOwned;

    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    struct Player {
        game: String,
        player: u32,
    }

    fn read<T: DeserializeOwned>(parameters: &[(&str, &str)]) -> Result<T, ParameterError> {
        let owned: Vec<_> = parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        T::deserialize(Parameters::new(&owned, ParameterValue))
    }

    #[test]
    fn parameters_are_read_by_name_by_place_and_alone() {
        let two = [("game", "g 1"), ("player", "7")];
        assert_eq!(read(&two), Ok(Player { game: "g 1".into(), player: 7 }));
        assert_eq!(read(&two), Ok(("g 1".to_owned(), 7_u8)));
        assert_eq!(read::<HashMap<String, String>>(&two).unwrap()["player"], "7");
        assert_eq!(read(&two[1..]), Ok("7".to_owned()));
        assert_eq!(read(&two[1..]), Ok(7_i64));
        assert_eq!(read(&two[1..]), Ok(Some(7_u16)));
        assert!(read::<u8>(&two[..1]).is_err());
        assert!(read::<String>(&two).is_err());
    }
}
