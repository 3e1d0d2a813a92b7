//! Paths of namespaces: `/chat`, or `/chat/{room}` and `/room-{id}` with parameters.

use std::cmp::Reverse;

use percent_encoding::percent_decode_str;

/// A valid namespace pattern.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Pattern {
    segments: Vec<PathSegment>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum PathSegment {
    Fixed(String),
    /// A parameter with the text before and after it.
    Parameter {
        name: String,
        before: String,
        behind: String,
    },
}

/// A fault of a namespace's pattern.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum PatternError {
    #[error("a namespace starts with `/`")]
    NoSlash,
    #[error("a namespace has no empty segment and does not end with `/`")]
    EmptySegment,
    #[error("`{0}` is no parameter: write `{{name}}`, once in a segment")]
    Parameter(String),
    #[error("the parameter `{0}` stands twice")]
    Twice(String),
}

impl Pattern {
    pub(crate) fn parse(text: &str) -> Result<Self, PatternError> {
        let path = text.strip_prefix('/').ok_or(PatternError::NoSlash)?;
        if path.is_empty() {
            return Ok(Self { segments: Vec::new() });
        }
        let segments = path.split('/').map(PathSegment::parse).collect::<Result<Vec<_>, _>>()?;
        let pattern = Self { segments };
        for (index, name) in pattern.parameters().enumerate() {
            if pattern.parameters().take(index).any(|earlier| earlier == name) {
                return Err(PatternError::Twice(name.to_owned()));
            }
        }
        Ok(pattern)
    }

    /// Returns `true` if both match the same paths, ignoring the names of parameters.
    pub(crate) fn is_same_shape(&self, other: &Self) -> bool {
        let same = |(one, other): (&PathSegment, &PathSegment)| match (one, other) {
            (PathSegment::Fixed(one), PathSegment::Fixed(other)) => one == other,
            (
                PathSegment::Parameter { before, behind, .. },
                PathSegment::Parameter { before: other_before, behind: other_behind, .. },
            ) => before == other_before && behind == other_behind,
            (PathSegment::Fixed(_), PathSegment::Parameter { .. })
            | (PathSegment::Parameter { .. }, PathSegment::Fixed(_)) => false,
        };
        self.segments.len() == other.segments.len() && self.segments.iter().zip(&other.segments).all(same)
    }

    /// Sort key of the order in which patterns are tried: from the left, fixed segments before parameters, those with more
    /// fixed text first.
    pub(crate) fn precedence(&self) -> Vec<Reverse<usize>> {
        let fixed = |segment: &PathSegment| match segment {
            PathSegment::Fixed(_) => usize::MAX,
            PathSegment::Parameter { before, behind, .. } => before.len() + behind.len(),
        };
        self.segments.iter().map(|segment| Reverse(fixed(segment))).collect()
    }

    /// Returns the parameters' values if the path matches. A value is never empty.
    pub(crate) fn matches(&self, path: &DecodedPath) -> Option<Vec<(String, String)>> {
        if path.0.len() != self.segments.len() {
            return None;
        }
        let mut values = Vec::new();
        for (segment, text) in self.segments.iter().zip(&path.0) {
            match segment {
                PathSegment::Fixed(fixed) if fixed == text => {}
                PathSegment::Fixed(_) => return None,
                PathSegment::Parameter { name, before, behind } => {
                    let value = text.strip_prefix(before.as_str())?.strip_suffix(behind.as_str())?;
                    values.push((name.clone(), Some(value).filter(|value| !value.is_empty())?.to_owned()));
                }
            }
        }
        Some(values)
    }

    pub(crate) fn segments(&self) -> usize {
        self.segments.len()
    }

    pub(crate) fn parameters(&self) -> impl Iterator<Item = &str> {
        self.segments.iter().filter_map(|segment| match segment {
            PathSegment::Parameter { name, .. } => Some(name.as_str()),
            PathSegment::Fixed(_) => None,
        })
    }
}

