//! Check that a type can be read from the parameters of a namespace before any path is known. The type is read from
//! samples, and only failures that no value could avoid count.

use std::fmt;

use serde::de::value::StrDeserializer;
use serde::de::{self, DeserializeOwned, Deserializer, Expected, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;

use crate::handler::extract::parameters::{Parameters, ReadParameter};

/// Returns an error if a `T` can never be read from these parameters.
pub(in crate::handler) fn fits<T: DeserializeOwned>(parameters: &[&str]) -> Result<(), String> {
    let list: Vec<_> = parameters.iter().map(|name| ((*name).to_owned(), "sample".to_owned())).collect();
    match T::deserialize(Parameters::new(&list, |_| ShapeSample)) {
        Err(ShapeError::Always(why)) => Err(why),
        // Another value may be readable.
        Ok(_) | Err(ShapeError::Perhaps) => Ok(()),
    }
}

#[derive(Debug)]
enum ShapeError {
    Always(String),
    Perhaps,
}

impl fmt::Display for ShapeError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, formatter)
    }
}

impl std::error::Error for ShapeError {}

impl de::Error for ShapeError {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self::Perhaps
    }

    fn invalid_length(length: usize, expected: &dyn Expected) -> Self {
        Self::Always(format!("it has {}, and this is {expected}", counted(length)))
    }

    fn missing_field(field: &'static str) -> Self {
        Self::Always(format!("it has no parameter `{field}`"))
    }

    fn unknown_field(field: &str, _: &'static [&'static str]) -> Self {
        Self::Always(format!("there is no place for its parameter `{field}`"))
    }
}

fn counted(parameters: usize) -> String {
    format!("{parameters} parameter{}", if parameters == 1 { "" } else { "s" })
}

/// A sample of any requested type.
struct ShapeSample;

impl ReadParameter<'_> for ShapeSample {
    fn not_one(count: usize) -> ShapeError {
        ShapeError::Always(format!("it has {}, and this is one value", counted(count)))
    }
}

macro_rules! samples {
    ($($method:ident $visit:ident $value:expr,)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ShapeError> {
            visitor.$visit($value)
        }
    )*};
}

impl<'de> Deserializer<'de> for ShapeSample {
    type Error = ShapeError;

    samples! {
        deserialize_any visit_borrowed_str "sample",
        deserialize_bool visit_bool false,
        deserialize_char visit_char 's',
        deserialize_i8 visit_i8 1, deserialize_i16 visit_i16 1, deserialize_i32 visit_i32 1, deserialize_i64 visit_i64 1,
        deserialize_i128 visit_i128 1,
        deserialize_u8 visit_u8 1, deserialize_u16 visit_u16 1, deserialize_u32 visit_u32 1, deserialize_u64 visit_u64 1,
        deserialize_u128 visit_u128 1,
        deserialize_f32 visit_f32 1.0, deserialize_f64 visit_f64 1.0,
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ShapeError> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, ShapeError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ShapeError> {
        let variant: StrDeserializer<'de, ShapeError> =
            variants.first().copied().unwrap_or_default().into_deserializer();
        variant.deserialize_enum(name, variants, visitor)
    }

    forward_to_deserialize_any! {
        str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

impl IntoDeserializer<'_, ShapeError> for ShapeSample {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::net::IpAddr;

    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    #[expect(dead_code, reason = "only its shape is looked at")]
    struct PlayerPath {
        game: String,
        player: Option<u32>,
        #[serde(default)]
        color: Color,
    }

    #[derive(Default, Deserialize)]
    enum Color {
        #[default]
        Black,
        White,
    }

    fn check<T: DeserializeOwned>(parameters: &[&str], expected: Result<(), &str>) {
        assert_eq!(fits::<T>(parameters), expected.map_err(str::to_owned));
    }

    #[test]
    fn only_what_no_path_could_mend_counts() {
        let _ = Color::White;
        check::<String>(&["room"], Ok(()));
        check::<u8>(&["room"], Ok(()));
        check::<IpAddr>(&["peer"], Ok(()));
        check::<Color>(&["color"], Ok(()));
        check::<PlayerPath>(&["game"], Ok(()));
        check::<PlayerPath>(&["game", "player", "other"], Ok(()));
        check::<(String, u8)>(&["game", "player"], Ok(()));
        check::<HashMap<String, String>>(&[], Ok(()));
        check::<()>(&[], Ok(()));
        check::<PlayerPath>(&["player"], Err("it has no parameter `game`"));
        check::<String>(&[], Err("it has 0 parameters, and this is one value"));
        check::<u8>(&["game", "player"], Err("it has 2 parameters, and this is one value"));
        check::<(String, u8)>(&["game"], Err("it has 1 parameter, and this is a tuple of size 2"));
    }
}
