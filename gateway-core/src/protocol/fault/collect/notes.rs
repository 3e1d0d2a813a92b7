//! Notes about a value's faults that one reading leaves for the next.

use serde_json::{Map, Value};

use super::sample::{Sample, TEXTS};
use crate::protocol::fault::Fault;
use crate::protocol::fault::failure::ReadError;

/// Notes about the faults of one value.
#[derive(Default)]
pub(super) struct Notes {
    /// Maximum number of faults.
    most: usize,
    /// Faults of this reading.
    pub(super) found: Vec<Fault>,
    /// Missing members, by the paths of their objects without indices.
    missing: Vec<(String, String)>,
    /// Faults of values that their own type refused, and the number of samples tried in their place.
    turned_down: Vec<(Fault, usize)>,
}

impl Notes {
    pub(super) fn with_most(most: usize) -> Self {
        Self { most, ..Self::default() }
    }

    pub(super) fn add(&mut self, path: &str, failure: ReadError) {
        if self.found.len() >= self.most {
            return;
        }
        let Fault { rule, message, .. } = failure.into_fault(None);
        self.found.push(Fault::new(path.to_owned(), rule, message));
    }

    fn add_once(&mut self, fault: Fault) {
        if !self.found.contains(&fault) {
            self.found.push(fault);
        }
    }

    /// Notes the error that ended a reading early. Returns `true` if another reading may get further.
    pub(super) fn learn(&mut self, fault: Fault) -> bool {
        if fault.rule == "missing"
            && let Some((object, member)) = split_member(&fault.path)
        {
            let missing = (without_indices(object), member);
            let is_new = !self.missing.contains(&missing);
            if is_new {
                self.missing.push(missing);
            } else {
                self.add_once(fault);
            }
            return is_new;
        }
        match self.turned_down.iter_mut().find(|(known, _)| known.path == fault.path) {
            Some((_, samples)) if *samples < TEXTS.len() => *samples += 1,
            Some((known, _)) => {
                let known = known.clone();
                self.add_once(known);
                return false;
            }
            None => self.turned_down.push((fault, 0)),
        }
        true
    }

    /// Returns the sample for the refused value of this path, and notes the value's fault.
    pub(super) fn instead(&mut self, path: &str) -> Option<Sample> {
        let (fault, samples) = self.turned_down.iter().find(|(fault, _)| fault.path == path)?;
        let (fault, sample) = (fault.clone(), Sample(*samples));
        self.found.push(fault);
        Some(sample)
    }

    /// Returns `true` if the type of an object refused this member as unknown.
    pub(super) fn is_unknown(&self, path: &str) -> bool {
        self.turned_down.iter().any(|(fault, _)| fault.path == path && fault.rule == "unknown")
    }

    /// Returns the missing members of the object at this path.
    pub(super) fn missing_in(&self, path: &str, object: &Map<String, Value>) -> Vec<String> {
        let path = without_indices(path);
        let of_path = self.missing.iter().filter(|(of, _)| *of == path);
        of_path.map(|(_, member)| member.clone()).filter(|member| !object.contains_key(member)).collect()
    }
}

/// Splits a path: `$.items[3].price` is the member `price` of `$.items[3]`.
fn split_member(path: &str) -> Option<(&str, String)> {
    if let Some(quoted) = path.strip_suffix("\"]") {
        let (object, name) = quoted.rsplit_once("[\"")?;
        return Some((object, serde_json::from_str(&format!("\"{name}\"")).ok()?));
    }
    path.rsplit_once('.').map(|(object, member)| (object, member.to_owned()))
}

/// Removes the indices of a path: all elements of a list have one type.
fn without_indices(path: &str) -> String {
    path.split_inclusive('[').map(|part| part.trim_start_matches(|letter: char| letter.is_ascii_digit())).collect()
}
