//! Comments, names and texts of TypeScript.

use std::fmt::Write as _;

/// A text in quotes. JSON's escapes are those of ECMAScript.
pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The name of a member: as it is where it is an identifier, otherwise in quotes.
pub(super) fn member(name: &str) -> String {
    if is_identifier(name) { name.to_owned() } else { quoted(name) }
}

/// ASCII identifiers; others are correct in quotes too.
fn is_identifier(name: &str) -> bool {
    let is_start = |sign: char| sign.is_ascii_alphabetic() || matches!(sign, '_' | '$');
    name.starts_with(is_start) && name.chars().all(|sign| is_start(sign) || sign.is_ascii_digit())
}

/// A documentation comment with its line break; nothing if there is nothing to say.
pub(super) fn comment(indent: &str, parts: &[&str]) -> String {
    let lines: Vec<String> = parts
        .iter()
        .flat_map(|part| part.trim().lines())
        // The end of a comment, and `@` at the start of a line, which editors read as a tag.
        .map(|line| line.trim_end().replace("*/", "*\\/"))
        .collect();
    match lines.as_slice() {
        [] => String::new(),
        [line] if line.is_empty() => String::new(),
        [line] => format!("{indent}/** {line} */\n"),
        lines => {
            let mut text = format!("{indent}/**\n");
            for line in lines {
                let space = if line.is_empty() { "" } else { " " };
                let _ = writeln!(text, "{indent} *{space}{line}");
            }
            let _ = writeln!(text, "{indent} */");
            text
        }
    }
}

/// Words of a name, each with a capital: `chat.message` is `ChatMessage`.
pub(super) fn capitalised(name: &str) -> String {
    let words = name.split(|sign: char| !sign.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.map(|word| word[..1].to_ascii_uppercase() + &word[1..]).collect()
}
