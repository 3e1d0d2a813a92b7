//! The registration of a concrete type of a generic gateway.

use proc_macro2::{Literal, Span, TokenStream};
use quote::{ToTokens, quote};
use syn::{Path, Type};

use crate::check::PARTS;
use crate::expand::spans::{at, local};
use crate::parse::flat;

/// All of it stands in one place, that of the call, so that what is wrong with the type is said once: two messages of one text at one
/// place are one.
pub(crate) fn expand_concrete(framework: &Path, gateway: &Type) -> TokenStream {
    let (handlers, take_up, make) = (local("handlers"), local("take_up"), local("make"));
    // The framework's path has a place of its own.
    let root = local("root");
    let gateway: TokenStream = flat(gateway.to_token_stream()).into_iter().collect();
    let parts = (0..PARTS).map(|part| {
        let part = Literal::usize_unsuffixed(part);
        quote!((&#root::private::Probe::<#gateway, #part>::new()).__gateway_add(#handlers);)
    });
    // A comma keeps the ends of two lists apart, of which the compiler would make one sign with a place of its own.
    let tokens = quote! {
        const _: () = {
            use #framework as #root;
            #[doc(hidden)]
            impl #root::manual::Registered for #gateway {}
            fn #make() -> #root::private::Registration {
                use #root::private::{NoPart as _, NoRegistration as _};
                #root::private::is_gateway::<#gateway,>();
                let #take_up: fn(&mut #root::manual::Handlers<#gateway,>) = |#handlers| { #(#parts)* };
                (&#root::private::Concrete::new(#take_up)).__gateway_registration(#take_up)
            }
            #root::private::submit! { #root::private::ConcreteEntry::new(#make) }
        };
    };
    at(Span::call_site(), &tokens)
}
