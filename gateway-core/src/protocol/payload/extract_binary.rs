//! Serialisation of values to JSON with byte strings as attachments: an adapter between a value and the JSON serializer
//! that handles bytes and forwards everything else.

use std::cell::RefCell;
use std::fmt::Display;

use bytes::Bytes;
use serde::Serialize;
use serde::ser::{
    self, Error as _, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

use crate::protocol::payload::placeholder::Placeholders;

/// Serialises a value. Returns the JSON, with a placeholder for each byte string, and the byte strings.
pub(super) fn set_aside<T: Serialize + ?Sized>(value: &T) -> Result<(String, Vec<Bytes>), serde_json::Error> {
    let bytes = RefCell::new(Vec::new());
    let json = serde_json::to_string(&BinaryExtractor { inner: value, bytes: &bytes })?;
    let attachments = bytes.into_inner();
    if !attachments.is_empty() {
        // A client would read an object that looks like a placeholder as one, or end the connection.
        let placeholders = Placeholders::find(&json, attachments.len());
        if placeholders.is_none_or(|placeholders| placeholders.len() != attachments.len()) {
            return Err(serde_json::Error::custom("beside bytes, `_placeholder` cannot be a member that is `true`"));
        }
    }
    Ok((json, attachments))
}

/// A value, a serializer or a part of one, with the list of attachments.
#[derive(Clone, Copy)]
struct BinaryExtractor<'a, I> {
    inner: I,
    bytes: &'a RefCell<Vec<Bytes>>,
}

#[derive(Serialize)]
struct PlaceholderObject {
    #[serde(rename = "_placeholder")]
    is_placeholder: bool,
    num: usize,
}

impl<'a, I> BinaryExtractor<'a, I> {
    fn with<J>(&self, inner: J) -> BinaryExtractor<'a, J> {
        BinaryExtractor { inner, bytes: self.bytes }
    }
}

impl<T: Serialize + ?Sized> Serialize for BinaryExtractor<'_, &T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.inner.serialize(self.with(serializer))
    }
}

/// Forwards a method of a serializer unchanged.
macro_rules! hand_on {
    ($($method:ident($($name:ident: $type:ty),*))*) => {$(
        fn $method(self, $($name: $type),*) -> Result<S::Ok, S::Error> {
            self.inner.$method($($name),*)
        }
    )*};
}

/// Forwards a method of a serializer that returns a serializer for parts.
macro_rules! open {
    ($($method:ident($($name:ident: $type:ty),*) -> $parts:ident)*) => {$(
        fn $method(self, $($name: $type),*) -> Result<Self::$parts, S::Error> {
            let bytes = self.bytes;
            self.inner.$method($($name),*).map(|inner| BinaryExtractor { inner, bytes })
        }
    )*};
}

impl<'a, S: Serializer> Serializer for BinaryExtractor<'a, S> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = BinaryExtractor<'a, S::SerializeSeq>;
    type SerializeTuple = BinaryExtractor<'a, S::SerializeTuple>;
    type SerializeTupleStruct = BinaryExtractor<'a, S::SerializeTupleStruct>;
    type SerializeTupleVariant = BinaryExtractor<'a, S::SerializeTupleVariant>;
    type SerializeMap = BinaryExtractor<'a, S::SerializeMap>;
    type SerializeStruct = BinaryExtractor<'a, S::SerializeStruct>;
    type SerializeStructVariant = BinaryExtractor<'a, S::SerializeStructVariant>;

    hand_on! {
        serialize_bool(value: bool)
        serialize_i8(value: i8) serialize_i16(value: i16) serialize_i32(value: i32) serialize_i64(value: i64) serialize_i128(value: i128)
        serialize_u8(value: u8) serialize_u16(value: u16) serialize_u32(value: u32) serialize_u64(value: u64) serialize_u128(value: u128)
        serialize_f32(value: f32) serialize_f64(value: f64)
        serialize_char(value: char) serialize_str(value: &str)
        serialize_none() serialize_unit() serialize_unit_struct(name: &'static str)
        serialize_unit_variant(name: &'static str, index: u32, variant: &'static str)
    }

    open! {
        serialize_seq(len: Option<usize>) -> SerializeSeq
        serialize_tuple(len: usize) -> SerializeTuple
        serialize_tuple_struct(name: &'static str, len: usize) -> SerializeTupleStruct
        serialize_tuple_variant(name: &'static str, index: u32, variant: &'static str, len: usize) -> SerializeTupleVariant
        serialize_map(len: Option<usize>) -> SerializeMap
        serialize_struct(name: &'static str, len: usize) -> SerializeStruct
        serialize_struct_variant(name: &'static str, index: u32, variant: &'static str, len: usize) -> SerializeStructVariant
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<S::Ok, S::Error> {
        let num = self.bytes.borrow().len();
        self.bytes.borrow_mut().push(Bytes::copy_from_slice(value));
        PlaceholderObject { is_placeholder: true, num }.serialize(self.inner)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        let value = self.with(value);
        self.inner.serialize_some(&value)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, name: &'static str, value: &T) -> Result<S::Ok, S::Error> {
        let value = self.with(value);
        self.inner.serialize_newtype_struct(name, &value)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        let value = self.with(value);
        self.inner.serialize_newtype_variant(name, index, variant, &value)
    }

    fn collect_str<T: Display + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        self.inner.collect_str(value)
    }

    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

/// Forwards a method for parts that are values.
macro_rules! parts {
    ($($part:ident $method:ident($($name:ident: $type:ty)?))*) => {$(
        impl<S: $part> ser::$part for BinaryExtractor<'_, S> {
            type Ok = S::Ok;
            type Error = S::Error;

            fn $method<T: Serialize + ?Sized>(&mut self, $($name: $type,)? value: &T) -> Result<(), S::Error> {
                let value = self.with(value);
                self.inner.$method($($name,)? &value)
            }

            fn end(self) -> Result<S::Ok, S::Error> {
                self.inner.end()
            }
        }
    )*};
}

parts! {
    SerializeSeq serialize_element()
    SerializeTuple serialize_element()
    SerializeTupleStruct serialize_field()
    SerializeTupleVariant serialize_field()
    SerializeStruct serialize_field(name: &'static str)
    SerializeStructVariant serialize_field(name: &'static str)
}

impl<S: SerializeMap> SerializeMap for BinaryExtractor<'_, S> {
    type Ok = S::Ok;
    type Error = S::Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), S::Error> {
        self.inner.serialize_key(key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), S::Error> {
        let value = self.with(value);
        self.inner.serialize_value(&value)
    }

    fn serialize_entry<K: Serialize + ?Sized, T: Serialize + ?Sized>(
        &mut self,
        key: &K,
        value: &T,
    ) -> Result<(), S::Error> {
        let value = self.with(value);
        self.inner.serialize_entry(key, &value)
    }

    fn end(self) -> Result<S::Ok, S::Error> {
        self.inner.end()
    }
}
