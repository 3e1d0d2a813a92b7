//! Patterns of Rust's `regex` in the dialect of JSON Schema, ECMA-262.

/// The pattern as ECMA-262 has it; `None` if it has no counterpart for a part of it.
pub(super) fn ecma_pattern(pattern: &str) -> Option<String> {
    let mut made = String::new();
    let mut signs = pattern.chars().peekable();
    let mut in_class = false;
    while let Some(sign) = signs.next() {
        match sign {
            '\\' => match signs.next()? {
                'z' if !in_class => made.push('$'),
                'A' if !in_class => made.push('^'),
                'x' | 'u' if signs.peek() == Some(&'{') => made.push_str(&code_point(&mut signs)?),
                // Classes by property need a flag, and the others have no counterpart.
                'p' | 'P' | 'a' | 'U' | 'Q' | '<' | '>' => return None,
                other => made.extend(['\\', other]),
            },
            '(' if !in_class && signs.peek() == Some(&'?') => {
                signs.next();
                match signs.next()? {
                    ':' => made.push_str("(?:"),
                    'P' if signs.next_if_eq(&'<').is_some() => made.push_str("(?<"),
                    '<' => made.push_str("(?<"),
                    // Flags.
                    _ => return None,
                }
            }
            '[' if in_class => return None,
            '[' => {
                in_class = true;
                made.push('[');
            }
            ']' => {
                in_class = false;
                made.push(']');
            }
            '&' | '~' | '-' if in_class && signs.peek() == Some(&sign) => return None,
            other => made.push(other),
        }
    }
    Some(made)
}

/// `{1F600}` of `\x{1F600}`, for a pattern without the flag `u`.
fn code_point(signs: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<String> {
    signs.next();
    let mut digits = String::new();
    loop {
        match signs.next()? {
            '}' => break,
            digit => digits.push(digit),
        }
    }
    let value = u32::from_str_radix(&digits, 16).ok()?;
    u16::try_from(value).ok().map(|unit| format!("\\u{unit:04x}"))
}

#[cfg(test)]
mod tests {
    use super::ecma_pattern;

    #[test]
    fn a_pattern_is_translated_or_has_no_counterpart() {
        let check =
            |pattern, expected: Option<&str>| assert_eq!(ecma_pattern(pattern).as_deref(), expected, "{pattern}");
        check(r"^[a-z]+\d{2}$", Some(r"^[a-z]+\d{2}$"));
        check(r"\A(?P<year>\d{4})\z", Some(r"^(?<year>\d{4})$"));
        check(r"\x{e9}\.", Some(r"\u00e9\."));
        check(r"(?:a|b)", Some("(?:a|b)"));
        check("(?i)abc", None);
        check(r"\p{L}", None);
        check("[a-z&&[^aeiou]]", None);
        check(r"\x{1F600}", None);
    }
}
