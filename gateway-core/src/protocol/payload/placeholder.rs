//! Placeholders of binary parts in JSON: `{"_placeholder":true,"num":0}`. Found in the text, without a tree of values.
//!
//! Inside this crate placeholders are written exactly so and numbered from 0 in the order of the text, one for each
//! attachment. Received JSON is converted to this form.

use std::ops::Range;

use crate::protocol::json::{push_integer, skip_space, string_end};

pub(super) const NAME: &str = "_placeholder";
const START: &str = r#"{"_placeholder":true,"num":"#;

/// The placeholders of a JSON text, in order. Placeholders inside a placeholder do not count.
#[derive(Debug)]
pub(crate) struct Placeholders(Vec<Placeholder>);

#[derive(Debug)]
struct Placeholder {
    range: Range<usize>,
    /// Number of the part; `None` if the number is invalid.
    part: Option<usize>,
}

/// An open object.
struct OpenObject {
    start: usize,
    /// Number of placeholders found before the object.
    before: usize,
    is_placeholder: bool,
    part: Option<usize>,
}

impl Placeholders {
    /// Finds the placeholders in linear time; `None` if there are more than `most`. `json` must be valid.
    pub(crate) fn find(json: &str, most: usize) -> Option<Self> {
        let mut found = Vec::new();
        // The name may be written with escapes.
        if !json.contains(NAME) && !json.contains('\\') {
            return Some(Self(found));
        }
        let bytes = json.as_bytes();
        let mut open: Vec<OpenObject> = Vec::new();
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            at = match byte {
                b'"' => string(bytes, at, open.last_mut()),
                b'{' => {
                    open.push(OpenObject { start: at, before: found.len(), is_placeholder: false, part: None });
                    at + 1
                }
                b'}' => {
                    if let Some(OpenObject { start, before, part, .. }) =
                        open.pop().filter(|object| object.is_placeholder)
                    {
                        found.truncate(before);
                        found.push(Placeholder { range: start..at + 1, part });
                    }
                    at + 1
                }
                _ => at + 1,
            };
            if found.len() > most {
                return None;
            }
        }
        Some(Self(found))
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns the part of each placeholder; `None` if a placeholder refers to none of `parts`.
    pub(crate) fn order(&self, parts: usize) -> Option<Vec<usize>> {
        self.0.iter().map(|placeholder| placeholder.part.filter(|&part| part < parts)).collect()
    }

    /// Rewrites the placeholders of a text in this crate's form; `None` if they already have it.
    pub(crate) fn renumbered(&self, json: &str) -> Option<String> {
        let mut out = Vec::with_capacity(json.len());
        let mut copied = 0;
        for (number, Placeholder { range, .. }) in self.0.iter().enumerate() {
            out.extend_from_slice(&json.as_bytes()[copied..range.start]);
            push_placeholder(&mut out, number);
            copied = range.end;
        }
        out.extend_from_slice(&json.as_bytes()[copied..]);
        let out = String::from_utf8(out).expect("the text was cut at brackets");
        (out != json).then_some(out)
    }
}

/// Returns the position after the string at `at`, which may be the name of a member of `object`.
fn string(json: &[u8], at: usize, object: Option<&mut OpenObject>) -> usize {
    let end = string_end(json, at + 1);
    let colon = skip_space(json, end);
    // Only the name of a member is followed by a colon.
    if json.get(colon) != Some(&b':') {
        return end;
    }
    let value = skip_space(json, colon + 1);
    if let Some(object) = object {
        object.member(&json[at..end], &json[value..]);
    }
    value
}

impl OpenObject {
    /// Notes a member, with its value at the front of `rest`. Of several with one name the last counts, as in
    /// JavaScript.
    fn member(&mut self, quoted: &[u8], rest: &[u8]) {
        if is_name(quoted, NAME) {
            self.is_placeholder = rest.starts_with(b"true");
        } else if is_name(quoted, "num") {
            let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
            let (digits, rest) = rest.split_at(digits);
            let is_integer = !matches!(rest.first(), Some(b'.' | b'e' | b'E'));
            self.part = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok()).filter(|_| is_integer);
        }
    }
}

fn is_name(quoted: &[u8], name: &str) -> bool {
    if quoted.contains(&b'\\') {
        return serde_json::from_slice::<String>(quoted).is_ok_and(|text| text == name);
    }
    quoted.get(1..quoted.len() - 1) == Some(name.as_bytes())
}

pub(crate) fn push_placeholder(out: &mut Vec<u8>, number: usize) {
    out.extend_from_slice(START.as_bytes());
    push_integer(out, number as u64);
    out.push(b'}');
}

/// Returns number and length of the placeholder at the front of `json`, if there is one in this crate's form.
pub(crate) fn placeholder_at_front(json: &str) -> Option<(usize, usize)> {
    let rest = json.strip_prefix(START)?;
    let digits = rest.find('}')?;
    Some((rest[..digits].parse().ok()?, START.len() + digits + 1))
}

