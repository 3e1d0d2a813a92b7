//! Prepares the guide's pages for the compiler. Each block ```` ```rust,continues ```` is joined to the Rust block before it: so a page
//! can show a gateway, then its clients, then a test of it. Blocks of tests become modules of one program, `tests/blocks.rs`; all
//! else is left for doctests, one that uses `Server::new()` too: that serves each gateway of its program.

#![allow(clippy::unwrap_used, reason = "a page that cannot be read fails the build")]

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs};

const TESTS: &str = "```rust,test_harness";

fn main() {
    println!("cargo::rerun-if-changed=.");
    let copies = env::var("OUT_DIR").unwrap();
    let mut pages: Vec<PathBuf> = fs::read_dir(".").unwrap().map(|entry| entry.unwrap().path()).collect();
    pages.retain(|page| page.extension().is_some_and(|extension| extension == "md"));
    pages.sort();
    let mut modules = String::new();
    for page in pages {
        let name = page.file_stem().unwrap().to_string_lossy().to_lowercase().replace('-', "_");
        let (rest, blocks) = split(&joined(&fs::read_to_string(&page).unwrap()));
        for (line, block) in blocks {
            writeln!(modules, "mod {name}_line_{line} {{\n{block}}}\n").unwrap();
        }
        fs::write(Path::new(&copies).join(page.file_name().unwrap()), rest).unwrap();
    }
    fs::write(Path::new(&copies).join("blocks.rs"), modules).unwrap();
}

/// The page with as many lines as before: the text between joined blocks becomes comments.
fn joined(page: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut open: Option<usize> = None;
    let mut rust: Option<(usize, usize)> = None;
    let mut is_continued = false;
    for line in page.lines() {
        let is_fence = line.starts_with("```");
        let mut copy = line.to_owned();
        if is_fence && open.is_none() {
            is_continued = line == "```rust,continues";
            open = Some(lines.len());
            if is_continued {
                let (first, end) = rust.expect("a Rust block before the one that continues it");
                TESTS.clone_into(&mut lines[first]);
                lines[end..].fill("//".to_owned());
                "//".clone_into(&mut copy);
                open = Some(first);
            }
        } else if is_fence {
            let first = open.take().expect("an open block");
            if lines[first].starts_with("```rust") {
                rust = Some((first, lines.len()));
            }
        } else if is_continued && line == "#[cfg(test)]" {
            copy.clear();
        }
        lines.push(copy);
    }
    lines.join("\n") + "\n"
}

/// The page with empty lines where its blocks of tests were, and these with the lines they begin at.
fn split(page: &str) -> (String, Vec<(usize, String)>) {
    let (mut rest, mut blocks) = (Vec::new(), Vec::new());
    let mut lines = page.lines().enumerate();
    while let Some((index, line)) = lines.next() {
        rest.push(line);
        if line != TESTS {
            continue;
        }
        let code: Vec<&str> = lines.by_ref().map(|(_, line)| line).take_while(|line| *line != "```").collect();
        if code.iter().any(|line| line.contains("Server::new()")) {
            rest.extend(code.into_iter().chain(["```"]));
        } else {
            rest.pop();
            rest.resize(rest.len() + code.len() + 2, "");
            blocks.push((index + 1, code.into_iter().flat_map(|line| [shown(line), "\n"]).collect()));
        }
    }
    (rest.join("\n") + "\n", blocks)
}

/// The line without the `# ` by which rustdoc hides it.
fn shown(line: &str) -> &str {
    match line.trim_start().strip_prefix('#') {
        Some("") => "",
        Some(hidden) if hidden.starts_with(' ') => hidden,
        Some(_) | None => line,
    }
}
