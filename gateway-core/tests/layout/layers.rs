//! A module names modules on lower layers only, and the files of a folder form no large circles. Both look through
//! re-exports: a name counts for the file that defines it. What is compiled for tests alone does not count.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::source::{Reference, Sources};

/// Every folder or file directly under `src/`, and its layer.
const LAYERS: [(&str, usize); 20] = [
    ("limits", 0),
    ("nearest", 0),
    ("options", 0),
    ("random", 0),
    ("sync", 0),
    ("protocol", 0),
    ("asyncapi", 0),
    ("config_file", 1),
    ("metrics", 1),
    ("error", 2),
    ("transport", 3),
    ("session", 4),
    ("hub", 5),
    ("socket", 6),
    ("handler", 7),
    ("gateway", 8),
    ("connection", 9),
    ("server", 10),
    ("testing", 11),
    ("fuzzing", 11),
];

/// They only re-export: the crate's root, what most users import, what gateways without macros name, and what macro output
/// alone names.
const EXEMPT: [&str; 4] = ["lib", "manual", "prelude", "private"];

/// Number of files that the largest circle of a folder may hold.
const LARGEST_CIRCLE: usize = 4;

#[test]
fn a_module_names_lower_layers_only() {
    let wrong = upward(Sources::read());
    let listed: Vec<String> = wrong.iter().map(ToString::to_string).collect();
    assert!(wrong.is_empty(), "a module names lower layers only:\n{}", listed.join("\n"));
}

#[test]
fn no_folder_has_a_circle_of_files_above_its_bound() {
    let mut wrong = Vec::new();
    for (folder, circle) in largest_circles(&Sources::read().references()) {
        let line = format!("{folder}: {} files (at most {LARGEST_CIRCLE}): {}", circle.len(), circle.join(" "));
        println!("{line}");
        if circle.len() > LARGEST_CIRCLE {
            wrong.push(line);
        }
    }
    assert!(wrong.is_empty(), "a circle of files is larger than it may be:\n{}", wrong.join("\n"));
}

/// A name that leads to a higher layer, or to none.
struct Upward {
    reference: Reference,
}

impl fmt::Display for Upward {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Reference { from, line, to, .. } = &self.reference;
        let layer = |file: &str| {
            layer(module_of(file)).map_or_else(|| "no layer in this test".into(), |layer| format!("layer {layer}"))
        };
        write!(formatter, "  src/{from}:{line} ({}) names src/{to} ({})", layer(from), layer(to))
    }
}

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().find(|(name, _)| *name == module).map(|(_, layer)| *layer)
}

/// The first part of a file's name: its folder under `src/`, or the file itself.
fn module_of(file: &str) -> &str {
    file.split('/').next().unwrap_or(file).trim_end_matches(".rs")
}

fn upward(sources: &Sources) -> Vec<Upward> {
    let leads_up = |reference: &Reference| {
        let (from, to) = (module_of(&reference.from), module_of(&reference.to));
        match (layer(from), layer(to)) {
            _ if from == to || EXEMPT.contains(&from) => false,
            (Some(from), Some(to)) => to >= from,
            (None, _) | (_, None) => true,
        }
    };
    sources.references().into_iter().filter(leads_up).map(|reference| Upward { reference }).collect()
}

/// For each folder under `src/`, the files of its largest circle, in which each file leads to every other; re-exports pass
/// names on and lead nowhere.
fn largest_circles(references: &[Reference]) -> BTreeMap<String, Vec<String>> {
    let mut names: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for reference in references.iter().filter(|reference| !reference.is_re_export) {
        names.entry(&reference.from).or_default().insert(&reference.to);
    }
    let reached: BTreeMap<&str, BTreeSet<&str>> = names.keys().map(|file| (*file, reach(file, &names))).collect();
    let mut largest: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (file, others) in &reached {
        let is_mutual = |other: &&&str| reached.get(**other).is_some_and(|back| back.contains(file));
        let circle: Vec<String> = others.iter().filter(is_mutual).map(ToString::to_string).collect();
        let known = largest.entry(module_of(file).to_owned()).or_default();
        if circle.len() > known.len() {
            *known = circle;
        }
    }
    largest.retain(|_, circle| circle.len() > 1);
    largest
}