impl PathSegment {
    fn parse(text: &str) -> Result<Self, PatternError> {
        if text.is_empty() {
            return Err(PatternError::EmptySegment);
        }
        if !text.contains(['{', '}']) {
            return Ok(Self::Fixed(text.to_owned()));
        }
        let unreadable = || PatternError::Parameter(text.to_owned());
        let (before, rest) = text.split_once('{').ok_or_else(unreadable)?;
        let (name, behind) = rest.split_once('}').ok_or_else(unreadable)?;
        let is_name = !name.is_empty() && name.chars().all(|letter| letter.is_alphanumeric() || letter == '_');
        if !is_name || before.contains('}') || behind.contains(['{', '}']) {
            return Err(unreadable());
        }
        Ok(Self::Parameter { name: name.to_owned(), before: before.to_owned(), behind: behind.to_owned() })
    }
}

/// A request's path, split before decoding, so that an encoded `/` stays inside its segment.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct DecodedPath(Vec<String>);

impl DecodedPath {
    /// Returns `None` if the decoded path is not UTF-8.
    pub(crate) fn parse(path: &str) -> Option<Self> {
        let path = path.strip_prefix('/')?;
        if path.is_empty() {
            return Some(Self(Vec::new()));
        }
        let decode = |segment: &str| percent_decode_str(segment).decode_utf8().ok().map(std::borrow::Cow::into_owned);
        path.split('/').map(decode).collect::<Option<_>>().map(Self)
    }

    /// Returns the canonical name of the path, independent of its encoding.
    pub(crate) fn name(&self) -> String {
        let escape = |segment: &String| segment.replace('%', "%25").replace('/', "%2F");
        format!("/{}", self.0.iter().map(escape).collect::<Vec<_>>().join("/"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(pattern: &str, path: &str) -> Option<Vec<String>> {
        let matched = Pattern::parse(pattern).unwrap().matches(&DecodedPath::parse(path)?)?;
        Some(matched.into_iter().map(|(_, value)| value).collect())
    }

    #[test]
    fn paths_are_matched_segment_by_segment() {
        let check = |pattern: &str, path: &str, expected: Option<&[&str]>| {
            let expected = expected.map(|values| values.iter().map(|value| (*value).to_owned()).collect());
            assert_eq!(values(pattern, path), expected, "{pattern} {path}");
        };
        check("/", "/", Some(&[]));
        check("/chat", "/chat", Some(&[]));
        check("/chat", "/chat/", None);
        check("/chat", "/ch%61t", Some(&[]));
        check("/chat/{room}/socket", "/chat/room%20with%20spaces/socket", Some(&["room with spaces"]));
        check("/chat/{room}/socket", "/chat/socket", None);
        check("/chat/{room}/socket", "/chat//socket", None);
        check("/chat/{room}", "/chat/a%2Fb", Some(&["a/b"]));
        check("/chat/{room}", "/chat/%ff", None);
        check("/{a}/{b}", "/1/2", Some(&["1", "2"]));
        check("/room-{id}", "/room-7", Some(&["7"]));
        check("/room-{id}", "/room-", None);
        check("/room-{id}", "/rome-7", None);
        check("/{file}.json", "/a.json", Some(&["a"]));
        check("/aa{x}aa", "/aaa", None);
    }

    #[test]
    fn wrong_patterns_say_what_is_wrong() {
        let check = |pattern: &str, expected: PatternError| assert_eq!(Pattern::parse(pattern), Err(expected));
        check("chat", PatternError::NoSlash);
        check("/chat/", PatternError::EmptySegment);
        check("/{}", PatternError::Parameter("{}".into()));
        check("/{a}{b}", PatternError::Parameter("{a}{b}".into()));
        check("/{a}/{a}", PatternError::Twice("a".into()));
    }

    #[test]
    fn a_path_has_one_name() {
        let name = |path| DecodedPath::parse(path).unwrap().name();
        assert_eq!(name("/chat/a%20b"), "/chat/a b");
        assert_eq!(name("/chat/a%2fb"), "/chat/a%2Fb");
        assert_eq!(name("/"), "/");
    }
}
