//! A use of every marker by the name it is written by, so that nobody who imported it is told that the import is not needed.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;
use syn::Path;
use syn::ext::IdentExt;

use crate::expand::spans::local;

/// Where a marker is written that was not imported, the glob stands in: what somebody imported by name goes before it.
pub(crate) fn imports(framework: &Path, named: &[Ident]) -> TokenStream {
    // Twice, for an import that is only found by its name where it stands counts as one that the glob makes needless.
    let (mut seen, through) = (Vec::new(), local("used"));
    let imports = named.iter().filter_map(|name| {
        let name = Ident::new(&name.unraw().to_string(), Span::call_site().located_at(name.span()));
        if seen.contains(&name) {
            return None;
        }
        seen.push(name.clone());
        Some(quote! {
            use #framework::private::markers::#name::*;
            const _: () = {
                use #name as #through;
                const _: () = {
                    use #through as _;
                };
            };
        })
    });
    imports.collect()
}
