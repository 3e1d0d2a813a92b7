//! Check that a text can be a namespace: `/`, `/chat`, `/chat/{room}`.

/// Describes the fault of a namespace, and the text to write instead.
pub(crate) fn namespace_mistake(namespace: &str) -> Option<String> {
    if namespace == "/" {
        return None;
    }
    let Some(path) = namespace.strip_prefix('/') else {
        return Some(format!("a namespace starts with a slash\nhelp: write `namespace = \"/{namespace}\"`"));
    };
    if let Some(shorter) = namespace.strip_suffix('/') {
        let shorter = shorter.trim_end_matches('/');
        let shorter = if shorter.is_empty() { "/" } else { shorter };
        return Some(format!("a namespace does not end with a slash\nhelp: write `namespace = \"{shorter}\"`"));
    }
    if let Some(found) =
        path.chars().find(|c| matches!(c, '?' | '#' | ',' | '%') || c.is_whitespace() || c.is_control())
    {
        return Some(format!(
            "a namespace cannot hold {found:?}, which has a meaning of its own in an address or on the wire"
        ));
    }
    let mut seen = Vec::new();
    path.split('/').find_map(|segment| segment_mistake(segment, &mut seen))
}

fn segment_mistake<'a>(segment: &'a str, seen: &mut Vec<&'a str>) -> Option<String> {
    if segment.is_empty() {
        return Some("a namespace has something between its slashes\nhelp: take the second slash out".to_owned());
    }
    if !segment.contains(['{', '}']) {
        return None;
    }
    let inner = segment.split_once('{').and_then(|(_, rest)| rest.split_once('}'));
    let Some((name, _)) = inner.filter(|(name, behind)| !name.contains(['{', '}']) && !behind.contains(['{', '}']))
    else {
        return Some(format!(
            "a segment has one parameter at most, and `{segment}` is none with its braces\nhelp: write one like `/{{room}}` or `/room-{{id}}`"
        ));
    };
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_');
    if !is_name {
        return Some(format!(
            "`{segment}` is no parameter: its name is made of letters, digits and `_`\nhelp: write one like `{{room}}`"
        ));
    }
    if seen.contains(&name) {
        return Some(format!("the parameter `{segment}` is there twice\nhelp: give the second another name"));
    }
    seen.push(name);
    None
}

#[cfg(test)]
mod tests {
    use super::namespace_mistake;

    fn check(namespace: &str, expected: Option<&str>) {
        let mistake = namespace_mistake(namespace);
        match expected {
            Some(part) => {
                assert!(mistake.as_deref().is_some_and(|text| text.contains(part)), "{namespace}: {mistake:?}");
            }
            None => assert_eq!(mistake, None, "{namespace}"),
        }
    }

    #[test]
    fn what_can_be_a_namespace() {
        check("/", None);
        check("/chat", None);
        check("/chat/{room}", None);
        check("/{a}/b/{c}", None);
        check("/tchat-é", None);
        check("/room-{id}", None);
        check("/{a}.json", None);
    }

    #[test]
    fn what_cannot() {
        check("", Some("\"/\""));
        check("chat", Some("\"/chat\""));
        check("/chat/", Some("\"/chat\""));
        check("//", Some("\"/\""));
        check("/a//b", Some("between its slashes"));
        check("/a b", Some("' '"));
        check("/a?b", Some("'?'"));
        check("/a,b", Some("','"));
        check("/a%20b", Some("'%'"));
        check("/{a}{b}", Some("one parameter at most"));
        check("/{", Some("one parameter at most"));
        check("/a}", Some("one parameter at most"));
        check("/{}", Some("no parameter"));
        check("/{a-b}", Some("no parameter"));
        check("/{*rest}", Some("no parameter"));
        check("/{a}/{a}", Some("twice"));
    }
}
