//! Failure to find a namespace.

use crate::error::{ConnectRejection, Exception};
use crate::handler::IntoException;

/// Reason why a server has no namespace of a name.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum NamespaceError {
    /// The name does not begin with a slash.
    #[error("`{name}` is no namespace, as it does not begin with a slash: write `/{name}`")]
    NoSlash {
        /// The requested name.
        name: String,
    },
    /// The name is a pattern, which matches many namespaces.
    #[error(
        "`{name}` stands for many namespaces: `of` takes one of them, with values in place of the braces, and `of_pattern` all"
    )]
    Pattern {
        /// The requested name.
        name: String,
    },
    /// The server has not started, so the patterns of its gateways are not known.
    #[error("nothing is known of `{name}` before the server has started")]
    NotStarted {
        /// The requested name.
        name: String,
    },
    /// No gateway has a namespace of this name.
    #[error("no gateway has the namespace `{name}`: {hint}")]
    Unknown {
        /// The requested name.
        name: String,
        /// The most similar declared namespace, or all of them.
        hint: String,
    },
}

impl NamespaceError {
    pub(crate) fn not_started(name: &str) -> Self {
        Self::NotStarted { name: name.to_owned() }
    }
}

impl IntoException for NamespaceError {
    fn into_exception(self) -> Exception {
        Exception::hidden("no_namespace", &self).with_source(self)
    }
}

impl From<NamespaceError> for Exception {
    fn from(error: NamespaceError) -> Self {
        error.into_exception()
    }
}

impl From<NamespaceError> for ConnectRejection {
    fn from(error: NamespaceError) -> Self {
        error.into_exception().into()
    }
}
