//! Environment variables as a tree: two underscores stand for the dot of a file.

use crate::config_file::tree::{ConfigEntry, ConfigTable, ConfigValue, ValuePlace};

/// Joins the keys of a variable's name.
const DOT: &str = "__";

/// The variables whose names begin with `prefix` and an underscore. Of two that contradict each other, as `A` and `A__B` do, the
/// longer name wins.
pub(super) fn collect(prefix: &str, variables: impl IntoIterator<Item = (String, String)>) -> ConfigEntry {
    let mut named: Vec<(String, String)> = variables.into_iter().collect();
    named.sort();
    let mut root = ConfigEntry::root();
    for (name, text) in named {
        let Some(path) = name.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('_')) else { continue };
        let keys: Vec<String> = path.to_lowercase().split(DOT).map(str::to_owned).collect();
        let place = ValuePlace::Variable(name.as_str().into());
        let ConfigEntry { value, .. } = nested(&keys, ConfigEntry { value: ConfigValue::Variable(text), place });
        root.merge(ConfigEntry { value, place: ValuePlace::Nowhere });
    }
    root
}

fn nested(keys: &[String], entry: ConfigEntry) -> ConfigEntry {
    let Some((first, rest)) = keys.split_first() else { return entry };
    let place = entry.place.clone();
    ConfigEntry { value: ConfigValue::Table(ConfigTable::from([(first.clone(), nested(rest, entry))])), place }
}

/// Elements of a variable's list: texts between commas.
pub(super) fn elements(text: &str, place: &ValuePlace) -> Vec<(usize, ConfigEntry)> {
    let texts = text.split(',').map(str::trim).filter(|element| !element.is_empty());
    let entry = |element: &str| ConfigEntry { value: ConfigValue::Variable(element.to_owned()), place: place.clone() };
    texts.map(entry).enumerate().collect()
}

/// The name of a variable with another key in the place of one.
pub(super) fn renamed(variable: &str, key: &str, near: &str) -> String {
    let renamed = variable.split(DOT).map(|part| {
        let begin = part.len().saturating_sub(key.len());
        match part.get(begin..) {
            Some(end) if end.eq_ignore_ascii_case(key) => format!("{}{}", &part[..begin], near.to_uppercase()),
            _ => part.to_owned(),
        }
    });
    renamed.collect::<Vec<String>>().join(DOT)
}
