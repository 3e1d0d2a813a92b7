//! The schemas of all payloads, named once for the whole contract.
//!
//! A type has two schemas: what is read of it (`Deserialize`) and what is written of it (`Serialize`). Defaults, options and renamed members
//! make them differ. Both become one component where they are equal.

use std::any::type_name;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use percent_encoding::percent_decode_str;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use crate::asyncapi::keys::Keys;
use crate::asyncapi::model::SCHEMAS;
use crate::asyncapi::schemas::arguments::list_of_arguments;
use crate::asyncapi::schemas::equal::equal_names;
use crate::asyncapi::schemas::normal::{Rules, each_reference, normalise};

/// The way a payload travels.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Direction {
    /// From the client: read by `Deserialize`.
    Incoming,
    /// From the server: written by `Serialize`.
    Outgoing,
}

/// A type whose schema is wanted.
#[derive(Clone, Copy)]
pub struct SchemaRequest {
    pub(crate) direction: Direction,
    /// Full name of the type, by which types are sorted.
    pub(crate) type_name: &'static str,
    /// `None` for a type without `JsonSchema`.
    write: Option<fn(&mut SchemaGenerator) -> Schema>,
}

impl SchemaRequest {
    pub(crate) fn new<T: JsonSchema>(direction: Direction) -> Self {
        Self { direction, type_name: type_name::<T>(), write: Some(SchemaGenerator::subschema_for::<T>) }
    }

    pub(crate) fn without_schema<T>(direction: Direction) -> Self {
        Self { direction, type_name: type_name::<T>(), write: None }
    }

    /// The name of a type without a schema, without the paths of modules.
    pub(crate) fn short_name(&self) -> String {
        let mut short = String::new();
        let is_part = |sign: char| sign.is_alphanumeric() || matches!(sign, '_' | ':');
        for part in self.type_name.split_inclusive(|sign: char| !is_part(sign)) {
            let name = part.trim_end_matches(|sign: char| !is_part(sign));
            short.push_str(name.rsplit("::").next().unwrap_or(name));
            short.push_str(&part[name.len()..]);
        }
        short
    }
}

impl fmt::Debug for SchemaRequest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SchemaRequest").field("type_name", &self.type_name).finish_non_exhaustive()
    }
}

/// The schemas of both directions, before they have their names.
#[derive(Debug)]
pub(crate) struct Components {
    incoming: SchemaGenerator,
    outgoing: SchemaGenerator,
}

/// Beginnings of references, until components have their names.
const INCOMING: &str = "#/incoming/";
const OUTGOING: &str = "#/outgoing/";

impl Components {
    /// Asks for the schemas of all types, in an order that does not depend on that of the requests: schemars numbers types of one name in the
    /// order in which it meets them.
    ///
    /// # Errors
    ///
    /// Each type whose `JsonSchema` panics, with the panic's text.
    pub(crate) fn new(requests: &[SchemaRequest]) -> Result<Self, Vec<(&'static str, String)>> {
        let settings = |path: &str| {
            let mut settings = SchemaSettings::draft07();
            path.trim_matches('#').trim_end_matches('/').clone_into(settings.definitions_path.to_mut());
            settings.meta_schema = None;
            settings
        };
        let mut made = Self {
            incoming: settings(INCOMING).for_deserialize().into_generator(),
            outgoing: settings(OUTGOING).for_serialize().into_generator(),
        };
        let sorted: BTreeMap<&str, SchemaRequest> =
            requests.iter().map(|request| (request.type_name, *request)).collect();
        let mut failed = Vec::new();
        for request in sorted.into_values() {
            let Some(write) = request.write else { continue };
            // Both, so that a type has one number in both.
            for generator in [&mut made.incoming, &mut made.outgoing] {
                if let Err(panic) = catch_unwind(AssertUnwindSafe(|| write(generator))) {
                    failed.push((request.type_name, text_of(panic.as_ref())));
                    break;
                }
            }
        }
        if failed.is_empty() { Ok(made) } else { Err(failed) }
    }

    /// The schema of a type, with references that [`Components::finish`] replaces; `None` for a type without `JsonSchema`.
    pub(crate) fn schema(&mut self, request: &SchemaRequest) -> Option<Value> {
        let (generator, rules) = self.of(request.direction);
        let schema = (request.write?)(generator);
        Some(finished(generator, schema, rules))
    }

    /// The schema of a list of arguments that a type is read from or written as; `None` for a type that has none.
    ///
    /// A named tuple is referred to by its name, unless its last items may be left out here: its name stands for the whole list elsewhere.
    pub(crate) fn arguments(&mut self, request: &SchemaRequest) -> Option<Value> {
        let schema = self.schema(request)?;
        let whole = self.followed(request.direction, &schema).unwrap_or_else(|| schema.clone());
        let list = list_of_arguments(whole.clone(), request.direction == Direction::Incoming)?;
        Some(if list == whole { schema } else { list })
    }

