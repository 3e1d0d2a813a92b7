//! Unix-only items are named under `cfg(unix)` alone, so that the crate compiles elsewhere. `./check windows` compiles
//! it for Windows, where its standard library is installed.

use proc_macro2::{TokenStream, TokenTree};

use crate::source::{Sources, end_of_item, is_path_separator, is_punct};

/// Types of the runtime, and modules of it and of the standard library.
const TYPES: [&str; 5] = ["UnixDatagram", "UnixListener", "UnixStream", "SignalKind", "SendFlags"];
const MODULES: [(&str, &str); 4] = [("os", "unix"), ("os", "fd"), ("os", "linux"), ("signal", "unix")];

#[test]
fn what_only_unix_has_stands_under_cfg_unix() {
    let sources = Sources::read();
    let mut wrong = Vec::new();
    for file in sources.files.iter().filter(|file| !is_for_unix(sources, &file.name)) {
        let found = named_everywhere(file.tokens());
        wrong.extend(found.into_iter().map(|(name, line)| format!("src/{}:{line}: {name}", file.name)));
    }
    assert!(wrong.is_empty(), "not under `#[cfg(unix)]`:\n{}", wrong.join("\n"));
}

/// Returns `true` if the file's `mod` line stands under `#[cfg(unix)]`.
fn is_for_unix(sources: &Sources, file: &str) -> bool {
    let (folder, name) = file.rsplit_once('/').unwrap_or(("", file));
    let parents = [format!("{folder}/mod.rs"), format!("{folder}.rs"), "lib.rs".to_owned()];
    let declared = format!("#[cfg(unix)]\nmod {};", name.trim_end_matches(".rs"));
    sources.files.iter().any(|parent| parents.contains(&parent.name) && parent.text.contains(&declared))
}

/// Unix-only names that stand under no `cfg` for Unix, with their lines.
fn named_everywhere(tokens: TokenStream) -> Vec<(String, usize)> {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let (mut at, mut found) = (0, Vec::new());
    while let Some(token) = tokens.get(at) {
        if is_attribute_for_unix(&tokens, at) {
            at = end_of_arm(&tokens, at);
            continue;
        }
        match token {
            TokenTree::Group(group) => found.extend(named_everywhere(group.stream())),
            TokenTree::Ident(word) => {
                let line = word.span().start().line;
                let is_module = |(base, module): &(&str, &str)| {
                    word == base
                        && is_path_separator(&tokens, at + 1)
                        && tokens.get(at + 3).is_some_and(|next| next.to_string() == *module)
                };
                if TYPES.iter().any(|name| word == name) {
                    found.push((word.to_string(), line));
                } else if let Some((base, module)) = MODULES.iter().find(|names| is_module(names)) {
                    found.push((format!("{base}::{module}"), line));
                }
            }
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
        at += 1;
    }
    found
}

fn is_attribute_for_unix(tokens: &[TokenTree], at: usize) -> bool {
    let Some(TokenTree::Group(attribute)) = tokens.get(at + 1) else { return false };
    let text = attribute.stream().to_string().replace(' ', "");
    let conditions = ["cfg(unix)", "cfg(all(unix,", "cfg(target_os=\"linux\")", "cfg(test)"];
    is_punct(&tokens[at], '#') && conditions.iter().any(|condition| text.starts_with(condition))
}

/// Behind the item, statement, variant or match arm that begins here: an arm and a variant may end with a comma.
fn end_of_arm(tokens: &[TokenTree], at: usize) -> usize {
    let comma = (at..tokens.len()).find(|&end| is_punct(&tokens[end], ',')).map_or(tokens.len(), |end| end + 1);
    end_of_item(tokens, at).min(comma)
}

#[test]
fn a_name_outside_of_cfg_is_seen() {
    let check = |source: &str, expected: &[&str]| {
        let found: Vec<String> =
            named_everywhere(source.parse().expect("Rust")).into_iter().map(|(name, _)| name).collect();
        assert_eq!(found, expected, "{source}");
    };
    check("use tokio::net::{TcpStream, UnixStream};", &["UnixStream"]);
    check("#[cfg(unix)] use tokio::net::UnixStream; use std::os::unix::fs::FileExt;", &["os::unix"]);
    check("enum Direct { Tcp(TcpStream), #[cfg(unix)] Unix(UnixStream), Other(UnixListener) }", &["UnixListener"]);
    check("match a { #[cfg(unix)] A::Unix(UnixStream) => b, A::Tcp => UnixStream::pair() }", &["UnixStream"]);
    check("#[cfg(all(unix, not(apple)))] fn f() { UnixStream::pair(); } fn g(_: UnixStream) {}", &["UnixStream"]);
    check("#[cfg(not(unix))] fn f(_: UnixStream) {} #[cfg(test)] mod t { use std::os::fd::AsFd; }", &["UnixStream"]);
}
