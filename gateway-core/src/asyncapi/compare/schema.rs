//! The changes between two schemas of one payload.

use std::collections::{BTreeSet, HashSet};

use serde_json::Value;

use crate::asyncapi::compare::kind::ChangeKind;
use crate::asyncapi::compare::shape::{
    Alternative, ListItems, ListShape, NumberShape, ObjectShape, OtherFields, TextShape, alternatives,
};
use crate::asyncapi::compare::variants::{AlternativePairs, pair};
use crate::asyncapi::model::Contract;

/// A change inside a payload.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct SchemaChange {
    pub(super) path: String,
    pub(super) kind: ChangeKind,
    pub(super) detail: String,
}

/// Compares two schemas of a payload.
pub(super) fn schema_changes(contracts: (&Contract, &Contract), schemas: (&Value, &Value)) -> Vec<SchemaChange> {
    let mut comparison =
        SchemaComparison { old: contracts.0, new: contracts.1, compared: HashSet::new(), changes: Vec::new() };
    comparison.compare(schemas.0, schemas.1, "");
    comparison.changes
}

pub(super) struct SchemaComparison<'a> {
    pub(super) old: &'a Contract,
    pub(super) new: &'a Contract,
    /// Pairs of schemas with references that were compared, or are being compared: a recursive type ends here.
    compared: HashSet<(String, String)>,
    changes: Vec<SchemaChange>,
}

