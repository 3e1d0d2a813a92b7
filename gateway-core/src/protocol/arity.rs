//! Number of elements that a type expects in a list.

use serde::de::value::Error;
use serde::de::{DeserializeOwned, Deserializer, Error as _, Visitor};
use serde::forward_to_deserialize_any;

/// Returns the number of elements of a type with a fixed one: tuples, arrays, structs.
pub(crate) fn arity_of<T: DeserializeOwned>() -> Option<usize> {
    let mut asked = None;
    // The probe provides no value; only the request of the type matters.
    let _ = T::deserialize(ArityProbe(&mut asked));
    asked
}

struct ArityProbe<'a>(&'a mut Option<usize>);

impl ArityProbe<'_> {
    fn note<T>(self, arity: usize) -> Result<T, Error> {
        *self.0 = Some(arity);
        Err(Error::custom("asked only"))
    }
}

impl<'de> Deserializer<'de> for ArityProbe<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(Error::custom("asked only"))
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, arity: usize, _: V) -> Result<V::Value, Error> {
        self.note(arity)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(self, _: &'static str, arity: usize, _: V) -> Result<V::Value, Error> {
        self.note(arity)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Error> {
        self.note(fields.len())
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct seq map
        enum identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use super::arity_of;

    #[derive(serde::Deserialize)]
    #[expect(dead_code, reason = "read only")]
    struct NamedFields {
        one: u8,
        other: Option<String>,
    }

    #[derive(serde::Deserialize)]
    #[expect(dead_code, reason = "read only")]
    struct WrappedTuple((u8, u8, u8));

    #[test]
    fn a_type_with_a_number_of_elements_says_it() {
        assert_eq!(arity_of::<(u8, String)>(), Some(2));
        assert_eq!(arity_of::<[u8; 4]>(), Some(4));
        assert_eq!(arity_of::<NamedFields>(), Some(2));
        assert_eq!(arity_of::<WrappedTuple>(), Some(3));
        assert_eq!(arity_of::<Box<(u8,)>>(), Some(1));
        assert_eq!(arity_of::<Vec<u8>>(), None);
        assert_eq!(arity_of::<serde_json::Value>(), None);
        assert_eq!(arity_of::<u8>(), None);
    }
}
