//! Sources as tokens, and names as the files that define them: through `use`, `mod` and the re-exports of façades.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// A module's path from the crate's root, which is empty.
pub(crate) type Module = Vec<String>;

/// A file of the crate, without what only tests compile.
pub(crate) struct SourceFile {
    /// Relative to `src/`, with slashes.
    pub(crate) name: String,
    pub(crate) text: String,
    module: Module,
}

/// A name that stands in a file, followed to where it is defined.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Reference {
    pub(crate) from: String,
    pub(crate) line: usize,
    pub(crate) to: String,
    /// `pub use`: the name is passed on, not used.
    pub(crate) is_re_export: bool,
}

/// An `impl` block of a type itself, not of a trait for it.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct InherentImpl {
    /// The type's name, and the file that defines it.
    pub(crate) of: (String, String),
    pub(crate) file: String,
}

/// The crate's files and what their modules name.
pub(crate) struct Sources {
    pub(crate) files: Vec<SourceFile>,
    modules: BTreeMap<Module, Contents>,
}

/// Content of a module, as far as names are looked up in it.
#[derive(Default)]
struct Contents {
    file: String,
    uses: Vec<Use>,
    paths: Vec<(Vec<String>, usize)>,
    impls: Vec<Vec<String>>,
}

struct Use {
    alias: String,
    path: Vec<String>,
    line: usize,
    is_public: bool,
}

impl Sources {
    /// The crate's own, read once for all tests.
    pub(crate) fn read() -> &'static Self {
        static READ: LazyLock<Sources> =
            LazyLock::new(|| Sources::new(read_all(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"))));
        &READ
    }

    /// Files by their names and texts.
    pub(crate) fn new(files: Vec<(String, String)>) -> Self {
        let files: Vec<SourceFile> = files.into_iter().map(|(name, text)| SourceFile::new(name, text)).collect();
        let for_tests: Vec<Module> = files.iter().flat_map(SourceFile::modules_for_tests).collect();
        let files: Vec<SourceFile> =
            files.into_iter().filter(|file| !for_tests.iter().any(|module| file.module.starts_with(module))).collect();
        let mut modules = BTreeMap::new();
        for file in &files {
            read_module(&tokens(file.tokens()), &file.module, &file.name, &mut modules);
        }
        Self { files, modules }
    }

    /// Each name in the files that leads to another file.
    pub(crate) fn references(&self) -> Vec<Reference> {
        let mut found = Vec::new();
        for (module, contents) in &self.modules {
            let uses = contents.uses.iter().map(|used| (&used.path, used.line, used.is_public));
            let paths = contents.paths.iter().map(|(path, line)| (path, *line, false));
            for (path, line, is_re_export) in uses.chain(paths) {
                let Some(to) = self.file_of(module, path) else { continue };
                if to != contents.file {
                    found.push(Reference { from: contents.file.clone(), line, to, is_re_export });
                }
            }
        }
        found.sort();
        found.dedup();
        found
    }

    pub(crate) fn inherent_impls(&self) -> Vec<InherentImpl> {
        let mut found = Vec::new();
        for (module, contents) in &self.modules {
            for path in &contents.impls {
                let name = path.last().expect("a path has a name").clone();
                let defined = self.file_of(module, path).unwrap_or_else(|| contents.file.clone());
                found.push(InherentImpl { of: (name, defined), file: contents.file.clone() });
            }
        }
        found.sort();
        found.dedup();
        found
    }

    /// The file that defines what `path` names inside of `module`; `None` where that is no module of this crate.
    fn file_of(&self, module: &Module, path: &[String]) -> Option<String> {
        self.look_up(module, path, 0).map(|module| self.modules[&module].file.clone())
    }

    fn look_up(&self, module: &Module, path: &[String], depth: usize) -> Option<Module> {
        // Names that lead in a circle, as `use self::x as x` would.
        if depth > 32 {
            return None;
        }
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            "crate" => self.descend(Module::new(), rest, depth),
            "self" => self.descend(module.clone(), rest, depth),
            "super" => self.look_up_from_parent(module, rest, depth),
            _ if self.child(module, first).is_some() => self.descend(module.clone(), path, depth),
            _ => {
                let used = self.modules.get(module)?.uses.iter().find(|used| used.alias == *first)?;
                // `use tokio::sync` under the alias `tokio` would find itself.
                if used.path.first() == Some(first) && self.child(module, first).is_none() {
                    return None;
                }
                let whole: Vec<String> = used.path.iter().chain(rest).cloned().collect();
                self.look_up(module, &whole, depth + 1)
            }
        }
    }

    fn look_up_from_parent(&self, module: &Module, rest: &[String], depth: usize) -> Option<Module> {
        let parent = module.split_last()?.1.to_vec();
        if rest.first().is_some_and(|next| next == "super") {
            return self.look_up(&parent, rest, depth + 1);
        }
        self.descend(parent, rest, depth)
    }

    /// From a module down to the one that defines what the path ends with.
    fn descend(&self, module: Module, path: &[String], depth: usize) -> Option<Module> {
        let Some((first, rest)) = path.split_first() else { return Some(module) };
        if let Some(child) = self.child(&module, first) {
            return self.descend(child, rest, depth);
        }
        let contents = self.modules.get(&module)?;
        if let Some(used) = contents.uses.iter().find(|used| used.alias == *first) {
            let whole: Vec<String> = used.path.iter().chain(rest).cloned().collect();
            return self.look_up(&module, &whole, depth + 1);
        }
        Some(module)
    }

    fn child(&self, module: &Module, name: &str) -> Option<Module> {
        let child: Module = module.iter().cloned().chain([name.to_owned()]).collect();
        self.modules.contains_key(&child).then_some(child)
    }
}

impl SourceFile {
    fn new(name: String, text: String) -> Self {
        let mut module: Module = name.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
        if module.last().is_some_and(|last| last == "mod" || (last == "lib" && module.len() == 1)) {
            module.pop();
        }
        Self { name, text, module }
    }

