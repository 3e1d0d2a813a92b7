//! Names, texts and sizes as figures, each held against a bound: what came down does not go up again.

use std::collections::{BTreeMap, BTreeSet};

use crate::source::{SourceFile, Sources};

/// A figure, its goal, and its bound of now. A bound above the goal is a debt, and may only come down.
struct Bound {
    name: &'static str,
    goal: f64,
    now: f64,
    count: fn(&Sources) -> (f64, Vec<String>),
}

const BOUNDS: [Bound; 9] = [
    Bound { name: "names at the crate's root", goal: 45.0, now: 43.0, count: |sources| exported(sources, "lib.rs") },
    Bound { name: "names in the prelude", goal: 35.0, now: 35.0, count: |sources| exported(sources, "prelude.rs") },
    Bound { name: "doc comments that begin with a riddle, in percent", goal: 1.0, now: 0.2, count: riddles },
    Bound { name: "type names defined in two files, in percent", goal: 6.0, now: 3.2, count: doubled_names },
    Bound { name: "files in the fullest folder", goal: 20.0, now: 20.0, count: fullest_folder },
    Bound { name: "lines of the longest file", goal: 500.0, now: 500.0, count: longest_file },
    // `Outbox` and `Server` are longer than a file may be; `Namespace` and `Target` give sockets, which are on a higher layer.
    Bound { name: "types whose own methods are in several files", goal: 0.0, now: 4.0, count: spread_types },
    Bound { name: "guesses by a type's name", goal: 0.0, now: 0.0, count: guesses },
    Bound { name: "metaphors", goal: 0.0, now: 0.0, count: metaphors },
];