impl SchemaComparison<'_> {
    fn note(&mut self, path: &str, kind: ChangeKind, detail: impl Into<String>) {
        self.changes.push(SchemaChange { path: path.to_owned(), kind, detail: detail.into() });
    }

    /// Returns `true` if there is no change between the two.
    pub(super) fn is_same(&self, old: &Value, new: &Value) -> bool {
        let compared = self.compared.clone();
        let mut inner = SchemaComparison { old: self.old, new: self.new, compared, changes: Vec::new() };
        inner.compare(old, new, "");
        inner.changes.is_empty()
    }

    fn compare(&mut self, old: &Value, new: &Value, path: &str) {
        if refers(old) && refers(new) && !self.compared.insert((old.to_string(), new.to_string())) {
            return;
        }
        self.annotations(old, new, path);
        let older = alternatives(self.old, old);
        let newer = alternatives(self.new, new);
        match (older.as_slice(), newer.as_slice()) {
            ([Alternative::Anything], [Alternative::Anything]) => {}
            (_, [Alternative::Anything]) => self.note(path, ChangeKind::AnythingAllowed, ""),
            ([Alternative::Anything], _) => self.note(path, ChangeKind::AnythingForbidden, ""),
            _ => self.unions(older, newer, path),
        }
    }

    /// Compares members beside the shape that matter to readers of the document.
    fn annotations(&mut self, old: &Value, new: &Value, path: &str) {
        let default = |schema: &Value| schema.get("default").cloned();
        if let (Some(older), Some(newer)) = (default(old), default(new))
            && older != newer
        {
            self.note(path, ChangeKind::DefaultChanged, format!("{older} is now {newer}"));
        }
        let is_deprecated = |schema: &Value| schema.get("deprecated") == Some(&Value::Bool(true));
        match (is_deprecated(old), is_deprecated(new)) {
            (false, true) => self.note(path, ChangeKind::FieldDeprecated, ""),
            (true, false) => self.note(path, ChangeKind::FieldUndeprecated, ""),
            (true, true) | (false, false) => {}
        }
    }

    fn unions(&mut self, older: Vec<Alternative>, newer: Vec<Alternative>, path: &str) {
        let is_union = older.iter().chain(&newer).filter(|one| matches!(one, Alternative::Object(_))).count() > 2;
        let AlternativePairs { pairs, mut removed, mut added } = pair(self, older, newer);
        for (old, new, name) in &pairs {
            let path = name.as_ref().map_or_else(|| path.to_owned(), |name| format!("{path}<{name}>"));
            self.alternatives(old, new, &path);
        }
        self.opened(&mut removed, &mut added, ChangeKind::EnumOpened, path);
        self.opened(&mut added, &mut removed, ChangeKind::EnumClosed, path);
        if pairs.is_empty() && !removed.is_empty() && !added.is_empty() && !both_constants(&removed, &added) {
            let detail = format!("{} is now {}", names(&removed), names(&added));
            return self.note(path, ChangeKind::TypeChanged, detail);
        }
        for alternative in &removed {
            self.note(path, gone(alternative, is_union), alternative.name());
        }
        for alternative in &added {
            self.note(path, gone(alternative, is_union).inverse(), alternative.name());
        }
    }

    /// Notes an enumeration that became any value of its type, and takes both out of the lists.
    fn opened(
        &mut self,
        constants: &mut Vec<Alternative>,
        opened: &mut Vec<Alternative>,
        kind: ChangeKind,
        path: &str,
    ) {
        let covers = |open: &Alternative, constant: &Alternative| match constant {
            Alternative::Constant(value) => open.covers(value),
            _ => false,
        };
        let found = opened.iter().position(|open| constants.iter().any(|constant| covers(open, constant)));
        if let Some(at) = found {
            let open = opened.remove(at);
            constants.retain(|constant| !covers(&open, constant));
            self.note(path, kind, open.name());
        }
    }

    fn alternatives(&mut self, old: &Alternative, new: &Alternative, path: &str) {
        match (old, new) {
            (Alternative::Number(old), Alternative::Number(new)) => self.numbers(old, new, path),
            (Alternative::Text(old), Alternative::Text(new)) => self.texts(old, new, path),
            (Alternative::List(old), Alternative::List(new)) => self.lists(old, new, path),
            (Alternative::Object(old), Alternative::Object(new)) => self.objects(old, new, path),
            // AlternativePairs of the others are equal.
            _ => {}
        }
    }

    fn numbers(&mut self, old: &NumberShape, new: &NumberShape, path: &str) {
        match (old.is_integer, new.is_integer) {
            (true, false) => self.note(path, ChangeKind::TypeWidened, "integer is now number"),
            (false, true) => self.note(path, ChangeKind::TypeNarrowed, "number is now integer"),
            (true, true) | (false, false) => {}
        }
        self.bound(path, (old.minimum, new.minimum), ChangeKind::MinimumRaised);
        self.bound(path, (old.maximum.map(|most| -most), new.maximum.map(|most| -most)), ChangeKind::MaximumLowered);
        if old.multiple_of != new.multiple_of {
            if let Some(old) = old.multiple_of {
                self.note(path, ChangeKind::MultipleFreed, old.to_string());
            }
            if let Some(new) = new.multiple_of {
                self.note(path, ChangeKind::MultipleRequired, new.to_string());
            }
        }
    }

    /// Compares lower bounds, where none is below all. An upper bound is given with its sign changed.
    fn bound(&mut self, path: &str, (old, new): (Option<f64>, Option<f64>), tighter: ChangeKind) {
        let key = |bound: Option<f64>| bound.unwrap_or(f64::NEG_INFINITY);
        let sign = if tighter == ChangeKind::MaximumLowered { -1.0 } else { 1.0 };
        let text = |bound: Option<f64>| bound.map_or_else(|| "none".to_owned(), |bound| (bound * sign).to_string());
        let detail = || format!("{} is now {}", text(old), text(new));
        if key(new) > key(old) {
            self.note(path, tighter, detail());
        } else if key(new) < key(old) {
            self.note(path, tighter.inverse(), detail());
        }
    }

    /// Compares the least and the greatest count of something.
    fn counts(
        &mut self,
        path: &str,
        least: (u64, u64),
        greatest: (Option<u64>, Option<u64>),
        kinds: (ChangeKind, ChangeKind),
    ) {
        let (raised, lowered) = kinds;
        if least.0 != least.1 {
            let kind = if least.1 > least.0 { raised } else { raised.inverse() };
            self.note(path, kind, format!("{} is now {}", least.0, least.1));
        }
        let key = |most: Option<u64>| most.unwrap_or(u64::MAX);
        if greatest.0 != greatest.1 {
            let kind = if key(greatest.1) < key(greatest.0) { lowered } else { lowered.inverse() };
            let text = |most: Option<u64>| most.map_or_else(|| "none".to_owned(), |most| most.to_string());
            self.note(path, kind, format!("{} is now {}", text(greatest.0), text(greatest.1)));
        }
    }

    fn texts(&mut self, old: &TextShape, new: &TextShape, path: &str) {
        let kinds = (ChangeKind::MinLengthRaised, ChangeKind::MaxLengthLowered);
        self.counts(path, (old.min_length, new.min_length), (old.max_length, new.max_length), kinds);
        self.rule(
            path,
            (old.pattern.as_deref(), new.pattern.as_deref()),
            ChangeKind::PatternAdded,
            ChangeKind::PatternChanged,
        );
        self.rule(
            path,
            (old.format.as_deref(), new.format.as_deref()),
            ChangeKind::FormatAdded,
            ChangeKind::FormatChanged,
        );
    }

    fn rule(&mut self, path: &str, (old, new): (Option<&str>, Option<&str>), added: ChangeKind, changed: ChangeKind) {
        match (old, new) {
            (Some(old), Some(new)) if old != new => self.note(path, changed, format!("{old} is now {new}")),
            (None, Some(new)) => self.note(path, added, new),
            (Some(old), None) => self.note(path, added.inverse(), old),
            (Some(_), Some(_)) | (None, None) => {}
        }
    }

    fn lists(&mut self, old: &ListShape, new: &ListShape, path: &str) {
        match (old.is_unique, new.is_unique) {
            (false, true) => self.note(path, ChangeKind::UniqueItemsRequired, ""),
            (true, false) => self.note(path, ChangeKind::UniqueItemsFreed, ""),
            (true, true) | (false, false) => {}
        }
        match (&old.items, &new.items) {
            (ListItems::Each(older), ListItems::Each(newer)) => {
                let kinds = (ChangeKind::MinItemsRaised, ChangeKind::MaxItemsLowered);
                self.counts(path, (old.min_items, new.min_items), (old.max_items, new.max_items), kinds);
                self.compare(older, newer, &format!("{path}[]"));
            }
            (ListItems::Tuple(older), ListItems::Tuple(newer)) => {
                self.tuples((older, old.min_items), (newer, new.min_items), path);
            }
            (ListItems::Each(_), ListItems::Tuple(_)) => {
                self.note(path, ChangeKind::TupleBecameList, "list is now tuple");
            }
            (ListItems::Tuple(_), ListItems::Each(_)) => {
                self.note(path, ChangeKind::TupleBecameList, "tuple is now list");
            }
        }
    }

    fn tuples(&mut self, old: (&[Value], u64), new: (&[Value], u64), path: &str) {
        let is_required = |index: usize, least: u64| (index as u64) < least;
        for index in 0..old.0.len().max(new.0.len()) {
            let path = format!("{path}[{index}]");
            match (old.0.get(index), new.0.get(index)) {
                (Some(older), Some(newer)) => {
                    match (is_required(index, old.1), is_required(index, new.1)) {
                        (true, false) => self.note(&path, ChangeKind::ItemBecameOptional, ""),
                        (false, true) => self.note(&path, ChangeKind::ItemBecameRequired, ""),
                        (true, true) | (false, false) => {}
                    }
                    self.compare(older, newer, &path);
                }
                (None, Some(_)) if is_required(index, new.1) => self.note(&path, ChangeKind::RequiredItemAdded, ""),
                (None, Some(_)) => self.note(&path, ChangeKind::OptionalItemAdded, ""),
                (Some(_), None) if is_required(index, old.1) => self.note(&path, ChangeKind::RequiredItemRemoved, ""),
                (Some(_), None) => self.note(&path, ChangeKind::OptionalItemRemoved, ""),
                (None, None) => {}
            }
        }
    }

    fn objects(&mut self, old: &ObjectShape, new: &ObjectShape, path: &str) {
        self.other_fields(&old.others, &new.others, path);
        let field = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
        let gone: Vec<&String> = old.properties.keys().filter(|name| !new.properties.contains_key(*name)).collect();
        let fresh: Vec<&String> = new.properties.keys().filter(|name| !old.properties.contains_key(*name)).collect();
        if let (&[older], &[newer]) = (gone.as_slice(), fresh.as_slice())
            && old.required.contains(older) == new.required.contains(newer)
            && self.is_same(&old.properties[older], &new.properties[newer])
        {
            self.note(&field(older), ChangeKind::FieldRenamed, format!("`{older}` is now `{newer}`"));
        } else {
            for name in gone {
                self.field_removed(&field(name), old.required.contains(name), &new.others);
            }
            for name in fresh {
                self.field_added(&field(name), new.required.contains(name), &old.others);
            }
        }
        for (name, older) in &old.properties {
            let Some(newer) = new.properties.get(name) else { continue };
            let path = field(name);
            match (old.required.contains(name), new.required.contains(name)) {
                (true, false) => self.note(&path, ChangeKind::FieldBecameOptional, ""),
                (false, true) => self.note(&path, ChangeKind::FieldBecameRequired, ""),
                (true, true) | (false, false) => {}
            }
            self.compare(older, newer, &path);
        }
    }

    fn field_removed(&mut self, path: &str, was_required: bool, newer: &OtherFields) {
        let kind = if was_required { ChangeKind::RequiredFieldRemoved } else { ChangeKind::OptionalFieldRemoved };
        self.note(path, kind, "");
        if newer == &OtherFields::Closed {
            self.note(path, ChangeKind::FieldRemovedFromClosedObject, "");
        }
    }

    fn field_added(&mut self, path: &str, is_required: bool, older: &OtherFields) {
        let kind = if is_required { ChangeKind::RequiredFieldAdded } else { ChangeKind::OptionalFieldAdded };
        self.note(path, kind, "");
        if older == &OtherFields::Closed {
            self.note(path, ChangeKind::FieldAddedToClosedObject, "");
        }
    }

    fn other_fields(&mut self, old: &OtherFields, new: &OtherFields, path: &str) {
        match (old, new) {
            (OtherFields::Map { keys: older, values: old }, OtherFields::Map { keys: newer, values: new }) => {
                if older != newer {
                    let text = |keys: &Option<String>| keys.clone().unwrap_or_else(|| "any".to_owned());
                    self.note(path, ChangeKind::MapKeysChanged, format!("{} is now {}", text(older), text(newer)));
                }
                self.compare(old, new, &format!("{path}{{}}"));
            }
            (OtherFields::Map { .. }, _) => self.note(path, ChangeKind::TypeChanged, "map is now object"),
            (_, OtherFields::Map { .. }) => self.note(path, ChangeKind::TypeChanged, "object is now map"),
            (OtherFields::Open, OtherFields::Closed) => self.note(path, ChangeKind::ObjectClosed, ""),
            (OtherFields::Closed, OtherFields::Open) => self.note(path, ChangeKind::ObjectOpened, ""),
            (OtherFields::Open, OtherFields::Open) | (OtherFields::Closed, OtherFields::Closed) => {}
        }
    }
}

