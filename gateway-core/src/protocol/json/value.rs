//! The end of a JSON value (RFC 8259), found in one pass that checks the grammar: a message's data is read here once, and
//! then handed on as text.

use std::ops::ControlFlow;

use crate::protocol::json::is_space;

/// Maximum nesting that is followed here: a bit for each level. Deeper values are left to the general parser.
const DEEPEST: u32 = u128::BITS;

/// Returns the end of the value that starts at `at`, without the spaces behind it; `None` for what is no JSON, or is nested
/// deeper than 128 levels.
#[inline]
pub(super) fn value_end(json: &[u8], at: usize) -> Option<usize> {
    match json.get(at)? {
        b'"' => string_end(json, at + 1),
        b'{' | b'[' => nested_end(json, at),
        _ => scalar_end(json, at),
    }
}

/// The arrays and objects around a place, the innermost in the lowest bit: 1 for an object.
#[derive(Default)]
struct Nesting {
    kinds: u128,
    depth: u32,
}

impl Nesting {
    fn enter(&mut self, is_object: bool) -> Option<()> {
        self.depth += 1;
        self.kinds = self.kinds << 1 | u128::from(is_object);
        (self.depth <= DEEPEST).then_some(())
    }

    fn leave(&mut self) {
        self.depth -= 1;
        self.kinds >>= 1;
    }

    fn is_object(&self) -> bool {
        self.kinds & 1 == 1
    }
}

fn nested_end(json: &[u8], mut at: usize) -> Option<usize> {
    let mut nesting = Nesting::default();
    loop {
        // Here a value begins.
        at = match json.get(at)? {
            opening @ (b'{' | b'[') => {
                let is_object = *opening == b'{';
                nesting.enter(is_object)?;
                at = next(json, at + 1)?;
                match json[at] {
                    b'}' if is_object => at,
                    b']' if !is_object => at,
                    _ => {
                        at = if is_object { behind_name(json, at)? } else { at };
                        continue;
                    }
                }
            }
            b'"' => next(json, string_end(json, at + 1)?)?,
            _ => next(json, scalar_end(json, at)?)?,
        };
        match behind_value(json, at, &mut nesting)? {
            ControlFlow::Continue(value) => at = value,
            ControlFlow::Break(end) => return Some(end),
        }
    }
}

/// Goes on behind a value inside of others: to the next value, or to the end of all.
#[inline]
fn behind_value(json: &[u8], mut at: usize, nesting: &mut Nesting) -> Option<ControlFlow<usize, usize>> {
    loop {
        match json[at] {
            b',' if nesting.is_object() => {
                return behind_name(json, next(json, at + 1)?).map(ControlFlow::Continue);
            }
            b',' => return next(json, at + 1).map(ControlFlow::Continue),
            b'}' if nesting.is_object() => nesting.leave(),
            b']' if !nesting.is_object() => nesting.leave(),
            _ => return None,
        }
        if nesting.depth == 0 {
            return Some(ControlFlow::Break(at + 1));
        }
        at = next(json, at + 1)?;
    }
}

/// Returns the start of the value of a member whose name starts at `at`.
#[inline]
fn behind_name(json: &[u8], at: usize) -> Option<usize> {
    if json[at] != b'"' {
        return None;
    }
    let colon = next(json, string_end(json, at + 1)?)?;
    if json[colon] == b':' { next(json, colon + 1) } else { None }
}

/// Returns the position of the next byte that is not a space; `None` at the end.
#[inline]
fn next(json: &[u8], mut at: usize) -> Option<usize> {
    while is_space(*json.get(at)?) {
        at += 1;
    }
    Some(at)
}

/// Returns the end of the string whose content starts at `at`, behind its closing quote.
#[inline]
fn string_end(json: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at += plain_bytes(json.get(at..)?);
        match json.get(at)? {
            b'"' => return Some(at + 1),
            // Escapes often follow each other, as in a text of another alphabet.
            b'\\' => {
                while json.get(at) == Some(&b'\\') {
                    at = escape_end(json, at + 1)?;
                }
            }
            // RFC 8259 §7: control characters are escaped.
            _ => return None,
        }
    }
}

/// Returns the number of bytes in front of the first quote, backslash or control character.
#[inline]
fn plain_bytes(text: &[u8]) -> usize {
    const EACH: u64 = u64::MAX / 0xff;
    const HIGH: u64 = 0x80 * EACH;
    // The lowest high bit set is exact: borrows only go upwards.
    let equals = |word: u64, byte: u8| {
        let word = word ^ (u64::from(byte) * EACH);
        word.wrapping_sub(EACH) & !word
    };
    let (words, rest) = text.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let controls = word.wrapping_sub(0x20 * EACH) & !word;
        let found = (controls | equals(word, b'"') | equals(word, b'\\')) & HIGH;
        if found != 0 {
            return index * 8 + found.trailing_zeros() as usize / 8;
        }
    }
    let plain = rest.iter().position(|&byte| byte < 0x20 || byte == b'"' || byte == b'\\');
    words.len() * 8 + plain.unwrap_or(rest.len())
}

fn escape_end(json: &[u8], at: usize) -> Option<usize> {
    match json.get(at)? {
        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(at + 1),
        b'u' => json.get(at + 1..at + 5)?.iter().all(u8::is_ascii_hexdigit).then_some(at + 5),
        _ => None,
    }
}

/// Returns the end of a number or literal.
#[inline]
fn scalar_end(json: &[u8], at: usize) -> Option<usize> {
    let literal = |text: &[u8]| json.get(at..at + text.len()).filter(|&found| found == text).map(|_| at + text.len());
    match json.get(at)? {
        b'n' => literal(b"null"),
        b't' => literal(b"true"),
        b'f' => literal(b"false"),
        b'-' => number_end(json, at + 1),
        _ => number_end(json, at),
    }
}