#[test]
fn no_figure_is_above_its_bound() {
    let sources = Sources::read();
    let mut wrong = Vec::new();
    for Bound { name, goal, now, count } in BOUNDS {
        let (figure, places) = count(sources);
        println!("{name}: {figure} (at most {now}, in the end {goal})");
        if figure > now {
            wrong.push(format!("{name}: {figure} (at most {now})\n  {}", places.join("\n  ")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Names in the `pub use` statements of a file.
fn exported(sources: &Sources, file: &str) -> (f64, Vec<String>) {
    let text = sources.files.iter().find(|known| known.name == file).map_or("", |file| &file.text);
    let statements = text.split("\npub use ").skip(1).filter_map(|rest| rest.split(';').next());
    let mut names = BTreeSet::new();
    for statement in statements {
        let (_, inner) = statement.split_once('{').unwrap_or(("", statement));
        let parts = inner.trim_end_matches('}').split(',').map(str::trim).filter(|part| !part.is_empty());
        names.extend(parts.filter_map(|part| part.split(" as ").last()?.rsplit("::").next()));
    }
    (whole(names.len()), names.into_iter().map(str::to_owned).collect())
}

/// A doc comment names its thing first; these words promise a question and leave the answer to the reader.
fn riddles(sources: &Sources) -> (f64, Vec<String>) {
    let begins_so = |doc: &str| {
        let mut words = doc.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
        match words.next() {
            Some("What" | "Whether" | "Who" | "Whom" | "Whose" | "How") => true,
            Some("The") => doc.starts_with("The same") && words.next() == Some("same"),
            Some(_) | None => false,
        }
    };
    let (mut count, mut found) = (0, Vec::new());
    for file in &sources.files {
        let mut is_inside = false;
        for (index, line) in file.text.lines().enumerate() {
            let doc = line.trim_start().strip_prefix("///").or_else(|| line.trim_start().strip_prefix("//!"));
            if let Some(doc) = doc.and_then(|doc| doc.strip_prefix(' ')).filter(|_| !is_inside) {
                count += 1;
                if begins_so(doc) {
                    found.push(format!("{}:{}: {doc}", file.name, index + 1));
                }
            }
            is_inside = doc.is_some();
        }
    }
    (percent(found.len(), count), found)
}

fn doubled_names(sources: &Sources) -> (f64, Vec<String>) {
    let mut defined: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for file in &sources.files {
        for name in file.text.lines().filter_map(defined_type) {
            defined.entry(name).or_default().insert(&file.name);
        }
    }
    let doubled = defined.iter().filter(|(_, files)| files.len() > 1);
    let listed: Vec<String> = doubled.map(|(name, files)| format!("{name}: {files:?}")).collect();
    (percent(listed.len(), defined.len()), listed)
}

/// `pub(crate) struct Name` → `Name`
fn defined_type(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let line = match line.strip_prefix("pub") {
        Some(rest) if rest.starts_with('(') => rest.split_once(") ")?.1,
        Some(rest) => rest.strip_prefix(' ')?,
        None => line,
    };
    let (keyword, rest) = line.split_once(' ')?;
    let is_type = ["struct", "enum", "trait", "type", "union"].contains(&keyword);
    let name = rest.split(|letter: char| !letter.is_alphanumeric() && letter != '_').next()?;
    (is_type && name.starts_with(|letter: char| letter.is_ascii_uppercase())).then_some(name)
}

fn fullest_folder(sources: &Sources) -> (f64, Vec<String>) {
    let mut folders: BTreeMap<&str, usize> = BTreeMap::new();
    for file in &sources.files {
        *folders.entry(file.name.rsplit_once('/').map_or("", |(folder, _)| folder)).or_default() += 1;
    }
    let full = folders.iter().filter(|(_, count)| **count > 20).map(|(folder, count)| format!("src/{folder}: {count}"));
    (whole(folders.values().copied().max().unwrap_or(0)), full.collect())
}

fn longest_file(sources: &Sources) -> (f64, Vec<String>) {
    let lines = |file: &SourceFile| file.text.lines().count();
    let long = sources.files.iter().filter(|file| lines(file) > 500);
    let listed = long.map(|file| format!("{}: {}", file.name, lines(file))).collect();
    (whole(sources.files.iter().map(lines).max().unwrap_or(0)), listed)
}

/// A reader who asks what a type can do finds its page: all its inherent methods, in one file.
fn spread_types(sources: &Sources) -> (f64, Vec<String>) {
    let mut types: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
    for block in sources.inherent_impls() {
        types.entry(block.of).or_default().insert(block.file);
    }
    types.retain(|_, files| files.len() > 1);
    let listed = types.iter().map(|((name, defined), files)| format!("{name} of {defined}: {files:?}"));
    (whole(types.len()), listed.collect())
}

fn guesses(sources: &Sources) -> (f64, Vec<String>) {
    let found = sources.files.iter().filter(|file| file.text.contains("ContentVisitor"));
    let found: Vec<String> = found.map(|file| file.name.clone()).collect();
    (whole(found.len()), found)
}

/// Words of a private language, in code and comments alike; a test may book seats.
const METAPHORS: [&str; 16] = [
    "lobby",
    "lobbies",
    "seat",
    "seats",
    "doorkeeper",
    "door",
    "doors",
    "lane",
    "lanes",
    "comeback",
    "diary",
    "diaries",
    "crowd",
    "knock",
    "house",
    "houses",
];

fn metaphors(sources: &Sources) -> (f64, Vec<String>) {
    let mut found = Vec::new();
    for file in &sources.files {
        let code = file.text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        for (index, line) in code.lines().enumerate() {
            let words = line.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
            let is_metaphor = |word: &&str| METAPHORS.iter().any(|metaphor| is_word(word, metaphor));
            found.extend(words.filter(is_metaphor).map(|word| format!("{}:{}: {word}", file.name, index + 1)));
        }
    }
    (whole(found.len()), found)
}

/// The word as it is, or with a capital.
fn is_word(word: &str, metaphor: &str) -> bool {
    let first_may_differ = |first: &str| first.eq_ignore_ascii_case(&metaphor[..1]);
    word.get(1..) == metaphor.get(1..) && word.get(..1).is_some_and(first_may_differ)
}

fn whole(count: usize) -> f64 {
    f64::from(u32::try_from(count).expect("a count of sources"))
}

/// To one decimal.
fn percent(part: usize, all: usize) -> f64 {
    (whole(part) * 1000.0 / whole(all.max(1))).round() / 10.0
}

#[test]
fn what_is_counted_is_counted_right() {
    let sources = |text: &str| Sources::new(vec![("hub.rs".to_owned(), text.to_owned())]);
    let check = |count: fn(&Sources) -> (f64, Vec<String>), text: &str, expected: f64| {
        let (figure, places) = count(&sources(text));
        assert!((figure - expected).abs() < f64::EPSILON, "{text}: {figure}, {places:?}");
    };
    check(riddles, "/// What it is.\n/// A room.\nstruct Room;\n\n/// A hub.\nstruct Hub;", 50.0);
    check(riddles, "//! Whether.\n\n/// The same as before.\nstruct Hub;", 100.0);
    check(riddles, "/// Whatever comes.\n/// Who knows.\nstruct Hub;\n/// The samples.\nstruct Room;", 0.0);
    check(metaphors, "/// A Seat at the lobby.\nstruct Seats; // lanes, plane, lobby_of, Knocking", 4.0);
    check(longest_file, "struct Hub;\nstruct Room;\n", 2.0);
    check(spread_types, "struct Hub; impl Hub {} impl<T> From<T> for Hub {} fn f() -> impl Fn() {}", 0.0);

    let twice = |hub: &str, rooms: &str| {
        let files = [("lib.rs", "pub mod hub;"), ("hub/mod.rs", hub), ("hub/rooms.rs", rooms)];
        Sources::new(files.map(|(name, text)| (name.to_owned(), text.to_owned())).to_vec())
    };
    let spread = spread_types(&twice(
        "pub struct Hub<T>(T); impl<T> Hub<T> {}",
        "use super::Hub; impl<T: Fn() -> u8> Hub<T> {}",
    ));
    assert_eq!(spread.1, ["Hub of hub/mod.rs: {\"hub/mod.rs\", \"hub/rooms.rs\"}"]);
    let namesakes = spread_types(&twice("struct State; impl State {}", "struct State; impl State {}"));
    assert_eq!(namesakes.1, Vec::<String>::new());
    let doubled = doubled_names(&twice("pub struct State;\nstruct Hub;", "enum State {}\npub(crate) trait Rooms {}"));
    assert_eq!(doubled.1.len(), 1);
    let lib = Sources::new(vec![(
        "lib.rs".into(),
        "\npub use http;\npub use crate::hub::{Hub, Room as Place, a::B};".into(),
    )]);
    assert_eq!(exported(&lib, "lib.rs").1, ["B", "Hub", "Place", "http"]);
}
