//! Splits the pages: blocks marked `rust,test_harness` become modules of one test, `tests/blocks.rs`, in place of a program each; a
//! page without them is left for rustdoc. Blocks that use `Server::new()` stay with rustdoc: it serves each gateway of its program.

use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() {
    let folder = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo names the folder"));
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo names where to write"));
    println!("cargo::rerun-if-changed=lib.rs");
    let list = fs::read_to_string(folder.join("lib.rs")).expect("the list of pages");
    let mut blocks = String::new();
    for (name, file) in list.lines().filter_map(page) {
        println!("cargo::rerun-if-changed={file}");
        let text = fs::read_to_string(folder.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        let (rest, found) = split(&text);
        for (line, block) in found {
            blocks.push_str(&format!("mod {name}_line_{line} {{\n{block}}}\n\n"));
        }
        write(&out.join(format!("{name}.md")), &rest);
    }
    write(&out.join("blocks.rs"), &blocks);
}

/// `    from_nestjs: "from-nestjs.md";` → `from_nestjs`, `from-nestjs.md`
fn page(line: &str) -> Option<(&str, &str)> {
    let (name, rest) = line.strip_prefix("    ")?.split_once(": \"")?;
    Some((name, rest.strip_suffix("\";")?))
}

/// The page with empty lines where its blocks of tests were, and these with the lines they begin at.
fn split(text: &str) -> (String, Vec<(usize, String)>) {
    let (mut rest, mut blocks) = (String::new(), Vec::new());
    let mut lines = text.lines().enumerate();
    while let Some((index, line)) = lines.next() {
        if line != "```rust,test_harness" {
            rest.push_str(line);
            rest.push('\n');
            continue;
        }
        let code: Vec<&str> = lines.by_ref().map(|(_, line)| line).take_while(|line| *line != "```").collect();
        if code.iter().any(|line| line.contains("Server::new()")) {
            rest.push_str(&format!("{line}\n{}\n```\n", code.join("\n")));
        } else {
            rest.push_str(&"\n".repeat(code.len() + 2));
            blocks.push((index + 1, code.iter().map(|line| format!("{}\n", shown(line))).collect()));
        }
    }
    (rest, blocks)
}

/// rustdoc hides lines that begin with `# `, and compiles them.
fn shown(line: &str) -> &str {
    match line.trim_start().strip_prefix('#') {
        Some("") => "",
        Some(hidden) if hidden.starts_with(' ') => &hidden[1..],
        Some(_) | None => line,
    }
}

fn write(file: &Path, text: &str) {
    fs::write(file, text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
}
