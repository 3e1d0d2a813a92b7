//! Paths in the client's names. A type's own rules know the names of Rust; the client may have sent them in another
//! convention, such as `paidWith` for `paid_with`.

use std::borrow::Cow;

use serde_json::Value;

use crate::wire::fault::{Fault, Step};

/// Names each member as it was sent, where it was.
pub(in crate::wire) fn name_as_sent(faults: &mut [Fault], json: &str) {
    let Ok(sent) = serde_json::from_str::<Value>(json) else { return };
    for fault in faults {
        fault.path = renamed(&fault.path, &sent);
    }
}

fn renamed(path: &str, sent: &Value) -> String {
    let mut named = "$".to_owned();
    let mut value = Some(sent);
    let mut rest = path.strip_prefix('$').unwrap_or(path);
    while let Some((step, behind)) = first_step(rest) {
        match &step {
            Found::Element(index) => {
                Step::Element(*index).push_to(&mut named);
                // The only argument stands for the list of it.
                value = value.and_then(|value| if value.is_array() { value.get(index) } else { Some(value) });
            }
            Found::Member(name) => {
                let members = value.and_then(Value::as_object);
                let same = members.and_then(|members| {
                    members.get_key_value(&**name).or_else(|| members.iter().find(|(sent, _)| is_same(sent, name)))
                });
                Step::Member(same.map_or(name, |(sent, _)| sent)).push_to(&mut named);
                value = same.map(|(_, value)| value);
            }
        }
        rest = behind;
    }
    // What is no step stays as it is.
    named.push_str(rest);
    named
}

enum Found<'a> {
    Member(Cow<'a, str>),
    Element(usize),
}

/// The step at the front of a path, and what is behind it.
fn first_step(path: &str) -> Option<(Found<'_>, &str)> {
    if let Some(path) = path.strip_prefix('.') {
        let end = path.find(['.', '[']).unwrap_or(path.len());
        return Some((Found::Member(path[..end].into()), &path[end..]));
    }
    let (index, behind) = path.strip_prefix('[')?.split_once(']')?;
    if let Ok(index) = index.parse() {
        return Some((Found::Element(index), behind));
    }
    let mut quoted = serde_json::Deserializer::from_str(&path[1..]).into_iter::<String>();
    let name = quoted.next()?.ok()?;
    Some((Found::Member(name.into()), path[1 + quoted.byte_offset()..].strip_prefix(']')?))
}

/// Whether both are one name, in two conventions.
fn is_same(one: &str, other: &str) -> bool {
    let letters = |name: &'_ str| -> String { name.chars().filter(|letter| letter.is_alphanumeric()).collect() };
    letters(one).eq_ignore_ascii_case(&letters(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_have_the_names_they_were_sent_under() {
        let check = |json: &str, path: &str, expected: &str| {
            let mut faults = [Fault { path: path.to_owned(), rule: "r".into(), message: "m".into() }];
            name_as_sent(&mut faults, json);
            assert_eq!(faults[0].path, expected, "{json}");
        };
        check(r#"{"paidWith":1}"#, "$.paid_with", "$.paidWith");
        check(r#"{"paid-with":1}"#, "$.paid_with", r#"$["paid-with"]"#);
        check(r#"{"PaidWith":1,"paid_with":1}"#, "$.paid_with", "$.paid_with");
        check(r#"{"theItems":[{},{"unitPrice":1}]}"#, "$.the_items[1].unit_price", "$.theItems[1].unitPrice");
        check(r#"{"theItems":[]}"#, "$.the_items[1].unit_price", "$.theItems[1].unit_price");
        check("{}", "$.paid_with", "$.paid_with");
        check("null", "$", "$");
        check(r#"{"paidWith":1}"#, "$[0].paid_with", "$[0].paidWith");
        check(r#"[0,{"paidWith":1}]"#, "$[1].paid_with", "$[1].paidWith");
        check(r#"{"a b":{"cD":1}}"#, r#"$["a b"].c_d"#, r#"$["a b"].cD"#);
        check(r#"{"a]":{"cD":1}}"#, r#"$["a]"].c_d"#, r#"$["a]"].cD"#);
        check("{", "$.paid_with", "$.paid_with");
    }
}
