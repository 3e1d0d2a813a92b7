//! The JSON array of a packet: the event's name and its arguments, borrowed wherever they are as they are needed.

use std::borrow::Cow;

use crate::protocol::json::{first_value, is_space};
use crate::protocol::{Arity, Payload, Violation, is_reserved};

const INVALID: Violation = Violation { why: "invalid payload" };

/// The event's name and its arguments. Reserved names are refused.
#[inline]
pub(super) fn event(json: &str) -> Result<(Cow<'_, str>, Payload<'_>), Violation> {
    let (name, payload) = read_event::<false>(json)?;
    if is_reserved(&name) {
        return Err(Violation::new("reserved event name"));
    }
    Ok((name, payload))
}

/// The event's name, whatever it is, and its arguments.
pub(in crate::protocol) fn any_event(json: &str) -> Result<(Cow<'_, str>, Payload<'_>), Violation> {
    read_event::<true>(json)
}

/// A function for each of both callers, so that the compiler inlines the one that every event of a client passes.
#[inline]
fn read_event<const ANY_NAME: bool>(json: &str) -> Result<(Cow<'_, str>, Payload<'_>), Violation> {
    let (name, rest) = match usual_name(json) {
        Some((name, rest)) => (Cow::Borrowed(name), rest),
        None => any_name(json)?,
    };
    let several = match rest.strip_prefix(',') {
        Some(several) => several,
        None if is_end(rest) => return Ok((name, none())),
        None => rest.trim_start_matches(is_space_char).strip_prefix(',').ok_or(INVALID)?,
    };
    let (first, rest) = first_value(several).ok_or(INVALID)?;
    if is_end(rest) {
        return Ok((name, Payload::one(Some(first))));
    }
    let several = ["[", several.trim_end_matches(is_space_char)].concat();
    if !is_rest_of_list(rest) {
        return Err(INVALID);
    }
    Ok((name, Payload { json: Some(Cow::Owned(several)), shape: Arity::Several, ..none() }))
}

/// `["name"` as `JSON.stringify` writes it, and what follows. What looks otherwise is left to the general way, which reads
/// the same names and all others.
#[inline]
fn usual_name(json: &str) -> Option<(&str, &str)> {
    let rest = json.strip_prefix("[\"")?;
    let end = rest.bytes().position(|byte| byte == b'"' || byte == b'\\' || byte < 0x20)?;
    Some((&rest[..end], rest[end..].strip_prefix('"')?))
}

fn any_name(json: &str) -> Result<(Cow<'_, str>, &str), Violation> {
    let (name, rest) = json.strip_prefix('[').and_then(first_value).ok_or(INVALID)?;
    Ok((event_name(name)?, rest))
}

/// The arguments of an ack.
pub(in crate::protocol) fn answer(json: &str) -> Result<Payload<'_>, Violation> {
    let inside = json.strip_prefix('[').ok_or(INVALID)?;
    if is_end(inside) {
        return Ok(none());
    }
    let (first, rest) = first_value(inside).ok_or(INVALID)?;
    if is_end(rest) {
        return Ok(Payload::one(Some(first)));
    }
    if !is_rest_of_list(rest) {
        return Err(INVALID);
    }
    let several = json.trim_end_matches(is_space_char);
    Ok(Payload { json: Some(Cow::Borrowed(several)), shape: Arity::Several, ..none() })
}

/// No argument at all.
pub(in crate::protocol) fn none<'a>() -> Payload<'a> {
    Payload { json: None, shape: Arity::Several, attachments: None, trace: None }
}

/// A text, or a number, which stands for its decimal text.
fn event_name(json: &str) -> Result<Cow<'_, str>, Violation> {
    let invalid = Violation::new("invalid event name");
    match json.as_bytes() {
        [b'"', inside @ .., b'"'] if !inside.contains(&b'\\') => Ok(Cow::Borrowed(&json[1..json.len() - 1])),
        [b'"', ..] => serde_json::from_str(json).map(Cow::Owned).map_err(|_| invalid),
        [b'-' | b'0'..=b'9', ..] => number_name(json).ok_or(invalid),
        _ => Err(invalid),
    }
}

/// As JavaScript writes the number, but for those it writes with an exponent.
fn number_name(json: &str) -> Option<Cow<'_, str>> {
    if json != "-0" && json.bytes().all(|byte| byte == b'-' || byte.is_ascii_digit()) {
        return Some(Cow::Borrowed(json));
    }
    let value: f64 = json.parse().ok()?;
    // Adding zero turns -0 into 0.
    Some(match value {
        f64::INFINITY => Cow::Borrowed("Infinity"),
        f64::NEG_INFINITY => Cow::Borrowed("-Infinity"),
        value => Cow::Owned((value + 0.0).to_string()),
    })
}

