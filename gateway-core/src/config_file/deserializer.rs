//! The values of a tree as serde reads them.

use std::vec;

use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use serde::de::{DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

use crate::config_file::fault::ReadFault;
use crate::config_file::tree::{ConfigEntry, ConfigTable, ConfigValue};
use crate::config_file::variables;

/// A value that is read, with the keys that its reader knows if it is a table with fixed ones.
#[derive(Clone, Copy)]
pub(super) struct EntryDeserializer<'a> {
    entry: &'a ConfigEntry,
    known: Option<&'static [&'static str]>,
}

impl<'a> EntryDeserializer<'a> {
    pub(super) fn new(entry: &'a ConfigEntry) -> Self {
        Self { entry, known: None }
    }

    fn list<'de, V: Visitor<'de>>(list: Vec<(usize, ConfigEntry)>, visitor: V) -> Result<V::Value, ReadFault> {
        visitor.visit_seq(ListAccess { elements: list.into_iter() })
    }
}

/// A text of a variable as a number or a truth value, where one is expected.
macro_rules! read_from_variable {
    ($($method:ident => $type:ty, $visit:ident;)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadFault> {
            match &self.entry.value {
                ConfigValue::Variable(text) => match text.trim().parse::<$type>() {
                    Ok(value) => visitor.$visit(value),
                    Err(_) => visitor.visit_str(text),
                },
                _ => self.deserialize_any(visitor),
            }
        })*
    };
}

impl<'de> Deserializer<'de> for EntryDeserializer<'_> {
    type Error = ReadFault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadFault> {
        match &self.entry.value {
            ConfigValue::Text(text) => visitor.visit_str(text),
            // Nothing tells which type is expected, so it is the one that the text looks like.
            ConfigValue::Variable(text) => match (text.parse::<i64>(), text.parse::<bool>()) {
                (Ok(number), _) => visitor.visit_i64(number),
                (_, Ok(is_true)) => visitor.visit_bool(is_true),
                _ => visitor.visit_str(text),
            },
            ConfigValue::Integer(number) => visitor.visit_i64(*number),
            ConfigValue::Float(number) => visitor.visit_f64(*number),
            ConfigValue::Boolean(is_true) => visitor.visit_bool(*is_true),
            ConfigValue::List(list) => Self::list(list.clone(), visitor),
            ConfigValue::Table(table) => visitor.visit_map(TableAccess::new(table, self.known)),
        }
    }

    read_from_variable! {
        deserialize_bool => bool, visit_bool;
        deserialize_i8 => i64, visit_i64;
        deserialize_i16 => i64, visit_i64;
        deserialize_i32 => i64, visit_i64;
        deserialize_i64 => i64, visit_i64;
        deserialize_u8 => i64, visit_i64;
        deserialize_u16 => i64, visit_i64;
        deserialize_u32 => i64, visit_i64;
        deserialize_u64 => i64, visit_i64;
        deserialize_f32 => f64, visit_f64;
        deserialize_f64 => f64, visit_f64;
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadFault> {
        match &self.entry.value {
            ConfigValue::Variable(text) => visitor.visit_str(text),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadFault> {
        self.deserialize_str(visitor)
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadFault> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadFault> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, ReadFault> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadFault> {
        match &self.entry.value {
            ConfigValue::Variable(text) => Self::list(variables::elements(text, &self.entry.place), visitor),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, ReadFault> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadFault> {
        Self { known: Some(fields), ..self }.deserialize_any(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadFault> {
        match &self.entry.value {
            ConfigValue::Text(text) | ConfigValue::Variable(text) => {
                let text: StrDeserializer<'_, ReadFault> = text.as_str().into_deserializer();
                text.deserialize_enum(name, variants, visitor)
            }
            ConfigValue::Table(table) => visitor.visit_enum(MapAccessDeserializer::new(TableAccess::new(table, None))),
            ConfigValue::Integer(_) | ConfigValue::Float(_) | ConfigValue::Boolean(_) | ConfigValue::List(_) => {
                self.deserialize_any(visitor)
            }
        }
    }

    forward_to_deserialize_any! {
        i128 u128 bytes byte_buf unit unit_struct tuple_struct map identifier ignored_any
    }
}

struct TableAccess<'a> {
    entries: std::collections::btree_map::Iter<'a, String, ConfigEntry>,
    known: Option<&'static [&'static str]>,
    /// The entry whose key was read.
    current: Option<(&'a str, &'a ConfigEntry)>,
}

impl<'a> TableAccess<'a> {
    fn new(table: &'a ConfigTable, known: Option<&'static [&'static str]>) -> Self {
        Self { entries: table.iter(), known, current: None }
    }
}

impl<'de> MapAccess<'de> for TableAccess<'_> {
    type Error = ReadFault;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, ReadFault> {
        let Some((key, entry)) = self.entries.next() else { return Ok(None) };
        self.current = Some((key, entry));
        // A type that ignores what it does not know would swallow a slip of the pen.
        if let Some(known) = self.known.filter(|known| !known.contains(&key.as_str())) {
            return Err(ReadFault::unknown_key(known).of_key(key));
        }
        let text: StrDeserializer<'_, ReadFault> = key.as_str().into_deserializer();
        seed.deserialize(text).map(Some).map_err(|fault| fault.of_key(key))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, ReadFault> {
        let (key, entry) = self.current.take().expect("serde asks for a value after its key");
        seed.deserialize(EntryDeserializer::new(entry)).map_err(|fault| fault.under(key))
    }
}

struct ListAccess {
    elements: vec::IntoIter<(usize, ConfigEntry)>,
}

impl<'de> SeqAccess<'de> for ListAccess {
    type Error = ReadFault;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, ReadFault> {
        let Some((index, entry)) = self.elements.next() else { return Ok(None) };
        let read = seed.deserialize(EntryDeserializer::new(&entry));
        read.map(Some).map_err(|fault| fault.under(index.to_string()))
    }
}
