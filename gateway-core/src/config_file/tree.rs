//! A configuration as a tree of values, each with the place it was written at.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// A value, and where it was written.
#[derive(Clone, Debug)]
pub(super) struct ConfigEntry {
    pub(super) value: ConfigValue,
    pub(super) place: ValuePlace,
}

#[derive(Clone, Debug)]
pub(super) enum ConfigValue {
    Text(String),
    /// The text of an environment variable: a text, a number, a truth value, or a list with commas, as is expected.
    Variable(String),
    Integer(i64),
    Float(f64),
    Boolean(bool),
    /// Elements with the index they were written at.
    List(Vec<(usize, ConfigEntry)>),
    Table(ConfigTable),
}

pub(super) type ConfigTable = BTreeMap<String, ConfigEntry>;

/// Where a value was written.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum ValuePlace {
    /// In no file: the root of the tree, and the tables that only variables name.
    Nowhere,
    Line {
        file: Arc<str>,
        line: usize,
    },
    Variable(Arc<str>),
}

impl fmt::Display for ValuePlace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nowhere => formatter.write_str("the configuration"),
            Self::Line { file, line } => write!(formatter, "{file}:{line}"),
            Self::Variable(name) => formatter.write_str(name),
        }
    }
}

impl ConfigEntry {
    /// An empty root.
    pub(super) fn root() -> Self {
        Self { value: ConfigValue::Table(ConfigTable::new()), place: ValuePlace::Nowhere }
    }

    /// Puts the values of `other` over these; tables are joined.
    pub(super) fn merge(&mut self, other: Self) {
        match (&mut self.value, other.value) {
            (ConfigValue::Table(own), ConfigValue::Table(others)) => {
                for (key, entry) in others {
                    match own.get_mut(&key) {
                        Some(known) => known.merge(entry),
                        None => drop(own.insert(key, entry)),
                    }
                }
                // The table of a file is found by its line, and one that only variables name by a variable.
                if self.place == ValuePlace::Nowhere {
                    self.place = other.place;
                }
            }
            (own, value) => {
                *own = value;
                self.place = other.place;
            }
        }
    }

    /// The entry at the end of a path, or the last one on the way to it.
    pub(super) fn closest(&self, path: &[String]) -> &Self {
        let Some((first, rest)) = path.split_first() else { return self };
        self.child(first).map_or(self, |child| child.closest(rest))
    }

    /// Removes the entry at the end of a path, or the element of a variable's list with its whole variable. Returns `false`
    /// if there is none.
    pub(super) fn remove(&mut self, path: &[String]) -> bool {
        let Some((key, way)) = path.split_last() else { return false };
        let Some(parent) = self.at(way) else { return false };
        match &mut parent.value {
            ConfigValue::Table(table) => table.remove(key).is_some(),
            ConfigValue::List(list) => {
                let before = list.len();
                list.retain(|(index, _)| index.to_string() != *key);
                list.len() < before
            }
            ConfigValue::Variable(_) => self.remove(way),
            ConfigValue::Text(_) | ConfigValue::Integer(_) | ConfigValue::Float(_) | ConfigValue::Boolean(_) => false,
        }
    }

    fn at(&mut self, path: &[String]) -> Option<&mut Self> {
        let Some((first, rest)) = path.split_first() else { return Some(self) };
        match &mut self.value {
            ConfigValue::Table(table) => table.get_mut(first)?.at(rest),
            ConfigValue::List(list) => {
                list.iter_mut().find(|(index, _)| index.to_string() == *first).and_then(|(_, entry)| entry.at(rest))
            }
            ConfigValue::Text(_)
            | ConfigValue::Variable(_)
            | ConfigValue::Integer(_)
            | ConfigValue::Float(_)
            | ConfigValue::Boolean(_) => None,
        }
    }

    fn child(&self, key: &str) -> Option<&Self> {
        match &self.value {
            ConfigValue::Table(table) => table.get(key),
            ConfigValue::List(list) => list.iter().find(|(index, _)| index.to_string() == key).map(|(_, entry)| entry),
            ConfigValue::Text(_)
            | ConfigValue::Variable(_)
            | ConfigValue::Integer(_)
            | ConfigValue::Float(_)
            | ConfigValue::Boolean(_) => None,
        }
    }
}