/// Returns `true` if `rest`, which follows a value of a list, goes on to the list's end as JSON does.
fn is_rest_of_list(mut rest: &str) -> bool {
    loop {
        rest = rest.trim_start_matches(is_space_char);
        match rest.strip_prefix(',').map(first_value) {
            Some(Some((_, behind))) => rest = behind,
            Some(None) => return false,
            None => return is_end(rest),
        }
    }
}

/// Returns `true` if only the closing bracket is left.
fn is_end(text: &str) -> bool {
    text == "]" || text.trim_matches(is_space_char) == "]"
}

fn is_space_char(character: char) -> bool {
    u8::try_from(character).is_ok_and(is_space)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(payload: &Payload<'_>) -> String {
        format!("{} {:?}", payload.json.as_deref().unwrap_or("-"), payload.shape)
    }

    #[test]
    fn an_event_is_a_name_and_its_arguments() {
        let check = |json: &str, name: &str, arguments: &str| {
            let (read, payload) = event(json).unwrap();
            assert_eq!((&*read, &*shown(&payload)), (name, arguments), "{json}");
        };
        check(r#"["a"]"#, "a", "- Several");
        check(r#"["a",1]"#, "a", "1 One");
        check(r#"["a",null]"#, "a", "null One");
        check(r#"["a",{"b":[1]}]"#, "a", r#"{"b":[1]} One"#);
        check(r#"["a",1,"2",{}]"#, "a", r#"[1,"2",{}] Several"#);
        check(r#"["a",[1,2]]"#, "a", "[1,2] One");
        check("[ \"a\" , 1 , [ ] ]\n", "a", "[ 1 , [ ] ] Several");
        check(r#"["\u0061\n",1 ]"#, "a\n", "1 One");
        check("[5,1]", "5", "1 One");
        check("[1e3]", "1000", "- Several");
        check("[-0]", "0", "- Several");
        check("[0.5]", "0.5", "- Several");
        check("[-1e999]", "-Infinity", "- Several");
        check(r#"["",1]"#, "", "1 One");
        check(r#"["ü","\ud800"]"#, "ü", r#""\ud800" One"#);
        let deep = ["[".repeat(500), "]".repeat(500)].concat();
        check(&format!("[\"deep\",{deep}]"), "deep", &format!("{deep} One"));
    }

    #[test]
    fn what_is_no_event_is_found() {
        let check = |json: &str| assert!(event(json).is_err(), "{json}");
        for json in ["[]", "{}", "[null]", "[true]", "[{}]", "[[]]", "[\"a\"", "[\"a\",]", "[\"a\"]x", "[\"a\",1]2"] {
            check(json);
        }
        for json in ["", "\"a\"", "[\"a\" 1]", "[\"a\",1,]", "[\"a\",1,2}", "[,]", "[\"\\ud800\"]", "[\"a\nb\"]"] {
            check(json);
        }
        for name in ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"] {
            check(&format!("[\"{name}\"]"));
            check(&format!("[\"{name}\",1]"));
        }
        check(r#"["\u0063onnect"]"#);
    }

    #[test]
    fn an_ack_has_arguments_only() {
        let check = |json: &str, arguments: &str| assert_eq!(shown(&answer(json).unwrap()), arguments, "{json}");
        check("[]", "- Several");
        check("[ ]", "- Several");
        check("[1]", "1 One");
        check("[[1]]", "[1] One");
        check("[1,2]", "[1,2] Several");
        for json in ["", "{}", "1", "[", "[1", "[1,]", "[1]2", "[1,2]3", "[,]"] {
            assert!(answer(json).is_err(), "{json}");
        }
    }

    proptest! {
        #[test]
        fn the_usual_way_reads_what_the_general_way_reads(json in "\\[ ?(\"[a-z\\\\u0\n\u{e9}]{0,6}\"|1|null)?[,\\] x]{0,2}") {
            if let Some((name, rest)) = usual_name(&json) {
                prop_assert_eq!(any_name(&json).unwrap(), (Cow::Borrowed(name), rest));
            }
        }

        #[test]
        fn no_text_makes_reading_panic(json in ".*") {
            let _ = event(&json);
            let _ = answer(&json);
        }
    }
}