    /// The component that a schema refers to.
    fn followed(&mut self, direction: Direction, schema: &Value) -> Option<Value> {
        let (_, name) = target_of(schema.get("$ref")?.as_str()?)?;
        let (generator, rules) = self.of(direction);
        let component = Schema::try_from(generator.definitions().get(&name)?.clone()).ok()?;
        Some(finished(generator, component, rules))
    }

    fn of(&mut self, direction: Direction) -> (&mut SchemaGenerator, Rules) {
        match direction {
            Direction::Incoming => (&mut self.incoming, Rules::INCOMING),
            Direction::Outgoing => (&mut self.outgoing, Rules::OUTGOING),
        }
    }

    /// Names the components that `used` refers to, and replaces its references.
    pub(crate) fn finish<'v>(mut self, used: impl IntoIterator<Item = &'v mut Value>) -> BTreeMap<String, Value> {
        let incoming = definitions(&mut self.incoming, Rules::INCOMING);
        let outgoing = definitions(&mut self.outgoing, Rules::OUTGOING);
        let mut used: Vec<&mut Value> = used.into_iter().collect();
        let mut reached = ReachedNames { incoming: &incoming, outgoing: &outgoing, names: BTreeSet::new() };
        for schema in &used {
            reached.from(schema);
        }
        let names = named(&incoming, &outgoing, &reached.names);
        for schema in &mut used {
            rename(schema, &names);
        }
        let components = reached.names.iter().filter_map(|(direction, name)| {
            let list = if *direction == Direction::Incoming { &incoming } else { &outgoing };
            let mut schema = list.get(name)?.clone();
            rename(&mut schema, &names);
            Some((names.get(&(*direction, name.clone()))?.clone(), schema))
        });
        components.collect()
    }
}

/// A schema in the form that the document has.
fn finished(generator: &mut SchemaGenerator, mut schema: Schema, rules: Rules) -> Value {
    for transform in generator.transforms_mut() {
        transform.transform(&mut schema);
    }
    let mut schema = schema.to_value();
    normalise(&mut schema, rules);
    schema
}

type Name = (Direction, String);

/// All components that something refers to.
struct ReachedNames<'a> {
    incoming: &'a Map<String, Value>,
    outgoing: &'a Map<String, Value>,
    names: BTreeSet<Name>,
}

impl ReachedNames<'_> {
    fn from(&mut self, schema: &Value) {
        let mut next = vec![schema.clone()];
        while let Some(schema) = next.pop() {
            let mut schema = schema;
            each_reference(&mut schema, &mut |target| {
                let Some(name) = target_of(target) else { return };
                let list = if name.0 == Direction::Incoming { self.incoming } else { self.outgoing };
                if let Some(found) = list.get(&name.1)
                    && self.names.insert(name)
                {
                    next.push(found.clone());
                }
            });
        }
    }
}

/// The names of all reached components: one for both directions where the schemas are equal, else `Name` and `NameOut`.
fn named(
    incoming: &Map<String, Value>,
    outgoing: &Map<String, Value>,
    reached: &BTreeSet<Name>,
) -> BTreeMap<Name, String> {
    let equal = equal_names(incoming, outgoing, |target| target_of(target).map(|(_, name)| name));
    let mut keys = Keys::default();
    let mut names = BTreeMap::new();
    for name @ (direction, text) in reached.iter().filter(|(direction, _)| *direction == Direction::Incoming) {
        names.insert((*direction, text.clone()), keys.free(&name.1));
    }
    for (direction, text) in reached.iter().filter(|(direction, _)| *direction == Direction::Outgoing) {
        let twin = names.get(&(Direction::Incoming, text.clone())).cloned();
        let name = match twin {
            Some(twin) if equal.contains(text) => twin,
            Some(_) => keys.free(&format!("{text}Out")),
            None => keys.free(text),
        };
        names.insert((*direction, text.clone()), name);
    }
    names
}

fn rename(schema: &mut Value, names: &BTreeMap<Name, String>) {
    each_reference(schema, &mut |target| {
        if let Some(name) = target_of(target).and_then(|name| names.get(&name)) {
            *target = format!("{SCHEMAS}{name}");
        }
    });
}

/// The component that a reference leads to.
fn target_of(reference: &str) -> Option<Name> {
    let (direction, name) = match (reference.strip_prefix(INCOMING), reference.strip_prefix(OUTGOING)) {
        (Some(name), _) => (Direction::Incoming, name),
        (None, Some(name)) => (Direction::Outgoing, name),
        (None, None) => return None,
    };
    let name = percent_decode_str(name).decode_utf8_lossy().replace("~1", "/").replace("~0", "~");
    Some((direction, name))
}

fn definitions(generator: &mut SchemaGenerator, rules: Rules) -> Map<String, Value> {
    let mut definitions = generator.take_definitions(true);
    definitions.values_mut().for_each(|schema| normalise(schema, rules));
    definitions
}

fn text_of(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "it panicked".to_owned())
}

/// The schema of bytes.
pub(crate) fn binary() -> Value {
    json!({ "type": "string", "contentEncoding": "base64" })
}