/// Returns the end of a number without its sign (RFC 8259 §6).
#[inline]
fn number_end(json: &[u8], at: usize) -> Option<usize> {
    let mut end = match json.get(at)? {
        b'0' if json.get(at + 1).is_some_and(u8::is_ascii_digit) => return None,
        _ => digits_end(json, at)?,
    };
    if json.get(end) == Some(&b'.') {
        end = digits_end(json, end + 1)?;
    }
    if matches!(json.get(end), Some(b'e' | b'E')) {
        let is_signed = matches!(json.get(end + 1), Some(b'+' | b'-'));
        end = digits_end(json, end + 1 + usize::from(is_signed))?;
    }
    Some(end)
}

/// Returns the end of one or more digits.
#[inline]
fn digits_end(json: &[u8], at: usize) -> Option<usize> {
    let mut end = at;
    while json.get(end).is_some_and(u8::is_ascii_digit) {
        end += 1;
    }
    (end > at).then_some(end)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Deserialize;
    use serde_json::value::RawValue;

    use super::*;
    use crate::protocol::json::skip_space;

    /// The end as the general parser finds it.
    fn expected(json: &str) -> Option<usize> {
        let start = skip_space(json.as_bytes(), 0);
        let value = <&RawValue>::deserialize(&mut serde_json::Deserializer::from_str(json)).ok()?;
        Some(start + value.get().len())
    }

    fn check(json: &str) {
        let start = skip_space(json.as_bytes(), 0);
        assert_eq!(value_end(json.as_bytes(), start), expected(json), "{json}");
    }

    #[test]
    fn a_value_ends_where_the_general_parser_ends_it() {
        let strings =
            ["\"\"", "\"abcdefghijklmnop\"", "\"a\\\"b\"", "\"\\u00fc\\ud800\"", "\"\u{fc}\u{2028}\u{7f}\"", "\"\\/\""];
        let numbers = ["0", "-0", "12", "-1.5", "1e5", "1E-5", "1.0e+5", "0.5", "9999999999999999999999"];
        let nested = [
            "[]",
            "{}",
            "[1,[2],{}]",
            "{\"a\":{\"b\":[1,2]},\"c\":null}",
            " [ 1 , 2 ] ",
            "{ \"a\" : 1 }",
            "[[]]",
            "[{}]",
        ];
        for json in ["null", "true", "false", "nullnull", "1,2", "1x", "\"a\"x"]
            .iter()
            .chain(&strings)
            .chain(&numbers)
            .chain(&nested)
        {
            check(json);
            check(&format!("{json},"));
            check(&format!("[{json},{json}]"));
            check(&format!("{{\"a\":{json} ,\"b\" : {json}}}}}"));
        }
        let broken = [
            "",
            " ",
            ",",
            "]",
            "}",
            ":",
            "\"a",
            "\"\\x\"",
            "\"\\u00f\"",
            "\"\\u00fg\"",
            "\"\n\"",
            "\"\u{1f}\"",
            "01",
            "-",
            "-a",
            "1.",
            ".5",
            "1e",
            "1e+",
            "+1",
            "nul",
            "truE",
            "tru",
            "[1",
            "[1,]",
            "[,1]",
            "[1 2]",
            "[1}",
            "{",
            "{]",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "{a:1}",
            "{1:1}",
            "{\"a\" 1}",
            "{\"a\":1 \"b\":2}",
            "{,}",
            "[",
            "[[",
            "{\"a\":[1}",
            "\"\\",
            "\"\\u",
            "'a'",
            "NaN",
            "\u{a0}1",
        ];
        for json in broken {
            check(json);
            check(&format!("[{json}]"));
            check(&format!("{{\"a\":{json}}}"));
        }
    }

    #[test]
    fn each_byte_that_ends_the_plain_part_of_a_string_is_found_at_each_place() {
        for byte in 0..=u8::MAX {
            for place in 0..20 {
                let mut text = [b'a'; 20];
                text[place] = byte;
                let is_plain = byte >= 0x20 && byte != b'"' && byte != b'\\';
                assert_eq!(plain_bytes(&text), if is_plain { 20 } else { place }, "{byte} at {place}");
            }
        }
    }

    #[test]
    fn values_are_followed_to_their_bound_of_nesting() {
        let nested = |levels: usize| ["[".repeat(levels), "]".repeat(levels)].concat();
        assert_eq!(value_end(nested(128).as_bytes(), 0), Some(256));
        assert_eq!(value_end(nested(129).as_bytes(), 0), None);
        assert_eq!(value_end("{\"a\":".repeat(129).as_bytes(), 0), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        #[test]
        fn any_text_has_the_end_that_the_general_parser_finds(json in "[\\[\\]{},:\"\\\\ntrue0-9.eE+ \u{1}\u{fc}-]{0,24}") {
            check(&json);
        }

        #[test]
        fn any_value_has_its_end_and_none_of_its_parts_has_one_too_many(
            text in any::<String>(), numbers in proptest::collection::vec(any::<f64>(), 0..4), cut in any::<proptest::sample::Index>()
        ) {
            let numbers: Vec<_> = numbers.into_iter().filter(|number| number.is_finite()).collect();
            let json = serde_json::json!({&text: [&text, {"n": numbers}], "b": [true, null]}).to_string();
            prop_assert_eq!(value_end(json.as_bytes(), 0), Some(json.len()));
            let part = json.get(..cut.index(json.len())).unwrap_or_default();
            prop_assert_eq!(value_end(part.as_bytes(), skip_space(part.as_bytes(), 0)), expected(part));
        }
    }
}
