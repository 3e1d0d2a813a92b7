//! A gateway's struct. Of one that is half written, the fields that are whole.

use proc_macro2::TokenStream;
use syn::parse::discouraged::Speculative;
use syn::parse::{ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::token::{Brace, Paren};
use syn::{Field, Fields, FieldsNamed, FieldsUnnamed, ItemStruct, Token, braced, parenthesized};

use crate::parse::walk::{Step, step};

/// A struct, and what of it could not be read.
pub(crate) struct Structure {
    pub(crate) item: ItemStruct,
    /// The compiler has said what is wrong with it, unless it knows what we do not.
    pub(crate) unread: Option<syn::Error>,
}

impl Structure {
    pub(crate) fn read(item: TokenStream) -> syn::Result<Self> {
        match syn::parse2(item.clone()) {
            Ok(item) => Ok(Self { item, unread: None }),
            Err(error) => {
                let item = in_part.parse2(item).map_err(|_| error.clone())?;
                Ok(Self { item, unread: Some(error) })
            }
        }
    }
}

fn in_part(input: ParseStream<'_>) -> syn::Result<ItemStruct> {
    let attrs = input.call(syn::Attribute::parse_outer)?;
    let vis = input.parse()?;
    let struct_token = input.parse()?;
    let ident = input.parse()?;
    let mut generics: syn::Generics = input.parse()?;
    generics.where_clause = input.parse()?;
    let fields = if input.peek(Brace) {
        let content;
        let brace_token = braced!(content in input);
        Fields::Named(FieldsNamed { brace_token, named: whole(&content, Field::parse_named) })
    } else if input.peek(Paren) {
        let content;
        let paren_token = parenthesized!(content in input);
        Fields::Unnamed(FieldsUnnamed { paren_token, unnamed: whole(&content, Field::parse_unnamed) })
    } else {
        Fields::Unit
    };
    while step(input).is_some() {}
    let semi_token = (!matches!(fields, Fields::Named(_))).then(Default::default);
    Ok(ItemStruct { attrs, vis, struct_token, ident, generics, fields, semi_token })
}

fn whole(input: ParseStream<'_>, read: fn(ParseStream<'_>) -> syn::Result<Field>) -> Punctuated<Field, Token![,]> {
    let mut fields = Punctuated::new();
    while !input.is_empty() {
        let ahead = input.fork();
        match read(&ahead) {
            Ok(field) if ahead.is_empty() || ahead.peek(Token![,]) => {
                input.advance_to(&ahead);
                fields.push(field);
            }
            Ok(_) | Err(_) => {}
        }
        skip_field(input);
    }
    fields
}

/// Steps behind the next comma that is not between `<` and `>`.
fn skip_field(input: ParseStream<'_>) {
    let mut depth = 0_usize;
    while let Some(step) = step(input) {
        match step {
            Step::Comma if depth == 0 => break,
            Step::Open => depth += 1,
            Step::Close => depth = depth.saturating_sub(1),
            Step::Comma | Step::Brace | Step::Semicolon | Step::Other => {}
        }
    }
}
