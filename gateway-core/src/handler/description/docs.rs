//! Doc comments as texts.

/// A doc comment without the space that stands before each of its lines.
pub(super) fn trimmed(docs: &str) -> String {
    let lines: Vec<&str> = docs.lines().map(|line| line.strip_prefix(' ').unwrap_or(line).trim_end()).collect();
    lines.join("\n").trim().to_owned()
}
