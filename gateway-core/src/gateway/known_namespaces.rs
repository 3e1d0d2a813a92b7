//! Look-up of namespaces by name among those that a server's gateways declare.

use std::fmt;

use crate::gateway::namespace_error::NamespaceError;
use crate::gateway::pattern::{DecodedPath, Pattern, PatternError};
use crate::gateway::route::Routes;
use crate::nearest::nearest;

/// The namespaces declared by a server's gateways, the most specific first.
pub(crate) struct KnownNamespaces(Vec<(&'static str, Pattern)>);

impl KnownNamespaces {
    pub(crate) fn new(routes: &Routes) -> Self {
        Self(routes.iter().map(|route| (route.namespace, route.pattern.clone())).collect())
    }

    /// Returns the hub's spelling of a namespace's name.
    pub(crate) fn find(&self, name: &str) -> Result<String, NamespaceError> {
        check_slash(name)?;
        if self.position(name).is_ok_and(|index| self.0[index].1.parameters().next().is_some()) {
            return Err(NamespaceError::Pattern { name: name.to_owned() });
        }
        let path =
            DecodedPath::parse(name).filter(|path| self.0.iter().any(|(_, pattern)| pattern.matches(path).is_some()));
        path.map(|path| path.name()).ok_or_else(|| self.unknown(name))
    }

    /// The names of the namespaces without parameters.
    pub(crate) fn without_parameters(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().filter(|(_, pattern)| pattern.parameters().next().is_none()).map(|(namespace, _)| *namespace)
    }

    /// Returns the declared namespace of this pattern, ignoring the names of its parameters.
    pub(crate) fn find_pattern(&self, pattern: &str) -> Result<&'static str, NamespaceError> {
        check_slash(pattern)?;
        self.position(pattern).map(|index| self.0[index].0).map_err(|_| self.unknown(pattern))
    }

    /// Returns the pattern that declares the namespace of this concrete name.
    pub(crate) fn declared(&self, name: &str) -> Option<&'static str> {
        let path = DecodedPath::parse(name)?;
        self.0.iter().find(|(_, pattern)| pattern.matches(&path).is_some()).map(|(namespace, _)| *namespace)
    }

    fn position(&self, text: &str) -> Result<usize, Option<PatternError>> {
        let asked = Pattern::parse(text)?;
        self.0.iter().position(|(_, known)| known.is_same_shape(&asked)).ok_or(None)
    }

    fn unknown(&self, name: &str) -> NamespaceError {
        let names: Vec<_> = self.0.iter().map(|(namespace, _)| *namespace).collect();
        let hint = match nearest(name, &names) {
            Some(near) => format!("`{near}` comes nearest"),
            None => format!("there are {}", names.join(", ")),
        };
        NamespaceError::Unknown { name: name.to_owned(), hint }
    }
}

impl fmt::Debug for KnownNamespaces {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "KnownNamespaces({})", self.0.len())
    }
}

/// Checks a name before the server's namespaces are known.
pub(crate) fn check_slash(name: &str) -> Result<(), NamespaceError> {
    if name.starts_with('/') { Ok(()) } else { Err(NamespaceError::NoSlash { name: name.to_owned() }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> KnownNamespaces {
        let known = ["/chat", "/admin", "/room/hall", "/room/{id}"];
        KnownNamespaces(known.map(|text| (text, Pattern::parse(text).unwrap())).into())
    }

    #[test]
    fn one_namespace_is_found_by_its_name() {
        let check = |name: &str, expected: Result<&str, &str>| {
            let found = known().find(name).map_err(|error| error.to_string());
            assert_eq!(found.as_deref().map_err(String::as_str), expected, "{name}");
        };
        check("/chat", Ok("/chat"));
        check("/ch%61t", Ok("/chat"));
        check("/room/7", Ok("/room/7"));
        check("/room/a%20b", Ok("/room/a b"));
        check("chat", Err("`chat` is no namespace, as it does not begin with a slash: write `/chat`"));
        check("/caht", Err("no gateway has the namespace `/caht`: `/chat` comes nearest"));
        check("/chatt", Err("no gateway has the namespace `/chatt`: `/chat` comes nearest"));
        check(
            "/room//",
            Err("no gateway has the namespace `/room//`: there are /chat, /admin, /room/hall, /room/{id}"),
        );
        check("/x", Err("no gateway has the namespace `/x`: there are /chat, /admin, /room/hall, /room/{id}"));
        let pattern = "`/room/{any}` stands for many namespaces: `of` takes one of them, with values in place of the braces, and `of_pattern` all";
        check("/room/{any}", Err(pattern));
    }

    #[test]
    fn a_pattern_is_found_by_its_shape_and_means_what_no_other_namespace_has() {
        assert_eq!(known().find_pattern("/room/{any}"), Ok("/room/{id}"));
        assert_eq!(known().find_pattern("/chat"), Ok("/chat"));
        assert!(known().find_pattern("/rooms/{id}").unwrap_err().to_string().ends_with("`/room/{id}` comes nearest"));
        assert!(known().find_pattern("room/{id}").is_err());
        assert_eq!(known().declared("/room/hall"), Some("/room/hall"));
        assert_eq!(known().declared("/room/7"), Some("/room/{id}"));
        assert_eq!(known().declared("/nowhere"), None);
    }
}
