//! Reading TOML into a tree.

use std::ops::Range;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::config_file::fault::ConfigFault;
use crate::config_file::tree::{ConfigEntry, ConfigTable, ConfigValue, ValuePlace};

/// Reads a text as TOML; `name` is that of its file.
///
/// # Errors
///
/// Every place that is no TOML.
pub(super) fn parse(name: &str, text: &str) -> Result<ConfigEntry, Vec<ConfigFault>> {
    let file = TomlFile { name: name.into(), text };
    let (table, errors) = DeTable::parse_recoverable(text);
    if errors.is_empty() {
        return Ok(ConfigEntry { value: file.table(table.get_ref()), place: ValuePlace::Nowhere });
    }
    let faults = errors.iter().map(|error| {
        let place = file.place(error.span().unwrap_or_default());
        ConfigFault::malformed(&place, error.message())
    });
    Err(faults.collect())
}

struct TomlFile<'a> {
    name: Arc<str>,
    text: &'a str,
}

impl TomlFile<'_> {
    fn table(&self, table: &DeTable<'_>) -> ConfigValue {
        let entries = table.iter().map(|(key, value)| {
            let entry = ConfigEntry { value: self.value(value.get_ref()), place: self.place(key.span()) };
            (key.get_ref().to_string(), entry)
        });
        ConfigValue::Table(entries.collect::<ConfigTable>())
    }

    fn value(&self, value: &DeValue<'_>) -> ConfigValue {
        match value {
            DeValue::String(text) => ConfigValue::Text(text.to_string()),
            // What does not fit is told as the number it is.
            DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix()).map_or_else(
                |_| ConfigValue::Float(number.as_str().parse().unwrap_or(f64::INFINITY)),
                ConfigValue::Integer,
            ),
            DeValue::Float(number) => ConfigValue::Float(number.as_str().parse().unwrap_or(f64::NAN)),
            DeValue::Boolean(is_true) => ConfigValue::Boolean(*is_true),
            DeValue::Datetime(time) => ConfigValue::Text(time.to_string()),
            DeValue::Array(list) => {
                ConfigValue::List(list.iter().map(|value| self.element(value)).enumerate().collect())
            }
            DeValue::Table(table) => self.table(table),
        }
    }

    fn element(&self, value: &Spanned<DeValue<'_>>) -> ConfigEntry {
        ConfigEntry { value: self.value(value.get_ref()), place: self.place(value.span()) }
    }

    fn place(&self, span: Range<usize>) -> ValuePlace {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        ValuePlace::Line { file: Arc::clone(&self.name), line: before.matches('\n').count() + 1 }
    }
}
