//! The form of all options: private fields, a setter for each, and reading them from a configuration file.

/// Declares a struct of options: each row is a field with its docs and default, and becomes a setter. An `Option` takes its
/// value with and without `Some`.
macro_rules! options {
    (
        $(#[$meta:meta])*
        pub struct $name:ident {
            $($(#[$doc:meta])* $field:ident: $type:ident $(<$inner:ident>)? = $default:expr,)*
        }
    ) => {
        $(#[$meta])*
        ///
        /// Each setter replaces one value, and the others stay at their defaults. With the feature `config` the options can be
        /// read from a file, under the names of their setters.
        #[derive(Clone, Debug, Eq, PartialEq)]
        #[cfg_attr(feature = "config", derive(serde::Deserialize, serde::Serialize))]
        #[cfg_attr(feature = "config", serde(default, deny_unknown_fields))]
        #[must_use = "options do nothing before a server has them"]
        pub struct $name {
            $(
                #[cfg_attr(feature = "config", serde(with = "crate::options::setting"))]
                pub(crate) $field: $type $(<$inner>)?,
            )*
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default,)* }
            }
        }

        impl $name {
            /// The defaults.
            pub fn new() -> Self {
                Self::default()
            }

            $($crate::options::setter! { $(#[$doc])* $field: $type $(<$inner>)? })*
        }

        #[cfg(feature = "config")]
        $crate::options::setting::setting!($name);
    };
}

macro_rules! setter {
    ($(#[$doc:meta])* $field:ident: Option<$inner:ident>) => {
        $(#[$doc])*
        pub fn $field(mut self, $field: impl Into<Option<$inner>>) -> Self {
            self.$field = $field.into();
            self
        }
    };
    ($(#[$doc:meta])* $field:ident: $type:ident) => {
        $(#[$doc])*
        pub fn $field(mut self, $field: $type) -> Self {
            self.$field = $field;
            self
        }
    };
}

pub(crate) use {options, setter};

/// Values as they stand in a file: times as `"30s"`, and `"none"` for the absence of a limit.
#[cfg(feature = "config")]
pub(crate) mod setting {
    use std::fmt;
    use std::marker::PhantomData;
    use std::num::NonZeroU32;
    use std::time::Duration;

    use serde::Serializer;
    use serde::de::value::MapAccessDeserializer;
    use serde::de::{self, Deserializer, IntoDeserializer, MapAccess, Visitor};

    const NONE: &str = "none";

    /// A value of an option that can be read.
    pub(crate) trait ReadSetting: Sized {
        fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error>;
    }

    /// A value of an option that can be written.
    pub(crate) trait WriteSetting {
        fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error>;
    }

    pub(crate) fn deserialize<'de, T: ReadSetting, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
        T::read(deserializer)
    }

    pub(crate) fn serialize<T: WriteSetting, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
        value.write(serializer)
    }

    /// Reads types as serde does.
    macro_rules! readable {
        ($($type:ty),*) => {
            $(impl $crate::options::setting::ReadSetting for $type {
                fn read<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                    serde::Deserialize::deserialize(deserializer)
                }
            })*
        };
    }

    /// Reads and writes types as serde does.
    macro_rules! setting {
        ($($type:ty),*) => {
            $crate::options::setting::readable!($($type),*);
            $(impl $crate::options::setting::WriteSetting for $type {
                fn write<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                    serde::Serialize::serialize(self, serializer)
                }
            })*
        };
    }

    pub(crate) use {readable, setting};

    setting!(bool, u8, usize, NonZeroU32);

    impl ReadSetting for Duration {
        fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            deserializer.deserialize_str(Time)
        }
    }

    impl WriteSetting for Duration {
        fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_str(&humantime::format_duration(*self))
        }
    }

    impl<T: ReadSetting> ReadSetting for Option<T> {
        fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            deserializer.deserialize_any(Optional(PhantomData))
        }
    }

    impl<T: WriteSetting> WriteSetting for Option<T> {
        fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            match self {
                Some(value) => value.write(serializer),
                None => serializer.serialize_str(NONE),
            }
        }
    }

    struct Time;

    impl Visitor<'_> for Time {
        type Value = Duration;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("a time with its unit, such as \"30s\"")
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<Duration, E> {
            humantime::parse_duration(text).map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self))
        }
    }

    struct Optional<T>(PhantomData<T>);

    impl<'de, T: ReadSetting> Visitor<'de> for Optional<T> {
        type Value = Option<T>;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("a value, or \"none\"")
        }

        fn visit_unit<E: de::Error>(self) -> Result<Option<T>, E> {
            Ok(None)
        }

        fn visit_none<E: de::Error>(self) -> Result<Option<T>, E> {
            Ok(None)
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<Option<T>, E> {
            if text == NONE { Ok(None) } else { T::read(text.into_deserializer()).map(Some) }
        }

        fn visit_map<A: MapAccess<'de>>(self, table: A) -> Result<Option<T>, A::Error> {
            T::read(MapAccessDeserializer::new(table)).map(Some)
        }

        // The types below tell what is expected in their place.
        fn visit_bool<E: de::Error>(self, is_true: bool) -> Result<Option<T>, E> {
            T::read(is_true.into_deserializer()).map(Some)
        }

        fn visit_f64<E: de::Error>(self, number: f64) -> Result<Option<T>, E> {
            T::read(number.into_deserializer()).map(Some)
        }

        fn visit_u64<E: de::Error>(self, number: u64) -> Result<Option<T>, E> {
            T::read(number.into_deserializer()).map(Some)
        }

        fn visit_i64<E: de::Error>(self, number: i64) -> Result<Option<T>, E> {
            T::read(number.into_deserializer()).map(Some)
        }
    }
}
