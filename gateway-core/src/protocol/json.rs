//! JSON text as several formats write and search it, without parsing: strings, spaces, nesting.

mod value;

use serde::Deserialize;
use serde_json::value::RawValue;

/// Appends `text` as a JSON string.
#[inline]
pub(crate) fn push_string(out: &mut Vec<u8>, text: &str) {
    if text.bytes().all(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\') {
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
    } else {
        serde_json::to_writer(out, text).expect("a string is always JSON");
    }
}

/// Appends the decimal digits.
#[inline]
pub(crate) fn push_integer(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// RFC 8259 §2.
pub(crate) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// Returns the position of the next byte that is not a space, from `at` on, or the end of `json`.
pub(crate) fn skip_space(json: &[u8], at: usize) -> usize {
    json.iter().skip(at).position(|&byte| !is_space(byte)).map_or(json.len(), |skipped| at + skipped)
}

/// Splits off the value at the front of `json`; `None` if there is none.
#[inline]
pub(crate) fn first_value(json: &str) -> Option<(&str, &str)> {
    let bytes = json.as_bytes();
    let start = match bytes.first() {
        Some(byte) if !is_space(*byte) => 0,
        _ => skip_space(bytes, 0),
    };
    match value::value_end(bytes, start) {
        Some(end) => Some((json.get(start..end)?, json.get(end..)?)),
        None => first_deep_value(json, start),
    }
}

/// Splits off a value as [`first_value`], however deeply it is nested.
#[cold]
fn first_deep_value(json: &str, start: usize) -> Option<(&str, &str)> {
    let value = <&RawValue>::deserialize(&mut serde_json::Deserializer::from_str(json)).ok()?.get();
    Some((value, &json[start + value.len()..]))
}

/// Returns the end of the string whose content starts at `at`: after its closing quote, or at the end of a broken text.
pub(crate) fn string_end(json: &[u8], mut at: usize) -> usize {
    while let Some(&byte) = json.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    json.len()
}

/// Returns `true` if arrays and objects in `json` nest deeper than `limit`. Linear, without allocation; `json` need not
/// be valid.
pub(crate) fn exceeds_depth(json: &str, limit: usize) -> bool {
    let json = json.as_bytes();
    // Deeper than the limit takes more opening brackets than the limit, strings included; most messages end here.
    if json.len() <= limit || openings(json) <= limit {
        return false;
    }
    let (mut depth, mut at) = (0_usize, 0);
    while let Some(&byte) = json.get(at) {
        at += 1;
        match byte {
            b'[' | b'{' => {
                depth += 1;
                if depth > limit {
                    return true;
                }
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            b'"' => at = string_end(json, at),
            _ => {}
        }
    }
    false
}

/// Written as a plain sum so that the compiler vectorises it.
fn openings(bytes: &[u8]) -> usize {
    bytes
        .chunks(128)
        .map(|chunk| chunk.iter().map(|byte| u8::from(matches!(byte, b'[' | b'{'))).sum::<u8>())
        .map(usize::from)
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_have_their_decimal_digits() {
        let check = |value: u64| {
            let mut out = Vec::new();
            push_integer(&mut out, value);
            assert_eq!(String::from_utf8(out).unwrap(), value.to_string());
        };
        check(0);
        check(9);
        check(10);
        check(u64::MAX);
    }

    #[test]
    fn the_first_value_is_cut_off() {
        let check = |json: &str, value: &str, rest: &str| {
            assert_eq!(first_value(json), Some((value, rest)), "{json}");
        };
        check("1,2", "1", ",2");
        check(" \n\"a,\" ]", "\"a,\"", " ]");
        check("{\"a\":[1]}}", "{\"a\":[1]}", "}");
        check("[ 1 ] ", "[ 1 ]", " ");
        check("\"ü\"ü", "\"ü\"", "ü");
        check("1x", "1", "x");
        check("nullnull", "null", "null");
        let deep = ["[".repeat(500), "]".repeat(500)].concat();
        check(&format!(" {deep},1"), &deep, ",1");
        for json in ["", " ", ",", "]", "\"a", "[1", "{", "nul", "-", "x"] {
            assert!(first_value(json).is_none(), "{json}");
        }
    }

    #[test]
    fn a_string_ends_at_its_own_quote() {
        let check = |json: &str, end: usize| assert_eq!(string_end(json.as_bytes(), 1), end, "{json}");
        check(r#""a",1"#, 3);
        check(r#""a\"b""#, 6);
        check(r#""\\",1"#, 4);
        check(r#""open"#, 5);
        check(r#""open\"#, 6);
    }

    #[test]
    fn only_brackets_outside_strings_count() {
        let check =
            |json: &str, limit: usize, expected: bool| assert_eq!(exceeds_depth(json, limit), expected, "{json}");
        check("[[[]]]", 3, false);
        check("[[[]]]", 2, true);
        check(r#"{"a":[{"b":[]}]}"#, 4, false);
        check(r#"{"a":[{"b":[]}]}"#, 3, true);
        check(r#"["[[[[[[", "\"[[[["]"#, 1, false);
        check("[][][][][]", 1, false);
        check("]]]]]][[", 1, true);
        check(&"[".repeat(100_000), 128, true);
    }
}
