//! Paths with the names that the client sent. Rules of a type use its names in Rust; the client may use another
//! convention, such as `paidWith` for `paid_with`.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::protocol::fault::{Fault, Step};

/// Replaces the members of paths by the names that were sent. The payload is read once for all faults.
pub(in crate::protocol) fn name_as_sent(faults: &mut [Fault], json: &str) {
    let mut whole = SentNode::default();
    for fault in &*faults {
        whole.add(fault.path.strip_prefix('$').unwrap_or(&fault.path));
    }
    // A single argument stands for the list of arguments.
    let is_list = json.trim_ascii_start().starts_with('[');
    let looked_at = if is_list { Some(&mut whole) } else { whole.only_element() };
    if let Some(place) = looked_at
        && !place.is_leaf()
    {
        // After an early end the names found until then are used.
        let _ = place.deserialize(&mut serde_json::Deserializer::from_str(json));
    }
    let named: Vec<_> =
        faults.iter().map(|fault| whole.name(fault.path.strip_prefix('$').unwrap_or(&fault.path))).collect();
    for (fault, path) in faults.iter_mut().zip(named) {
        fault.path = path;
    }
}

/// A value on the path of a fault.
#[derive(Debug, Default)]
struct SentNode {
    /// Members by the letters of their names.
    members: Vec<SentMember>,
    /// Elements by index.
    elements: Vec<(usize, SentNode)>,
}

#[derive(Debug)]
struct SentMember {
    /// Letters of the name in Rust, without marks of a naming convention.
    letters: String,
    name: String,
    /// The name that was sent.
    sent: Option<String>,
    inside: SentNode,
}

impl SentNode {
    fn is_leaf(&self) -> bool {
        self.members.is_empty() && self.elements.is_empty()
    }

    fn only_element(&mut self) -> Option<&mut Self> {
        if self.members.is_empty() { self.elements.first_mut().map(|(_, place)| place) } else { Some(self) }
    }

    /// Adds the steps of a path.
    fn add(&mut self, path: &str) {
        let mut place = self;
        let mut rest = path;
        while let Some((step, behind)) = first_step(rest) {
            place = match step {
                PathStep::Element(index) => place.element(index),
                PathStep::Member(name) => place.member(&name),
            };
            rest = behind;
        }
    }

    fn element(&mut self, index: usize) -> &mut Self {
        let at = self.elements.binary_search_by_key(&index, |(index, _)| *index).unwrap_or_else(|at| {
            self.elements.insert(at, (index, Self::default()));
            at
        });
        &mut self.elements[at].1
    }

    fn member(&mut self, name: &str) -> &mut Self {
        let letters: String = letters(name).collect();
        let key = (&*letters, name);
        let at = self.members.binary_search_by_key(&key, SentMember::key).unwrap_or_else(|at| {
            let (name, letters) = (name.to_owned(), letters.clone());
            self.members.insert(at, SentMember { letters, name, sent: None, inside: Self::default() });
            at
        });
        &mut self.members[at].inside
    }

    /// Returns the path with the names that were sent.
    fn name(&self, path: &str) -> String {
        let mut named = "$".to_owned();
        let mut place = Some(self);
        let mut rest = path;
        while let Some((step, behind)) = first_step(rest) {
            match step {
                PathStep::Element(index) => {
                    Step::Element(index).push_to(&mut named);
                    place = place.and_then(|place| {
                        let at = place.elements.binary_search_by_key(&index, |(index, _)| *index).ok()?;
                        Some(&place.elements[at].1)
                    });
                }
                PathStep::Member(name) => {
                    let member = place.and_then(|place| place.members.iter().find(|member| member.name == name));
                    let sent = member.and_then(|member| member.sent.as_deref());
                    Step::Member(sent.unwrap_or(&name)).push_to(&mut named);
                    place = member.map(|member| &member.inside);
                }
            }
            rest = behind;
        }
        // Text that is no step stays unchanged.
        named.push_str(rest);
        named
    }

    /// Finds the member for a name that was sent, unless an exact match was found before.
    fn meant(&mut self, sent: &str) -> Option<&mut Self> {
        let first = self.members.partition_point(|member| member.letters.chars().lt(letters(sent)));
        let is_alike = |member: &&SentMember| member.letters.chars().eq(letters(sent));
        let alike = self.members[first..].iter().take_while(is_alike).count();
        let alike = &mut self.members[first..first + alike];
        let exact = alike.iter().position(|member| member.name == sent);
        let at = exact.or_else(|| alike.iter().position(|member| member.sent.is_none()))?;
        let member = &mut alike[at];
        if member.sent.as_deref() == Some(&*member.name) {
            return None;
        }
        if member.sent.is_some() {
            member.inside.forget();
        }
        member.sent = Some(sent.to_owned());
        Some(&mut member.inside)
    }