    pub(crate) fn tokens(&self) -> TokenStream {
        self.text.parse().unwrap_or_else(|error| panic!("{} cannot be read: {error}", self.name))
    }

    /// Modules in files of their own that this one declares under `#[cfg(test)]`.
    fn modules_for_tests(&self) -> Vec<Module> {
        let tokens = tokens(self.tokens());
        let declared = |at: usize| {
            let item = &tokens[at..end_of_item(&tokens, at)];
            let name = item.iter().zip(&item[1..]).find(|(word, _)| is_word(word, "mod")).map(|(_, name)| name)?;
            Some(self.module.iter().cloned().chain([name.to_string()]).collect())
        };
        (0..tokens.len()).filter(|&at| is_test_attribute(&tokens, at)).filter_map(declared).collect()
    }
}

fn read_all(source: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> = vec![source.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder of the sources").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(source).expect("it is inside").to_string_lossy().replace('\\', "/");
                found.push((name, fs::read_to_string(&path).expect("a readable source")));
            }
        }
    }
    found.sort();
    found
}

fn read_module(tokens: &[TokenTree], module: &Module, file: &str, modules: &mut BTreeMap<Module, Contents>) {
    let mut contents = Contents { file: file.to_owned(), ..Contents::default() };
    read_tokens(tokens, module, &mut contents, modules);
    let known = modules.entry(module.clone()).or_default();
    known.file = contents.file;
    known.uses.append(&mut contents.uses);
    known.paths.append(&mut contents.paths);
    known.impls.append(&mut contents.impls);
}

fn read_tokens(
    tokens: &[TokenTree],
    module: &Module,
    contents: &mut Contents,
    modules: &mut BTreeMap<Module, Contents>,
) {
    let mut at = 0;
    while at < tokens.len() {
        if is_test_attribute(tokens, at) {
            at = end_of_item(tokens, at);
            continue;
        }
        match &tokens[at] {
            TokenTree::Ident(word) if word == "use" => {
                let end = (at..tokens.len()).find(|&end| is_punct(&tokens[end], ';')).unwrap_or(tokens.len());
                read_use(&tokens[at + 1..end], &[], is_public(tokens, at), &mut contents.uses);
                at = end;
            }
            TokenTree::Ident(word) if word == "impl" && begins_item(tokens, at) => {
                contents.impls.extend(inherent_impl(&tokens[at + 1..]));
                at += 1;
            }
            TokenTree::Ident(_) if is_path_separator(tokens, at + 1) => {
                let (path, end) = read_path(tokens, at);
                let is_of_the_caller = at > 0 && is_punct(&tokens[at - 1], '$');
                if !is_of_the_caller {
                    contents.paths.push((path, tokens[at].span().start().line));
                }
                at = end;
            }
            TokenTree::Group(group) => {
                let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                if at >= 2 && is_word(&tokens[at - 2], "mod") && group.delimiter() == Delimiter::Brace {
                    let child: Module = module.iter().cloned().chain([tokens[at - 1].to_string()]).collect();
                    read_module(&inner, &child, &contents.file.clone(), modules);
                } else {
                    read_tokens(&inner, module, contents, modules);
                }
                at += 1;
            }
            TokenTree::Ident(_) | TokenTree::Punct(_) | TokenTree::Literal(_) => at += 1,
        }
    }
}

/// `a::b::C` from its first word: the words, and where they end.
fn read_path(tokens: &[TokenTree], mut at: usize) -> (Vec<String>, usize) {
    let mut path = vec![tokens[at].to_string()];
    at += 1;
    while is_path_separator(tokens, at) {
        let Some(TokenTree::Ident(word)) = tokens.get(at + 2) else { break };
        path.push(word.to_string());
        at += 3;
    }
    (path, at)
}

