//! A module names modules on lower floors only, so that the house has no import cycle. Paths written as `crate::x`,
//! `super::x` or through a re-export of the crate's root are followed; what is compiled for tests alone is not.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// Every folder or file directly under `src/`, and the floor it is on.
const FLOORS: [(&str, usize); 13] = [
    ("limits", 0),
    ("options", 0),
    ("telemetry", 0),
    ("wire", 0),
    ("transport", 1),
    ("session", 2),
    ("hub", 3),
    ("socket", 4),
    ("dispatch", 5),
    ("gateway", 6),
    ("server", 7),
    ("testing", 8),
    ("fuzzing", 8),
];

/// They only re-export: the crate's front, what most users import, and what macro output may name.
const EXEMPT: [&str; 3] = ["lib", "prelude", "private"];

#[test]
fn a_module_names_lower_floors_only() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let files = read_all(&source);
    let re_exports = files.iter().find(|file| file.name == "lib.rs").map(re_exports).unwrap_or_default();
    let for_tests: HashSet<PathBuf> = files.iter().flat_map(SourceFile::modules_for_tests).collect();

    let mut wrong = Vec::new();
    for file in files.iter().filter(|file| !EXEMPT.contains(&file.module[0].as_str())) {
        if !for_tests.iter().any(|module| file.module.iter().collect::<PathBuf>().starts_with(module)) {
            wrong.extend(climbs(file, &re_exports));
        }
    }

    let listed: Vec<String> = wrong.iter().map(ToString::to_string).collect();
    assert!(wrong.is_empty(), "a module names lower floors only:\n{}", listed.join("\n"));
}

/// A file and the module it is, from the crate's root.
struct SourceFile {
    name: String,
    module: Vec<String>,
    tokens: TokenStream,
}

impl SourceFile {
    fn new(name: &str, text: &str) -> Self {
        let mut module: Vec<String> = name.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
        if module.len() > 1 && module.last().is_some_and(|last| last == "mod") {
            module.pop();
        }
        let tokens = text.parse().unwrap_or_else(|error| panic!("{name} cannot be read: {error}"));
        Self { name: name.to_owned(), module, tokens }
    }

    /// The modules in files of their own that this one declares under `#[cfg(test)]`.
    fn modules_for_tests(&self) -> Vec<PathBuf> {
        let tokens: Vec<TokenTree> = self.tokens.clone().into_iter().collect();
        let declared = |at: usize| {
            let rest = &tokens[at..];
            let name = rest.iter().zip(&rest[1..]).find(|(word, _)| is_word(word, "mod")).map(|(_, name)| name)?;
            Some(self.module.iter().cloned().chain([name.to_string()]).collect())
        };
        (0..tokens.len()).filter(|&at| is_test_attribute(&tokens, at)).filter_map(declared).collect()
    }
}

/// One name that leads upstairs, or out of the plan.
struct Climb {
    file: String,
    line: usize,
    from: String,
    to: String,
}

impl fmt::Display for Climb {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, from, to } = self;
        let floor =
            |module: &str| floor(module).map_or_else(|| "no floor in this test".into(), |n| format!("floor {n}"));
        write!(formatter, "  src/{file}:{line}: `{from}` ({}) names `{to}` ({})", floor(from), floor(to))
    }
}

fn floor(module: &str) -> Option<usize> {
    FLOORS.iter().find(|(name, _)| *name == module).map(|(_, floor)| *floor)
}

fn read_all(source: &Path) -> Vec<SourceFile> {
    let mut found = Vec::new();
    let mut folders = vec![source.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder of the sources").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(source).expect("it is inside").to_string_lossy().replace('\\', "/");
                found.push(SourceFile::new(&name, &fs::read_to_string(&path).expect("a readable source")));
            }
        }
    }
    found.sort_by(|one, other| one.name.cmp(&other.name));
    found
}

/// Which module each name at the crate's root comes from: `pub use hub::{Namespace, Target}`.
fn re_exports(lib: &SourceFile) -> HashMap<String, String> {
    let tokens: Vec<TokenTree> = lib.tokens.clone().into_iter().collect();
    let mut names = HashMap::new();
    for at in 0..tokens.len() {
        let Some(TokenTree::Ident(module)) = tokens.get(at + 1) else { continue };
        let module = module.to_string();
        if !is_word(&tokens[at], "use") || !is_path_separator(&tokens, at + 2) || floor(&module).is_none() {
            continue;
        }
        let end = (at..tokens.len()).find(|&end| is_punct(&tokens[end], ';')).unwrap_or(tokens.len());
        for name in words(&tokens[at + 4..end]) {
            names.insert(name, module.clone());
        }
    }
    names
}

fn words(tokens: &[TokenTree]) -> Vec<String> {
    let word = |token: &TokenTree| match token {
        TokenTree::Ident(word) => vec![word.to_string()],
        TokenTree::Group(group) => words(&group.stream().into_iter().collect::<Vec<_>>()),
        TokenTree::Punct(_) | TokenTree::Literal(_) => Vec::new(),
    };
    tokens.iter().flat_map(word).collect()
}