    /// Removes names that were found in another value.
    fn forget(&mut self) {
        for member in &mut self.members {
            member.sent = None;
            member.inside.forget();
        }
        self.elements.iter_mut().for_each(|(_, place)| place.forget());
    }
}

impl SentMember {
    fn key(&self) -> (&str, &str) {
        (&self.letters, &self.name)
    }
}

/// Letters of a name, without the marks of its naming convention.
fn letters(name: &str) -> impl Iterator<Item = char> {
    name.chars().filter(|letter| letter.is_alphanumeric()).map(|letter| letter.to_ascii_lowercase())
}

impl<'de> DeserializeSeed<'de> for &mut SentNode {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for &mut SentNode {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while let Some(inside) = members.next_key_seed(NameLookup(&mut *self))? {
            match inside {
                Some(place) if !place.is_leaf() => members.next_value_seed(place)?,
                Some(_) | None => members.next_value::<IgnoredAny>().map(drop)?,
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        let mut at = 0;
        for (index, place) in &mut self.elements {
            while at < *index {
                if elements.next_element::<IgnoredAny>()?.is_none() {
                    return Ok(());
                }
                at += 1;
            }
            if elements.next_element_seed(place)?.is_none() {
                return Ok(());
            }
            at += 1;
        }
        while elements.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }
}

/// The name of a member, looked up as it is read.
struct NameLookup<'p>(&'p mut SentNode);

impl<'de, 'p> DeserializeSeed<'de> for NameLookup<'p> {
    type Value = Option<&'p mut SentNode>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'p> Visitor<'_> for NameLookup<'p> {
    type Value = Option<&'p mut SentNode>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the name of a member")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.meant(name))
    }
}

enum PathStep<'a> {
    Member(Cow<'a, str>),
    Element(usize),
}

/// Splits off the first step of a path.
fn first_step(path: &str) -> Option<(PathStep<'_>, &str)> {
    if let Some(path) = path.strip_prefix('.') {
        let end = path.find(['.', '[']).unwrap_or(path.len());
        return Some((PathStep::Member(path[..end].into()), &path[end..]));
    }
    let (index, behind) = path.strip_prefix('[')?.split_once(']')?;
    if let Ok(index) = index.parse() {
        return Some((PathStep::Element(index), behind));
    }
    let mut quoted = serde_json::Deserializer::from_str(&path[1..]).into_iter::<String>();
    let name = quoted.next()?.ok()?;
    Some((PathStep::Member(name.into()), path[1 + quoted.byte_offset()..].strip_prefix(']')?))
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
        check(r#"{"paid-with":1,"paidWith":2}"#, "$.paid_with", r#"$["paid-with"]"#);
        check(r#"{"theItem":{"aB":1},"the_item":{"a-b":1}}"#, "$.the_item.a_b", r#"$.the_item["a-b"]"#);
        check(r#"{"the_item":{"a-b":1},"theItem":{"aB":1}}"#, "$.the_item.a_b", r#"$.the_item["a-b"]"#);
        check(r#"{"item":7,"theItem":[{"aB":1}]}"#, "$.item.a_b", "$.item.a_b");
        check(r#"{"item":[1,2.5,null,true,"x",{"aB":1}]}"#, "$.item[5].a_b", "$.item[5].aB");
    }

    #[test]
    fn all_faults_are_named_in_one_pass() {
        let json = r#"[{"theName":1},{"junk":[[[]]]},{"theName":1,"TheItems":[{"aB":0},{"aB":1}]}]"#;
        let fault = |path: &str| Fault { path: path.to_owned(), rule: "r".into(), message: "m".into() };
        let given = ["$[2].the_items[1].a_b", "$[0].the_name", "$[2].the_items[0].a_b", "$[2].the_name", "$[9].x", "$"];
        let mut faults = given.map(fault);
        name_as_sent(&mut faults, json);
        let named = faults.map(|fault| fault.path);
        let expected = ["$[2].TheItems[1].aB", "$[0].theName", "$[2].TheItems[0].aB", "$[2].theName", "$[9].x", "$"];
        assert_eq!(named, expected);
    }
}
