//! Values that clients send as texts, read as by `transform: true` and `ParseIntPipe` of NestJS.

use std::fmt;
use std::ops::{Deref, DerefMut};

use serde::de::{DeserializeSeed, EnumAccess, Error, MapAccess, SeqAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A value whose numbers and booleans may be sent as texts: where a number is expected `"7"` is read as 7, where a boolean
/// is expected `"true"` as true, and where a text is expected 7 as `"7"`. This applies to nested structs, lists and
/// `Option`s too.
///
/// `Data<Lenient<u32>>` reads one number, `Data<Lenient<Order>>` a whole type. An attribute makes a single field lenient
/// and keeps its type:
///
/// ```
/// use gateway_core::extract::Lenient;
/// use serde::Deserialize;
///
/// #[derive(Deserialize)]
/// struct Page {
///     #[serde(deserialize_with = "Lenient::read")]
///     number: u32,
///     title: String,
/// }
///
/// let page: Page = serde_json::from_str(r#"{"number": "7", "title": "seven"}"#).unwrap();
/// assert_eq!(page.number, 7);
/// assert!(serde_json::from_str::<Lenient<u32>>(r#""7 pages""#).is_err());
/// ```
///
/// A text must consist of the number alone. Values that Serde buffers, under `flatten`, `tag` and `untagged`, are read
/// without conversion.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Lenient<T>(pub T);

impl<T> Lenient<T> {
    /// Reads a field: `#[serde(deserialize_with = "Lenient::read")]`.
    ///
    /// # Errors
    ///
    /// When the value is not a `T`, even as a text.
    pub fn read<'de, D>(deserializer: D) -> Result<T, D::Error>
    where
        T: Deserialize<'de>,
        D: Deserializer<'de>,
    {
        T::deserialize(Leniently(deserializer))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Lenient<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::read(deserializer).map(Self)
    }
}

impl<T: Serialize> Serialize for Lenient<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<T> Deref for Lenient<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for Lenient<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T> From<T> for Lenient<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

/// A deserializer whose texts are read as what is asked for.
struct Leniently<D>(D);

/// Type that a value is asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Wanted {
    Whole,
    Float,
    Truth,
    Text,
    Other,
}

macro_rules! wanted {
    ($($method:ident $wanted:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
            self.0.deserialize_any(Reread { visitor, wanted: Wanted::$wanted })
        }
    )*};
}

