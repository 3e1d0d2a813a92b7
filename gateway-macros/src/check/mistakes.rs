//! The mistakes of one item, told together.

use std::fmt::Display;

use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};

/// What is wrong with an item, so far.
#[derive(Default)]
pub(crate) struct Mistakes {
    told: Option<syn::Error>,
    /// What the compiler has told already, as its parser was here before.
    told_before: Vec<syn::Error>,
}

impl Mistakes {
    /// Notes a mistake under the given tokens.
    pub(crate) fn add(&mut self, at: impl ToTokens, text: impl Display) {
        self.absorb(syn::Error::new_spanned(at, text));
    }

    /// Notes what a parser had to say.
    pub(crate) fn absorb(&mut self, error: syn::Error) {
        match &mut self.told {
            Some(first) => first.combine(error),
            None => self.told = Some(error),
        }
    }

    /// The value, or nothing and a note.
    pub(crate) fn take<T>(&mut self, result: syn::Result<T>) -> Option<T> {
        result.map_err(|error| self.absorb(error)).ok()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.told.is_none()
    }

    /// Notes what could not be read as Rust. The compiler read it before and has said what is wrong, in better words; where it
    /// takes what is not understood here, it must not be passed over.
    pub(crate) fn unread(&mut self, error: syn::Error) {
        self.told_before.push(error);
    }

    /// One `compile_error!` a mistake. What was told before fails again, in a constant, and so only where nothing else does.
    pub(crate) fn into_tokens(self) -> TokenStream {
        let mut tokens = self.told.map(|error| error.to_compile_error()).unwrap_or_default();
        for error in self.told_before {
            let text = format!("`#[gateway]` cannot read this: {error}");
            let failure = quote_spanned!(error.span()=> ::core::panic!(#text));
            tokens.extend(quote! {
                const _: () = {
                    fn __gateway_unread() {
                        const { #failure }
                    }
                };
            });
        }
        tokens
    }
}