/// All files that a file leads to, over any number of others; itself only by a circle.
fn reach<'a>(file: &'a str, names: &BTreeMap<&'a str, BTreeSet<&'a str>>) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    let mut next: Vec<&str> = vec![file];
    while let Some(file) = next.pop() {
        next.extend(names.get(file).into_iter().flatten().filter(|name| found.insert(**name)));
    }
    found
}

/// A crate of one file beside the modules that it could name.
fn crate_with(file: &str, text: &str) -> Sources {
    let others = [
        ("lib.rs", "pub use crate::server::{HandlerFuture, Server}; pub use crate::limits::Limits;"),
        ("limits.rs", "pub struct Limits;"),
        ("metrics.rs", ""),
        ("protocol/mod.rs", "pub use frame::Frame;"),
        ("protocol/frame.rs", "pub struct Frame;"),
        ("hub/mod.rs", "pub(crate) use rooms::Rooms; pub use crate::protocol::Frame;"),
        ("hub/rooms.rs", "pub(crate) struct Rooms;"),
        ("socket.rs", "pub struct Socket;"),
        ("server/mod.rs", "pub struct HandlerFuture; pub struct Server;"),
        ("cupboard.rs", ""),
    ];
    let others = others.into_iter().filter(|(name, _)| *name != file);
    let files = others.chain([(file, text)]).map(|(name, text)| (name.to_owned(), text.to_owned()));
    Sources::new(files.collect())
}

#[test]
fn a_name_that_leads_up_is_seen_however_it_is_written() {
    let check = |file: &str, source: &str, expected: &[&str]| {
        let sources = crate_with(file, source);
        let wrong = upward(&sources);
        let found: Vec<&str> = wrong.iter().map(|upward| module_of(&upward.reference.to)).collect();
        assert_eq!(found, expected, "{file}: {source}");
    };
    check("hub/mod.rs", "use crate::protocol::Frame; use crate::limits;", &[]);
    check("hub/mod.rs", "use crate::hub::rooms::Rooms;", &[]);
    check("hub/mod.rs", "use crate::socket::Socket;", &["socket"]);
    check("hub/mod.rs", "use super::server;", &["server"]);
    check("hub/rooms.rs", "use super::server;", &[]);
    check("hub/rooms.rs", "use super::super::server;", &["server"]);
    check("hub/rooms.rs", "mod inner { use super::super::super::server; }", &["server"]);
    check("limits.rs", "use crate::{metrics, protocol::{Frame, server}};", &["metrics", "protocol", "protocol"]);
    check("limits.rs", "fn main() -> crate::Limits { let _: Vec<crate::Server>; }", &["server"]);
    check("limits.rs", "use crate::server as above; fn main() { above::Server }", &["server"]);
    check("protocol/mod.rs", "#[cfg(test)] mod tests { use crate::server::Server; } use crate::hub;", &["hub"]);
    check("protocol/mod.rs", "macro_rules! m { () => { $crate::private::submit } }", &[]);
    check("protocol/mod.rs", "/// [`crate::server::Server`] \n pub(crate) struct S;", &[]);
    check("cupboard.rs", "use crate::limits::Limits;", &["limits"]);
    check("server/mod.rs", "use crate::cupboard;", &["cupboard"]);
    // `hub` passes `Frame` on; what is named is in `wire`.
    check("transport.rs", "use crate::hub::Frame;", &[]);
    check("transport.rs", "use crate::hub::Rooms;", &["hub"]);
}

#[test]
fn a_circle_is_seen_through_a_facade() {
    let sources = |rooms: &str| {
        let files = [
            ("hub/mod.rs", "mod members; mod rooms; pub use members::Members; pub use rooms::Rooms;"),
            ("hub/members.rs", "use crate::hub::Rooms; pub struct Members(Rooms);"),
            ("hub/rooms.rs", rooms),
        ];
        Sources::new(files.map(|(name, text)| (name.to_owned(), text.to_owned())).to_vec())
    };
    let circle = |rooms: &str| largest_circles(&sources(rooms).references()).remove("hub").unwrap_or_default();
    assert_eq!(circle("pub struct Rooms;"), Vec::<String>::new());
    assert_eq!(circle("use super::Members; pub struct Rooms(Members);"), ["hub/members.rs", "hub/rooms.rs"]);
    assert_eq!(circle("pub struct Rooms(super::members::Members);"), ["hub/members.rs", "hub/rooms.rs"]);
}