/// Returns `true` if a schema is a reference, or a combination of schemas with one among them.
fn refers(schema: &Value) -> bool {
    let parts = |name: &str| schema.get(name).and_then(Value::as_array).into_iter().flatten();
    schema.get("$ref").is_some() || ["allOf", "anyOf", "oneOf"].into_iter().flat_map(parts).any(refers)
}

fn both_constants(removed: &[Alternative], added: &[Alternative]) -> bool {
    removed.iter().chain(added).all(|alternative| matches!(alternative, Alternative::Constant(_) | Alternative::Null))
}

/// The kind of change when an alternative of a union is gone.
fn gone(alternative: &Alternative, is_union: bool) -> ChangeKind {
    match alternative {
        Alternative::Null => ChangeKind::NullForbidden,
        Alternative::Constant(_) => ChangeKind::EnumValueRemoved,
        Alternative::Object(_) if is_union => ChangeKind::VariantRemoved,
        Alternative::Object(object) if object.tag().is_some() => ChangeKind::VariantRemoved,
        Alternative::Anything
        | Alternative::Boolean
        | Alternative::Number(_)
        | Alternative::Text(_)
        | Alternative::List(_)
        | Alternative::Object(_)
        | Alternative::Opaque(_) => ChangeKind::TypeRemoved,
    }
}

fn names(alternatives: &[Alternative]) -> String {
    let names: BTreeSet<String> = alternatives.iter().map(Alternative::name).collect();
    names.into_iter().collect::<Vec<_>>().join(" or ")
}
