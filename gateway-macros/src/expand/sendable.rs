//! Generics of a type that is sent.

use syn::{Generics, Path, parse_quote};

/// Adds the bound that a type with parameters can be serialised: it depends on them, and serde bounds them in an impl of its own.
pub(crate) fn sendable(generics: &Generics, framework: &Path) -> Generics {
    let mut generics = generics.clone();
    if generics.type_params().next().is_some() {
        let bound = parse_quote!(Self: #framework::private::Serialize);
        generics.make_where_clause().predicates.push(bound);
    }
    generics
}