/// A tree of `use`, a leaf at a time.
fn read_use(tokens: &[TokenTree], base: &[String], is_public: bool, uses: &mut Vec<Use>) {
    let mut path = base.to_vec();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        match token {
            TokenTree::Ident(word) if word == "as" => break,
            TokenTree::Ident(word) => path.push(word.to_string()),
            TokenTree::Group(group) => {
                let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                for part in inner.split(|token| is_punct(token, ',')).filter(|part| !part.is_empty()) {
                    read_use(part, &path, is_public, uses);
                }
                return;
            }
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
        at += 1;
    }
    if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
        path.pop();
    }
    let Some(name) = path.last().cloned() else { return };
    let alias = tokens.get(at + 1).map_or(name, ToString::to_string);
    uses.push(Use { alias, path, line: tokens[0].span().start().line, is_public });
}

/// `pub use`, `pub(crate) use`.
fn is_public(tokens: &[TokenTree], at: usize) -> bool {
    let before = |back: usize| at.checked_sub(back).map(|at| &tokens[at]);
    before(1).is_some_and(|token| is_word(token, "pub"))
        || (matches!(before(1), Some(TokenTree::Group(_))) && before(2).is_some_and(|token| is_word(token, "pub")))
}

/// Tells an `impl` block from an `impl Trait` in a signature.
fn begins_item(tokens: &[TokenTree], at: usize) -> bool {
    match at.checked_sub(1).map(|before| &tokens[before]) {
        None => true,
        Some(TokenTree::Group(group)) => matches!(group.delimiter(), Delimiter::Brace | Delimiter::Bracket),
        Some(token) => is_punct(token, ';') || is_word(token, "unsafe"),
    }
}

/// The path of the type behind `impl`, unless it is a trait's.
fn inherent_impl(tokens: &[TokenTree]) -> Option<Vec<String>> {
    let mut at = 0;
    if is_punct(tokens.first()?, '<') {
        at = end_of_generics(tokens, 0);
    }
    let mut path = Vec::new();
    while let Some(token) = tokens.get(at) {
        match token {
            TokenTree::Ident(word) if word == "for" => return None,
            TokenTree::Ident(word) if word == "where" => return (!path.is_empty()).then_some(path),
            TokenTree::Ident(word) if word == "dyn" => {}
            TokenTree::Ident(word) => path.push(word.to_string()),
            TokenTree::Punct(punct) if punct.as_char() == '<' => {
                at = end_of_generics(tokens, at);
                continue;
            }
            TokenTree::Punct(punct) if punct.as_char() == ':' => {}
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
                return (!path.is_empty()).then_some(path);
            }
            // `impl Trait` in a signature, or a macro's `$name`.
            TokenTree::Punct(_) | TokenTree::Literal(_) | TokenTree::Group(_) => return None,
        }
        at += 1;
    }
    None
}

/// Behind the bracket that closes the one here; `->` closes none.
fn end_of_generics(tokens: &[TokenTree], mut at: usize) -> usize {
    let mut depth = 0;
    while let Some(token) = tokens.get(at) {
        if is_punct(token, '<') {
            depth += 1;
        } else if is_punct(token, '>') && !(at > 0 && is_punct(&tokens[at - 1], '-')) {
            depth -= 1;
        }
        at += 1;
        if depth == 0 {
            break;
        }
    }
    at
}

fn tokens(stream: TokenStream) -> Vec<TokenTree> {
    stream.into_iter().collect()
}

/// Returns `true` if `#[cfg(test)]` begins here.
fn is_test_attribute(tokens: &[TokenTree], at: usize) -> bool {
    let Some(TokenTree::Group(attribute)) = tokens.get(at + 1) else { return false };
    is_punct(&tokens[at], '#') && attribute.stream().to_string().replace(' ', "") == "cfg(test)"
}

pub(crate) fn end_of_item(tokens: &[TokenTree], at: usize) -> usize {
    let ends = |token: &TokenTree| {
        is_punct(token, ';') || matches!(token, TokenTree::Group(group) if group.delimiter() == Delimiter::Brace)
    };
    (at..tokens.len()).find(|&end| ends(&tokens[end])).map_or(tokens.len(), |end| end + 1)
}

fn is_word(token: &TokenTree, word: &str) -> bool {
    matches!(token, TokenTree::Ident(ident) if ident == word)
}

pub(crate) fn is_punct(token: &TokenTree, punct: char) -> bool {
    matches!(token, TokenTree::Punct(found) if found.as_char() == punct)
}

pub(crate) fn is_path_separator(tokens: &[TokenTree], at: usize) -> bool {
    tokens.len() > at + 1 && is_punct(&tokens[at], ':') && is_punct(&tokens[at + 1], ':')
}