macro_rules! as_it_is {
    ($($method:ident($($name:ident: $kind:ty),*))*) => {$(
        fn $method<V: Visitor<'de>>(self, $($name: $kind,)* visitor: V) -> Result<V::Value, D::Error> {
            self.0.$method($($name,)* Reread { visitor, wanted: Wanted::Other })
        }
    )*};
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Leniently<D> {
    type Error = D::Error;

    wanted! {
        deserialize_i8 Whole deserialize_i16 Whole deserialize_i32 Whole deserialize_i64 Whole deserialize_i128 Whole
        deserialize_u8 Whole deserialize_u16 Whole deserialize_u32 Whole deserialize_u64 Whole deserialize_u128 Whole
        deserialize_f32 Float deserialize_f64 Float deserialize_bool Truth
        deserialize_str Text deserialize_string Text deserialize_char Text
    }

    as_it_is! {
        deserialize_any() deserialize_bytes() deserialize_byte_buf() deserialize_option() deserialize_unit()
        deserialize_unit_struct(name: &'static str) deserialize_newtype_struct(name: &'static str) deserialize_seq()
        deserialize_tuple(length: usize) deserialize_tuple_struct(name: &'static str, length: usize) deserialize_map()
        deserialize_struct(name: &'static str, fields: &'static [&'static str])
        deserialize_enum(name: &'static str, variants: &'static [&'static str])
        deserialize_identifier() deserialize_ignored_any()
    }

    fn is_human_readable(&self) -> bool {
        self.0.is_human_readable()
    }
}

/// Gives a visitor what it asks for, where a text says it.
struct Reread<V> {
    visitor: V,
    wanted: Wanted,
}

impl<'de, V: Visitor<'de>> Reread<V> {
    /// A number or a truth value, which may be wanted as a text.
    fn plain<E: Error>(
        self,
        text: impl FnOnce() -> String,
        visit: impl FnOnce(V) -> Result<V::Value, E>,
    ) -> Result<V::Value, E> {
        if self.wanted == Wanted::Text { self.visitor.visit_string(text()) } else { visit(self.visitor) }
    }
}

macro_rules! visit_plain {
    ($($method:ident $kind:ty)*) => {$(
        fn $method<E: Error>(self, value: $kind) -> Result<V::Value, E> {
            self.plain(|| value.to_string(), |visitor| visitor.$method(value))
        }
    )*};
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Reread<V> {
    type Value = V::Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.visitor.expecting(formatter)
    }

    visit_plain! { visit_bool bool visit_i64 i64 visit_i128 i128 visit_u64 u64 visit_u128 u128 visit_f64 f64 }

    fn visit_str<E: Error>(self, text: &str) -> Result<V::Value, E> {
        let unlike = |visitor: V| Err(E::invalid_value(Unexpected::Str(text), &visitor));
        let Self { visitor, wanted } = self;
        match wanted {
            Wanted::Whole if is_whole(text) => match (text.parse(), text.parse(), text.parse(), text.parse()) {
                (Ok(natural), ..) => visitor.visit_u64(natural),
                (_, Ok(integer), ..) => visitor.visit_i64(integer),
                (_, _, Ok(large), _) => visitor.visit_u128(large),
                (.., Ok(small)) => visitor.visit_i128(small),
                _ => unlike(visitor),
            },
            Wanted::Float => match text.parse::<f64>() {
                Ok(float)
                    if float.is_finite()
                        && text.starts_with(|letter: char| letter == '-' || letter.is_ascii_digit()) =>
                {
                    visitor.visit_f64(float)
                }
                _ => unlike(visitor),
            },
            Wanted::Truth => match text {
                "true" => visitor.visit_bool(true),
                "false" => visitor.visit_bool(false),
                _ => unlike(visitor),
            },
            Wanted::Whole => unlike(visitor),
            Wanted::Text | Wanted::Other => visitor.visit_str(text),
        }
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<V::Value, E> {
        match self.wanted {
            Wanted::Text | Wanted::Other => self.visitor.visit_borrowed_str(text),
            Wanted::Whole | Wanted::Float | Wanted::Truth => self.visit_str(text),
        }
    }

    fn visit_string<E: Error>(self, text: String) -> Result<V::Value, E> {
        match self.wanted {
            Wanted::Text | Wanted::Other => self.visitor.visit_string(text),
            Wanted::Whole | Wanted::Float | Wanted::Truth => self.visit_str(&text),
        }
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<V::Value, E> {
        self.visitor.visit_bytes(bytes)
    }

    fn visit_borrowed_bytes<E: Error>(self, bytes: &'de [u8]) -> Result<V::Value, E> {
        self.visitor.visit_borrowed_bytes(bytes)
    }

    fn visit_byte_buf<E: Error>(self, bytes: Vec<u8>) -> Result<V::Value, E> {
        self.visitor.visit_byte_buf(bytes)
    }

    fn visit_none<E: Error>(self) -> Result<V::Value, E> {
        self.visitor.visit_none()
    }

    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        self.visitor.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        self.visitor.visit_some(Leniently(deserializer))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        self.visitor.visit_newtype_struct(Leniently(deserializer))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, elements: A) -> Result<V::Value, A::Error> {
        self.visitor.visit_seq(Within(elements))
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<V::Value, A::Error> {
        self.visitor.visit_map(Within(members))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, variant: A) -> Result<V::Value, A::Error> {
        self.visitor.visit_enum(variant)
    }
}

/// `-7` and `7`, and no `+7` and ` 7`, as `ParseIntPipe` has it.
fn is_whole(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// Access to the values in a list or an object; names of members stay as they are.
struct Within<A>(A);

/// A value in one.
struct Seed<S>(S);

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Seed<S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<S::Value, D::Error> {
        self.0.deserialize(Leniently(deserializer))
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Within<A> {
    type Error = A::Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        self.0.next_element_seed(Seed(seed))
    }

    fn size_hint(&self) -> Option<usize> {
        self.0.size_hint()
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Within<A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        self.0.next_key_seed(seed)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        self.0.next_value_seed(Seed(seed))
    }

    fn size_hint(&self) -> Option<usize> {
        self.0.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::num::NonZeroU8;

    use serde::de::DeserializeOwned;

    use super::*;

    fn check<T: DeserializeOwned + PartialEq + fmt::Debug>(json: &str, expected: Option<T>) {
        let read = serde_json::from_str::<Lenient<T>>(json).ok().map(|read| read.0);
        assert_eq!((json, read), (json, expected));
    }

    #[test]
    fn numbers_and_truth_values_are_read_from_texts() {
        check(r#""7""#, Some(7_u32));
        check("7", Some(7_u32));
        check(r#""-7""#, Some(-7_i8));
        check(r#""18446744073709551616""#, Some(18_446_744_073_709_551_616_u128));
        check(r#""-9223372036854775809""#, Some(-9_223_372_036_854_775_809_i128));
        check(r#""7""#, NonZeroU8::new(7));
        for wrong in
            [r#""""#, r#"" 7""#, r#""+7""#, r#""7.5""#, r#""0x7""#, r#""256""#, r#""-1""#, "true", "null", "[]", "7.5"]
        {
            check::<u8>(wrong, None);
        }
        check(r#""7.5""#, Some(7.5_f64));
        check(r#""-1e3""#, Some(-1000.0_f32));
        check("7", Some(7.0_f64));
        for wrong in
            [r#""NaN""#, r#""inf""#, r#""Infinity""#, r#""-inf""#, r#""1e999""#, r#""""#, r#""seven""#, r#"" 1""#]
        {
            check::<f64>(wrong, None);
        }
        check(r#""true""#, Some(true));
        check("false", Some(false));
        check::<bool>(r#""yes""#, None);
        check::<bool>("1", None);
        check("7", Some("7".to_owned()));
        check("true", Some("true".to_owned()));
        check(r#""seven""#, Some("seven".to_owned()));
        check("7", Some('7'));
    }

    #[derive(Debug, Deserialize, PartialEq)]
    struct Order {
        places: u8,
        price: Option<f64>,
        tags: Vec<bool>,
        by_name: HashMap<String, i32>,
        #[serde(default)]
        note: String,
    }

    #[test]
    fn all_that_is_in_a_type_is_read_so() {
        let json = r#"{"places":"2","price":"8.5","tags":["true",false],"by_name":{"1":"-1"},"note":7}"#;
        let by_name = HashMap::from([("1".to_owned(), -1)]);
        let read = Order { places: 2, price: Some(8.5), tags: vec![true, false], by_name, note: "7".to_owned() };
        check(json, Some(read));
        check(r#""null""#, None::<Option<u8>>);
        check("null", Some(None::<u8>));
        check(r#"["1",2]"#, Some((1_u8, 2_i64)));
    }

    #[test]
    fn it_is_written_as_what_it_is() {
        assert_eq!(serde_json::to_string(&Lenient(7)).unwrap(), "7");
    }
}
