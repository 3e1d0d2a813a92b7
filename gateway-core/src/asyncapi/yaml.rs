//! A JSON value as YAML 1.2, in block style. Texts are quoted as in JSON, which YAML has as its double-quoted style, unless they are plain
//! words.

use std::fmt::Write as _;

use serde_json::Value;

/// Writes a document.
pub(super) fn yaml(value: &Value) -> String {
    let mut text = String::new();
    match value {
        Value::Object(members) if !members.is_empty() => write_members(value, 0, &mut text),
        Value::Array(elements) if !elements.is_empty() => write_elements(elements, 0, &mut text),
        other => {
            let _ = writeln!(text, "{}", scalar(other));
        }
    }
    text
}

fn write_members(object: &Value, depth: usize, text: &mut String) {
    for (name, value) in object.as_object().into_iter().flatten() {
        indent(depth, text);
        write_entry(&format!("{}:", quoted_unless_plain(name)), value, depth, text);
    }
}

fn write_elements(elements: &[Value], depth: usize, text: &mut String) {
    for element in elements {
        indent(depth, text);
        write_entry("-", element, depth, text);
    }
}

/// Writes what comes behind a name or a dash: on its line, or below it.
fn write_entry(lead: &str, value: &Value, depth: usize, text: &mut String) {
    text.push_str(lead);
    match value {
        Value::Object(members) if !members.is_empty() => {
            text.push('\n');
            write_members(value, depth + 1, text);
        }
        Value::Array(elements) if !elements.is_empty() => {
            text.push('\n');
            write_elements(elements, depth + 1, text);
        }
        other => {
            let _ = writeln!(text, " {}", scalar(other));
        }
    }
}

fn indent(depth: usize, text: &mut String) {
    text.extend(std::iter::repeat_n("  ", depth));
}

fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) => quoted_unless_plain(text),
        // Empty lists and objects are in flow style.
        other => other.to_string(),
    }
}

/// The text as it is, where no reader takes it for something else than a text.
fn quoted_unless_plain(text: &str) -> String {
    let begins = text.starts_with(|sign: char| sign.is_ascii_alphabetic());
    let is_plain = text.chars().all(|sign| sign.is_ascii_alphanumeric() || matches!(sign, '_' | '-' | '.' | '/'));
    // YAML 1.1 has more words for true and false than 1.2.
    let is_word = matches!(
        text.to_ascii_lowercase().as_str(),
        "true" | "false" | "null" | "yes" | "no" | "on" | "off" | "y" | "n"
    );
    if begins && is_plain && !is_word {
        return text.to_owned();
    }
    // The three line breaks that YAML has and JSON leaves as they are.
    let json = Value::String(text.to_owned()).to_string();
    json.replace('\u{85}', "\\u0085")
        .replace('\u{2028}', "\\u2028")
        .replace('\u{2029}', "\\u2029")
        .replace('\u{7f}', "\\u007f")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn texts_are_quoted_where_yaml_would_read_something_else() {
        let value = json!({
            "plain": "application/json",
            "on": "no",
            "number": "3.1.0",
            "lines": "one\ntwo: #three",
            "empty": [[], {}, "", null],
            "nested": [{ "$ref": "#/a", "n": 1.5 }, [true]],
        });
        let lines = [
            "empty:",
            "  - []",
            "  - {}",
            "  - \"\"",
            "  - null",
            "lines: \"one\\ntwo: #three\"",
            "nested:",
            "  -",
            "    \"$ref\": \"#/a\"",
            "    \"n\": 1.5",
            "  -",
            "    - true",
            "number: \"3.1.0\"",
            "\"on\": \"no\"",
            "plain: application/json",
            "",
        ];
        assert_eq!(yaml(&super::super::document::sorted(value)), lines.join("\n"));
    }
}
