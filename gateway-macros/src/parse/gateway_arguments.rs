//! The arguments of a struct's `#[gateway]`: those that hold types, and all others.

use proc_macro2::TokenStream;
use syn::parse::{Parse, ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{Ident, Token, Type, parenthesized};

use crate::parse::{Argument, Arguments};

/// Arguments in the order written.
#[derive(Default)]
pub(crate) struct GatewayArguments {
    /// `emits(Posted, Confirm -> bool)`, each with its word.
    pub(crate) emits: Vec<(Ident, Vec<Emitted>)>,
    /// `credentials = SignIn`, each with its word.
    pub(crate) credentials: Vec<(Ident, Type)>,
    pub(crate) others: Arguments,
}

/// An event's type, and that of its answer.
pub(crate) struct Emitted {
    pub(crate) event: Type,
    pub(crate) answer: Option<Type>,
}

enum GatewayArgument {
    Emits(Ident, Vec<Emitted>),
    Credentials(Ident, Type),
    Other(Argument),
}

impl GatewayArguments {
    /// Reads what stands between the attribute's parentheses.
    pub(crate) fn read(tokens: TokenStream) -> syn::Result<Self> {
        let mut read = Self::default();
        for argument in Punctuated::<GatewayArgument, Token![,]>::parse_terminated.parse2(tokens)? {
            match argument {
                GatewayArgument::Emits(word, events) => read.emits.push((word, events)),
                GatewayArgument::Credentials(word, ty) => read.credentials.push((word, ty)),
                GatewayArgument::Other(argument) => read.others.0.push(argument),
            }
        }
        Ok(read)
    }
}

impl Parse for GatewayArgument {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let ahead = input.fork();
        let Ok(word) = ahead.parse::<Ident>() else { return Ok(Self::Other(input.parse()?)) };
        if word == "emits" {
            input.parse::<Ident>()?;
            if !input.peek(syn::token::Paren) {
                return Err(syn::Error::new_spanned(
                    &word,
                    "the events that a gateway sends are named in parentheses\nhelp: write `emits(Posted, Left)`",
                ));
            }
            let content;
            parenthesized!(content in input);
            let events = content.parse_terminated(Emitted::parse, Token![,])?;
            return Ok(Self::Emits(word, events.into_iter().collect()));
        }
        if word == "credentials" && input.peek2(Token![=]) {
            input.parse::<Ident>()?;
            input.parse::<Token![=]>()?;
            return Ok(Self::Credentials(word, input.parse()?));
        }
        Ok(Self::Other(input.parse()?))
    }
}

impl Parse for Emitted {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let event = input.parse()?;
        let answer = if input.parse::<Option<Token![->]>>()?.is_some() { Some(input.parse()?) } else { None };
        Ok(Self { event, answer })
    }
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::GatewayArguments;

    #[test]
    fn arguments_with_types_are_told_from_others() {
        let tokens = quote!(namespace = "/chat", credentials = HashMap<String, u8>, emits(Posted, Confirm<u8> -> (bool, u8),), crate = x);
        let read = GatewayArguments::read(tokens).unwrap_or_else(|error| panic!("{error}"));
        let (_, events) = &read.emits[0];
        assert_eq!((events.len(), events[0].answer.is_some(), events[1].answer.is_some()), (2, false, true));
        assert_eq!((read.credentials.len(), read.others.0.len()), (1, 2));
        let none = GatewayArguments::read(quote!(emits())).unwrap_or_else(|error| panic!("{error}"));
        assert!(none.emits[0].1.is_empty());
    }

    #[test]
    fn events_without_parentheses_are_a_mistake_with_its_cure() {
        let why = |tokens| GatewayArguments::read(tokens).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(why(quote!(emits = Posted)).contains("write `emits(Posted, Left)`"));
        assert!(!why(quote!(credentials = "text")).is_empty());
    }
}