fn climbs(file: &SourceFile, re_exports: &HashMap<String, String>) -> Vec<Climb> {
    let own = file.module[0].clone();
    let mut names = Vec::new();
    walk(file.tokens.clone(), &file.module, &mut names);

    let module_of =
        |name: String| if floor(&name).is_some() { name } else { re_exports.get(&name).cloned().unwrap_or(name) };
    let from_root = names.into_iter().map(|(name, line)| (module_of(name), line));
    let modules = from_root.filter(|(name, _)| *name != own && name.starts_with(char::is_lowercase));
    let wrong = modules.filter(|(name, _)| match (floor(&own), floor(name)) {
        (Some(from), Some(to)) => to >= from,
        (None, _) | (_, None) => !is_macro_of_the_root(name),
    });
    wrong.map(|(to, line)| Climb { file: file.name.clone(), line, from: own.clone(), to }).collect()
}

/// `#[macro_export]` puts a macro at the root, whatever its module.
fn is_macro_of_the_root(name: &str) -> bool {
    name == "register"
}

/// Collects each name that is looked up at the crate's root, with its line.
fn walk(tokens: TokenStream, module: &[String], names: &mut Vec<(String, usize)>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut at = 0;
    while at < tokens.len() {
        if is_test_attribute(&tokens, at) {
            at = end_of_item(&tokens, at);
            continue;
        }
        let expands_elsewhere = at > 0 && is_punct(&tokens[at - 1], '$');
        if is_path_separator(&tokens, at + 1) && !expands_elsewhere {
            if is_word(&tokens[at], "crate") {
                names_at(&tokens[at + 3..], &[], names);
            } else if is_word(&tokens[at], "super") {
                names_at(&tokens[at + 3..], &module[..module.len() - 1], names);
            }
        }
        if let TokenTree::Group(group) = &tokens[at] {
            let inline = at >= 2 && is_word(&tokens[at - 2], "mod") && group.delimiter() == Delimiter::Brace;
            let inner = inline.then(|| tokens[at - 1].to_string());
            walk(group.stream(), &module.iter().cloned().chain(inner).collect::<Vec<_>>(), names);
        }
        at += 1;
    }
}

/// Reads what follows `base::`: a name, a group of names, or further up by `super`.
fn names_at(tokens: &[TokenTree], base: &[String], names: &mut Vec<(String, usize)>) {
    match tokens.first() {
        Some(TokenTree::Ident(word)) if word == "super" && !base.is_empty() && is_path_separator(tokens, 1) => {
            names_at(&tokens[3..], &base[..base.len() - 1], names);
        }
        Some(TokenTree::Ident(word)) if base.is_empty() => names.push((word.to_string(), word.span().start().line)),
        Some(TokenTree::Group(group)) => {
            let inner: Vec<TokenTree> = group.stream().into_iter().collect();
            for part in inner.split(|token| is_punct(token, ',')) {
                names_at(part, base, names);
            }
        }
        _ => {}
    }
}

/// Whether `#[cfg(test)]` begins here.
fn is_test_attribute(tokens: &[TokenTree], at: usize) -> bool {
    let Some(TokenTree::Group(attribute)) = tokens.get(at + 1) else { return false };
    is_punct(&tokens[at], '#') && attribute.stream().to_string().replace(' ', "") == "cfg(test)"
}

fn end_of_item(tokens: &[TokenTree], at: usize) -> usize {
    let ends = |token: &TokenTree| {
        is_punct(token, ';') || matches!(token, TokenTree::Group(group) if group.delimiter() == Delimiter::Brace)
    };
    (at..tokens.len()).find(|&end| ends(&tokens[end])).map_or(tokens.len(), |end| end + 1)
}

fn is_word(token: &TokenTree, word: &str) -> bool {
    matches!(token, TokenTree::Ident(ident) if ident == word)
}

fn is_punct(token: &TokenTree, punct: char) -> bool {
    matches!(token, TokenTree::Punct(found) if found.as_char() == punct)
}

fn is_path_separator(tokens: &[TokenTree], at: usize) -> bool {
    tokens.len() > at + 1 && is_punct(&tokens[at], ':') && is_punct(&tokens[at + 1], ':')
}

#[test]
fn climbing_is_seen_however_it_is_written() {
    let lib = SourceFile::new("lib.rs", "pub use server::{Running, Server}; pub use limits::Limits;");
    let check = |file: &str, source: &str, expected: &[&str]| {
        let found: Vec<String> =
            climbs(&SourceFile::new(file, source), &re_exports(&lib)).into_iter().map(|climb| climb.to).collect();
        assert_eq!(found, expected, "{file}: {source}");
    };
    check("hub/mod.rs", "use crate::wire::Frame; use crate::limits;", &[]);
    check("hub/mod.rs", "use crate::hub::rooms::Rooms;", &[]);
    check("hub/mod.rs", "use crate::socket::Socket;", &["socket"]);
    check("hub/mod.rs", "use super::server;", &["server"]);
    check("hub/rooms.rs", "use super::server;", &[]);
    check("hub/rooms.rs", "use super::super::server;", &["server"]);
    check("hub/rooms.rs", "mod inner { use super::super::super::server; }", &["server"]);
    check("limits.rs", "use crate::{telemetry, wire::{Frame, server}};", &["telemetry", "wire"]);
    check("limits.rs", "fn main() -> crate::Limits { let _: Vec<crate::Server>; }", &["server"]);
    check("wire/mod.rs", "#[cfg(test)] mod tests { use crate::server::Server; } use crate::hub;", &["hub"]);
    check("wire/mod.rs", "macro_rules! m { () => { $crate::private::submit } }", &[]);
    check("wire/mod.rs", "/// [`crate::server::Server`] \n pub(crate) struct S;", &[]);
    check("cupboard.rs", "use crate::limits::Limits;", &["limits"]);
    check("server/mod.rs", "use crate::cupboard;", &["cupboard"]);
}
