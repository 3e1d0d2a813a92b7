//! Names of types: identifiers, each once, and none that the generated text or TypeScript needs.

use std::collections::{BTreeMap, BTreeSet};

use crate::asyncapi::model::{Contract, NamespaceContract};
use crate::asyncapi::typescript::text::capitalised;

/// Names with a meaning in the generated text or in TypeScript itself.
const TAKEN: &[&str] = &[
    "Array",
    "ArrayBuffer",
    "Client",
    "Data",
    "Error",
    "Exception",
    "Exclude",
    "GatewayException",
    "GatewayError",
    "Omit",
    "Options",
    "Promise",
    "Record",
    "Reply",
    "Socket",
    "Uint8Array",
    "any",
    "as",
    "async",
    "await",
    "bigint",
    "boolean",
    "break",
    "case",
    "catch",
    "class",
    "const",
    "continue",
    "debugger",
    "declare",
    "default",
    "delete",
    "do",
    "else",
    "enum",
    "export",
    "extends",
    "false",
    "finally",
    "for",
    "from",
    "function",
    "if",
    "implements",
    "import",
    "in",
    "instanceof",
    "interface",
    "let",
    "never",
    "new",
    "null",
    "number",
    "object",
    "package",
    "private",
    "protected",
    "public",
    "return",
    "static",
    "string",
    "super",
    "switch",
    "symbol",
    "this",
    "throw",
    "true",
    "try",
    "type",
    "typeof",
    "undefined",
    "unknown",
    "var",
    "void",
    "while",
    "with",
    "yield",
];

/// Names of the types of a contract.
pub(super) struct TypeNames {
    schemas: BTreeMap<String, String>,
    taken: BTreeSet<String>,
}

impl TypeNames {
    pub(super) fn new(contract: &Contract) -> Self {
        let mut names = Self { schemas: BTreeMap::new(), taken: TAKEN.iter().map(|name| (*name).to_owned()).collect() };
        for schema in contract.schemas.keys() {
            let name = names.free(&identifier(schema), "");
            names.schemas.insert(schema.clone(), name);
        }
        names
    }

    /// Returns the name of a schema's type.
    pub(super) fn schema(&self, schema: &str) -> Option<&str> {
        self.schemas.get(schema).map(String::as_str)
    }

    /// Returns a free name for a namespace with this ending, and takes it: `/chat/{room}` is `ChatRoom`, `/` is `Root`.
    pub(super) fn namespace(&mut self, namespace: &NamespaceContract, ending: &str) -> String {
        let words = capitalised(&namespace.path);
        let words = if words.is_empty() { "Root".to_owned() } else { words };
        self.free(&identifier(&words), ending)
    }

    fn free(&mut self, name: &str, ending: &str) -> String {
        let first = format!("{name}{ending}");
        let numbered = (2_usize..).map(|number| format!("{name}{number}{ending}"));
        let mut candidates = std::iter::once(first.clone()).chain(numbered);
        let free = candidates.find(|name| !self.taken.contains(name)).unwrap_or(first);
        self.taken.insert(free.clone());
        free
    }
}

/// The name with `_` in place of each sign that is in no identifier.
fn identifier(name: &str) -> String {
    let mut made: String = name
        .chars()
        .map(|sign| if sign.is_ascii_alphanumeric() || matches!(sign, '_' | '$') { sign } else { '_' })
        .collect();
    if made.is_empty() || made.starts_with(|sign: char| sign.is_ascii_digit()) {
        made.insert(0, '_');
    }
    made
}
