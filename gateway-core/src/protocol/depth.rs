//! Nesting depth of a JSON text, found without parsing it.

/// Returns `true` if arrays and objects in `json` nest deeper than `limit`. Linear, without allocation; `json` need not
/// be valid.
pub(crate) fn exceeds_depth(json: &str, limit: usize) -> bool {
    // Deeper than the limit takes more opening brackets than the limit, strings included; most messages end here.
    if json.len() <= limit || openings(json.as_bytes()) <= limit {
        return false;
    }
    let mut depth = 0_usize;
    let mut bytes = json.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'[' | b'{' => {
                depth += 1;
                if depth > limit {
                    return true;
                }
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            b'"' => skip_string(&mut bytes),
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

fn skip_string(bytes: &mut std::str::Bytes<'_>) {
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => return,
            b'\\' => {
                bytes.next();
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::exceeds_depth;

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
