//! One entry of the table: the arguments read one by one, the method called, its value handed on.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Path, Type};

use crate::check::{Handler, Output, Work};
use crate::expand::text::{line, type_text};
use crate::parse::Role;

/// What differs between the roles: where arguments are read from, and what becomes of the value.
struct Words {
    on: Ident,
    into_trait: Ident,
    into_method: Ident,
}

impl Words {
    fn of(role: Role) -> Self {
        let (on, into_trait, into_method) = match role {
            Role::Subscribe => ("Message", "IntoReply", "into_reply"),
            Role::Connect => ("Connect", "IntoVerdict", "into_verdict"),
            Role::Disconnect => ("Disconnect", "IntoEnded", "into_ended"),
            Role::Init => ("Init", "IntoStarted", "into_started"),
            Role::Message => ("Raw", "IntoRawReply", "into_raw_reply"),
        };
        let word = |word| Ident::new(word, Span::call_site());
        Self {
            on: word(on),
            into_trait: word(into_trait),
            into_method: word(into_method),
        }
    }
}

pub(crate) fn expand_handler(framework: &Path, self_type: &Type, handler: &Handler) -> TokenStream {
    let Handler {
        work,
        ident,
        cfgs,
        arguments,
        ..
    } = handler;
    let method = ident.unraw().to_string();
    let line = line(ident.span());
    let (role, described) = match work {
        Work::Subscribe { event, concurrency } => {
            let arguments = arguments.iter().map(type_text);
            let reply = match &handler.output {
                Output::Unit => "()".to_owned(),
                Output::Value(ty) | Output::Stream(ty) => type_text(ty),
            };
            let concurrency = concurrency.map(|concurrency| quote!(.concurrency(#concurrency)));
            let described = quote! {
                #framework::Subscription::new(#event, #method, ::core::file!(), #line)
                    .arguments(&[#(#arguments),*])
                    .reply(#reply)
                    #concurrency
            };
            (Role::Subscribe, described)
        }
        Work::Hook(role) => (
            *role,
            quote!(#framework::Hook::new(#method, ::core::file!(), #line)),
        ),
    };
    let add = Ident::new(role.name(), Span::call_site());
    let call = call(framework, self_type, handler, &Words::of(role));
    quote! {
        #(#cfgs)*
        handlers.#add(#described, #call);
    }
}

/// The closure that reads the arguments and calls the method.
fn call(framework: &Path, self_type: &Type, handler: &Handler, words: &Words) -> TokenStream {
    let Handler {
        ident,
        arguments,
        is_async,
        output,
        ..
    } = handler;
    let names: Vec<Ident> = (0..arguments.len())
        .map(|index| format_ident!("a{index}"))
        .collect();
    let reads = arguments.iter().zip(&names).map(|(ty, name)| {
        let ty = named(ty, self_type);
        let on = &words.on;
        quote_spanned! {ty.span()=>
            let #name = match <#ty as #framework::FromContext<#framework::on::#on>>::from_context(cx) {
                ::core::result::Result::Ok(value) => value,
                ::core::result::Result::Err(rejection) => return #framework::Running::rejected(rejection),
            };
        }
    });
    let wait = is_async.then(|| quote!(.await));
    let method = quote!(<#self_type>::#ident);
    let share = quote!(let gateway = ::std::sync::Arc::clone(gateway););
    let at = ident.span();
    let running = match output {
        Output::Stream(ty) => {
            let called = quote_spanned!(ty.span()=> items.forward(#method(&gateway, #(#names),*)#wait).await);
            let running = quote_spanned!(at=> #framework::Running::stream);
            quote!(#share #running(move |items| async move { #called }))
        }
        Output::Unit | Output::Value(_) if *is_async => {
            let value = value(
                framework,
                self_type,
                words,
                output,
                &quote!(#method(&gateway, #(#names),*).await),
            );
            let running = quote_spanned!(at=> #framework::Running::future);
            quote!(#share #running(async move { #value }))
        }
        Output::Unit | Output::Value(_) => {
            let value = value(
                framework,
                self_type,
                words,
                output,
                &quote!(#method(gateway, #(#names),*)),
            );
            quote!(#framework::Running::ready(#value))
        }
    };
    let cx = if arguments.is_empty() {
        quote!(_)
    } else {
        quote!(cx)
    };
    quote!(|gateway, #cx| { #(#reads)* #running })
}

/// Hands the method's value on by its declared type, so that a type that cannot be handed on is pointed at there.
fn value(
    framework: &Path,
    self_type: &Type,
    words: &Words,
    output: &Output,
    called: &TokenStream,
) -> TokenStream {
    let Words {
        into_trait,
        into_method,
        ..
    } = words;
    match output {
        Output::Value(ty) => {
            let ty = named(ty, self_type);
            quote_spanned!(ty.span()=> <#ty as #framework::#into_trait>::#into_method(#called))
        }
        Output::Unit | Output::Stream(_) => quote!(#framework::#into_trait::#into_method(#called)),
    }
}

/// The type with `Self` by its name: a closure in a free function has no `Self`.
fn named(ty: &Type, self_type: &Type) -> TokenStream {
    replace_self(ty.to_token_stream(), &self_type.to_token_stream())
}

fn replace_self(tokens: TokenStream, self_type: &TokenStream) -> TokenStream {
    let mut trees = tokens.into_iter().peekable();
    let mut replaced = TokenStream::new();
    while let Some(tree) = trees.next() {
        match tree {
            TokenTree::Ident(ident) if ident == "Self" => {
                let at = ident.span();
                let name = self_type.clone().into_iter().map(|mut tree| {
                    tree.set_span(at);
                    tree
                });
                let before_path =
                    matches!(trees.peek(), Some(TokenTree::Punct(punct)) if punct.as_char() == ':');
                if before_path {
                    replaced.extend(quote_spanned!(at=> <#(#name)*>));
                } else {
                    replaced.extend(name);
                }
            }
            TokenTree::Group(group) => {
                let mut inner = proc_macro2::Group::new(
                    group.delimiter(),
                    replace_self(group.stream(), self_type),
                );
                inner.set_span(group.span());
                replaced.extend([TokenTree::Group(inner)]);
            }
            other => replaced.extend([other]),
        }
    }
    replaced
}
