//! The arguments of an attribute: values, and `name = value` pairs, between commas.

use proc_macro2::TokenStream;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, Ident, Meta, Token};

/// Every argument of one attribute, in the order written.
#[derive(Default)]
pub(crate) struct Arguments(pub(crate) Vec<Argument>);

pub(crate) enum Argument {
    /// `"message"`, or a word such as `default`.
    Value(Expr),
    /// `namespace = "/chat"`
    Named(Ident, Expr),
    /// `namespace =`, half written.
    Unfinished(Ident),
}

impl Arguments {
    /// Reads what stands between an attribute's parentheses.
    pub(crate) fn read(tokens: TokenStream) -> syn::Result<Self> {
        let list = Punctuated::<Argument, Token![,]>::parse_terminated.parse2(tokens)?;
        Ok(Self(list.into_iter().collect()))
    }

    /// Reads the arguments of an attribute found on an item; `example` is how it ought to look.
    pub(crate) fn from_attribute(attribute: &Attribute, example: &str) -> syn::Result<Self> {
        match &attribute.meta {
            Meta::Path(_) => Ok(Self::default()),
            Meta::List(list) => {
                // Where it ends too early, its own parenthesis is underlined.
                let list = list.parse_args_with(Punctuated::<Argument, Token![,]>::parse_terminated)?;
                Ok(Self(list.into_iter().collect()))
            }
            Meta::NameValue(pair) => Err(syn::Error::new_spanned(
                pair,
                format!("this attribute takes its value in parentheses\nhelp: write `{example}`"),
            )),
        }
    }
}

impl Parse for Argument {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        // `crate` is a keyword, and yet an option's name.
        if input.peek(Ident::peek_any) && input.peek2(Token![=]) && !input.peek2(Token![==]) {
            let name = input.call(Ident::parse_any)?;
            input.parse::<Token![=]>()?;
            if input.is_empty() || input.peek(Token![,]) {
                return Ok(Self::Unfinished(name));
            }
            return Ok(Self::Named(name, input.parse()?));
        }
        if input.peek(Ident) && input.peek2(Token![:]) && !input.peek2(Token![::]) {
            let name: Ident = input.parse()?;
            return Err(input.error(format!("a value is given with `=`\nhelp: write `{name} = …`")));
        }
        Ok(Self::Value(input.parse()?))
    }
}
