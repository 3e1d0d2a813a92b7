//! Copies the guide's pages for the doctests, and joins each block ```` ```rust,continues ```` to the Rust block before it: so a
//! page can show a gateway, then its clients, then a test of it.

#![allow(clippy::unwrap_used, reason = "a page that cannot be read fails the build")]

use std::path::Path;
use std::{env, fs};

fn main() {
    println!("cargo::rerun-if-changed=.");
    let copies = env::var("OUT_DIR").unwrap();
    for page in fs::read_dir(".").unwrap().map(|entry| entry.unwrap().path()) {
        if page.extension().is_some_and(|extension| extension == "md") {
            let copy = Path::new(&copies).join(page.file_name().unwrap());
            fs::write(copy, joined(&fs::read_to_string(&page).unwrap())).unwrap();
        }
    }
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
                "```rust,test_harness".clone_into(&mut lines[first]);
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