/// Splits a text in this crate's form at its placeholders. Inside of strings quotes are escaped, so every match is a
/// placeholder.
pub(crate) fn around_placeholders(json: &str) -> impl Iterator<Item = &str> {
    let behind = |(piece, text): (usize, &'_ str)| -> usize {
        if piece == 0 { 0 } else { text.find('}').map_or(text.len(), |end| end + 1) }
    };
    json.split(START).enumerate().map(move |(piece, text)| &text[behind((piece, text))..])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found(json: &str) -> Vec<(&str, Option<usize>)> {
        let placeholders = Placeholders::find(json, 10).unwrap();
        placeholders.0.iter().map(|placeholder| (&json[placeholder.range.clone()], placeholder.part)).collect()
    }

    #[test]
    fn placeholders_are_objects_that_say_so() {
        let check = |json: &str, expected: &[(&str, Option<usize>)]| assert_eq!(found(json), expected, "{json}");
        let first = r#"{"_placeholder":true,"num":0}"#;
        check(first, &[(first, Some(0))]);
        check(&format!("[1,{{\"a\":[{first}]}}]"), &[(first, Some(0))]);
        for other in [
            r#"{"num":12,"_placeholder":true}"#,
            "{ \"_placeholder\" : true ,\n\"num\"\t: 12 , \"more\": [{}] }",
            r#"{"\u005fplaceholder":true,"n\u0075m":12}"#,
            r#"{"_placeholder":false,"num":1,"_placeholder":true,"num":12}"#,
            r#"{"_placeholder":true,"num":12,"a":{"_placeholder":true,"num":1}}"#,
        ] {
            check(other, &[(other, Some(12))]);
        }
        for unnumbered in [
            r#"{"_placeholder":true}"#,
            r#"{"_placeholder":true,"num":"splice"}"#,
            r#"{"_placeholder":true,"num":-1}"#,
            r#"{"_placeholder":true,"num":1.5}"#,
            r#"{"_placeholder":true,"num":1e2}"#,
            r#"{"_placeholder":true,"num":99999999999999999999999}"#,
            r#"{"_placeholder":true,"num":1,"num":null}"#,
        ] {
            check(unnumbered, &[(unnumbered, None)]);
        }
        for none in [
            r#"{"_placeholder":1,"num":0}"#,
            r#"{"_placeholder":"true","num":0}"#,
            r#"{"_placeholder":{"_placeholder":false},"num":0}"#,
            r#"["_placeholder",true,"num",0]"#,
            r#""{\"_placeholder\":true,\"num\":0}""#,
            r#"{"a\\":"_placeholder"}"#,
        ] {
            check(none, &[]);
        }
    }

    #[test]
    fn more_placeholders_than_allowed_are_refused() {
        let json = format!("[{}]", [r#"{"_placeholder":true,"num":0}"#; 3].join(","));
        assert!(Placeholders::find(&json, 3).is_some());
        assert!(Placeholders::find(&json, 2).is_none());
    }

    #[test]
    fn a_text_is_brought_into_this_houses_form() {
        let check = |json: &str, expected: Option<&str>| {
            let placeholders = Placeholders::find(json, 10).unwrap();
            assert_eq!(placeholders.renumbered(json).as_deref(), expected, "{json}");
        };
        check(r#"[{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#, None);
        check(
            r#"["ü",{"_placeholder":true,"num":1}, {"num":0,"_placeholder":true},"ü"]"#,
            Some(r#"["ü",{"_placeholder":true,"num":0}, {"_placeholder":true,"num":1},"ü"]"#),
        );
    }

    #[test]
    fn a_text_is_cut_at_its_placeholders() {
        let check = |json: &str, expected: &[&str]| {
            assert_eq!(around_placeholders(json).collect::<Vec<_>>(), expected, "{json}");
        };
        check("[1]", &["[1]"]);
        check(r#"{"_placeholder":true,"num":0}"#, &["", ""]);
        check(r#"[{"_placeholder":true,"num":0},"x",{"_placeholder":true,"num":10}]"#, &["[", ",\"x\",", "]"]);
        assert_eq!(placeholder_at_front(r#"{"_placeholder":true,"num":12},1"#), Some((12, 30)));
        assert_eq!(placeholder_at_front(r#"{"_placeholder":true,"num":x}"#), None);
    }

    proptest! {
        #[test]
        fn no_text_makes_finding_panic(json in r#"(\{|\}|"_placeholder"|"num"|:|true|[0-9]|\\|"|ü|.){0,40}"#) {
            if let Some(placeholders) = Placeholders::find(&json, 10) {
                let _ = placeholders.order(3);
                let _ = placeholders.renumbered(&json);
            }
            around_placeholders(&json).for_each(drop);
        }
    }
}
