//! The attributes and derives of `gateway-core`, which re-exports them.
//!
//! A macro reads what was written (`parse`), collects all that is wrong with it (`check`), and writes calls a person
//! could have written (`expand`). An item is always given back, also when something is wrong with it.

mod check;
mod expand;
mod parse;

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote};
use syn::parse::Parser;
use syn::{Attribute, DeriveInput, Path, parse_macro_input, parse_quote};

use crate::check::{
    CheckedEvent, IS_A_STRUCT, Mistakes, check_block, check_event, check_exception, check_injectable, check_request,
    check_struct,
};
use crate::expand::{
    expand_block, expand_concrete, expand_event, expand_exception, expand_injectable, expand_request, expand_struct,
    fallback_exception, fallback_injectable, fallback_struct,
};
use crate::parse::{Block, LayerKind, Role, Structure, Target, method_name};

#[doc = include_str!("../docs/gateway.md")]
#[proc_macro_attribute]
pub fn gateway(arguments: proc_macro::TokenStream, item: proc_macro::TokenStream) -> proc_macro::TokenStream {
    let (arguments, item) = (TokenStream::from(arguments), TokenStream::from(item));
    match Target::from_item(&item) {
        Target::Struct => gateway_struct(arguments, &item),
        Target::Block => gateway_block(arguments, item),
        Target::Other(word) => {
            let mut mistakes = Mistakes::default();
            mistakes.add(word, IS_A_STRUCT);
            let stand_in = stand_in(arguments, &item);
            with_mistakes(&quote!(#item #stand_in), mistakes)
        }
    }
    .into()
}

// A syntax error was told by the compiler, whose parser was here before: what cannot be read is left out, so that it is not told again,
// and stops the start, for the compiler may know what we do not.
fn gateway_struct(arguments: TokenStream, item: &TokenStream) -> TokenStream {
    let mut mistakes = Mistakes::default();
    let Some(Structure { item, unread }) = mistakes.ok_or_note(Structure::read(item.clone())) else {
        return mistakes.into_tokens();
    };
    let checked = check_struct(arguments, item, &mut mistakes);
    let is_whole = mistakes.is_empty() && unread.is_none();
    let made = if is_whole { expand_struct(&checked) } else { fallback_struct(&checked, unread.as_ref()) };
    let item = checked.item.into_token_stream();
    with_mistakes(&quote!(#item #made), mistakes)
}

/// A gateway in an enum's or a union's name, so that its blocks are not also told that it is none.
fn stand_in(arguments: TokenStream, item: &TokenStream) -> Option<TokenStream> {
    let DeriveInput { vis, ident, generics, .. } = syn::parse2(item.clone()).ok()?;
    let where_clause = &generics.where_clause;
    let Structure { item, .. } = Structure::read(quote!(#vis struct #ident #generics #where_clause;)).ok()?;
    let mut of_a_struct = Mistakes::default();
    Some(fallback_struct(&check_struct(arguments, item, &mut of_a_struct), None))
}

fn gateway_block(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let mut mistakes = Mistakes::default();
    let Some(mut block) = mistakes.ok_or_note(Block::read(item)) else {
        return mistakes.into_tokens();
    };
    let item = std::mem::take(&mut block.given_back);
    let checked = check_block(arguments, block, &mut mistakes);
    let table = checked.filter(|_| mistakes.is_empty()).map(|checked| expand_block(&checked));
    with_mistakes(&quote!(#item #table), mistakes)
}

fn with_mistakes(item: &TokenStream, mistakes: Mistakes) -> TokenStream {
    let mistakes = mistakes.into_tokens();
    quote!(#item #mistakes)
}

#[doc = include_str!("../docs/subscribe.md")]
#[proc_macro_attribute]
pub fn subscribe(_: proc_macro::TokenStream, item: proc_macro::TokenStream) -> proc_macro::TokenStream {
    stray_marker(Role::Subscribe, item)
}

/// Marks the method that runs once, before the server opens its port.
///
/// It returns `()`, or a `Result<(), E>` where `E` implements `Display`: a failure stops the start and is in its report.
/// It reads what was provided to the server, as `State<T>`.
#[proc_macro_attribute]
pub fn on_init(_: proc_macro::TokenStream, item: proc_macro::TokenStream) -> proc_macro::TokenStream {
    stray_marker(Role::Init, item)
}

/// Marks the method that says whether a socket may come in.
///
/// It returns `()`, or a `Result<(), E>` where `E` is a `ConnectRejection` or an exception. The socket's events wait until it has
/// returned; what is sent to the socket meanwhile is held until it has accepted.
#[proc_macro_attribute]
pub fn on_connect(_: proc_macro::TokenStream, item: proc_macro::TokenStream) -> proc_macro::TokenStream {
    stray_marker(Role::Connect, item)
}

/// Marks the method that runs when a socket has gone.
///
/// It runs for every socket that `#[on_connect]` accepted, after its handlers have ended, with its rooms still readable. It
/// reads `DisconnectReason` beside what belongs to the socket, and returns `()`, or a `Result<(), E>` whose exception is logged.
#[proc_macro_attribute]
pub fn on_disconnect(_: proc_macro::TokenStream, item: proc_macro::TokenStream) -> proc_macro::TokenStream {
    stray_marker(Role::Disconnect, item)
}

/// Marks the method of a raw gateway that takes whole messages, without an envelope.
///
/// A gateway has one such method and then no `#[subscribe]`; it is how a protocol of one's own is served.
#[proc_macro_attribute]
pub fn on_message(_: proc_macro::TokenStream, item: proc_macro::TokenStream) -> proc_macro::TokenStream {
    stray_marker(Role::Message, item)
}

#[doc = include_str!("../docs/on_server_event.md")]
#[proc_macro_attribute]
pub fn on_server_event(_: proc_macro::TokenStream, item: proc_macro::TokenStream) -> proc_macro::TokenStream {
    stray_marker(Role::ServerEvent, item)
}

#[doc = include_str!("../docs/guard.md")]
#[proc_macro_attribute]
pub fn guard(arguments: proc_macro::TokenStream, item: proc_macro::TokenStream) -> proc_macro::TokenStream {
    stray_layer(LayerKind::Guard, &arguments.into(), &item.into()).into()
}

/// Puts interceptors around a gateway or a method, by type or by value: `#[intercept(Timing)]`.
///
/// They stand below `#[gateway(namespace = "…")]` on the struct, or on a method with `#[subscribe]`. The first is the outermost;
/// the server's come before the gateway's, and these before the method's. Types are found as those of [`macro@guard`] are.
#[proc_macro_attribute]
pub fn intercept(arguments: proc_macro::TokenStream, item: proc_macro::TokenStream) -> proc_macro::TokenStream {
    stray_layer(LayerKind::Intercept, &arguments.into(), &item.into()).into()
}

/// Puts filters at a gateway or a method, by type or by value: `#[filter(StoreFailures)]`.
///
/// They stand below `#[gateway(namespace = "…")]` on the struct, or on a method with `#[subscribe]`. The nearest to the method is
/// asked first, of two at one place the last. Types are found as those of [`macro@guard`] are.
#[proc_macro_attribute]
pub fn filter(arguments: proc_macro::TokenStream, item: proc_macro::TokenStream) -> proc_macro::TokenStream {
    stray_layer(LayerKind::Filter, &arguments.into(), &item.into()).into()
}

/// Handles a layer's attribute that no `#[gateway]` has read: above one it moves below, without one it is a mistake.
fn stray_layer(kind: LayerKind, arguments: &TokenStream, item: &TokenStream) -> TokenStream {
    if let Some(moved) = below_gateway(kind, arguments, item) {
        return moved;
    }
    let (name, mut mistakes) = (kind.name(), Mistakes::default());
    mistakes.add(
        method_name(item).map_or_else(|| item.clone(), ToTokens::into_token_stream),
        format!("`#[{name}]` is read by the `#[gateway]` of its struct or block, and there is none\nhelp: put `#[gateway(namespace = \"/chat\")]` on the struct, or `#[gateway]` on the impl block"),
    );
    with_mistakes(item, mistakes)
}

/// The item with the attribute behind its `#[gateway]`, if it has one.
fn below_gateway(kind: LayerKind, arguments: &TokenStream, item: &TokenStream) -> Option<TokenStream> {
    let split = |input: syn::parse::ParseStream<'_>| Ok((input.call(Attribute::parse_outer)?, input.parse()?));
    let (attributes, rest): (Vec<Attribute>, TokenStream) = split.parse2(item.clone()).ok()?;
    let is_gateway =
        |attribute: &Attribute| attribute.path().segments.last().is_some_and(|segment| segment.ident == "gateway");
    let place = attributes.iter().position(is_gateway)?;
    let (before, behind) = attributes.split_at(place + 1);
    let name = Ident::new(kind.name(), Span::call_site());
    Some(quote!(#(#before)* #[#name(#arguments)] #(#behind)* #rest))
}

/// A marker is read by the `#[gateway]` around it; one that is expanded has none.
fn stray_marker(role: Role, item: proc_macro::TokenStream) -> proc_macro::TokenStream {
    let item = TokenStream::from(item);
    let marker = role.name();
    let mut mistakes = Mistakes::default();
    mistakes.add(
        method_name(&item).map_or_else(|| item.clone(), ToTokens::into_token_stream),
        format!("`#[{marker}]` is read by the `#[gateway]` around it, and there is none\nhelp: put `#[gateway]` on the impl block"),
    );
    with_mistakes(&item, mistakes).into()
}

/// Registers a concrete type of a generic gateway: `gateway_core::register!` with the path to the framework.
#[doc(hidden)]
#[proc_macro]
pub fn register_concrete(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    let read = |input: syn::parse::ParseStream<'_>| -> syn::Result<(syn::Path, syn::Type)> {
        let framework = input.call(syn::Path::parse_mod_style)?;
        input.parse::<syn::Token![;]>()?;
        Ok((framework, input.parse()?))
    };
    match read.parse(input) {
        Ok((framework, gateway)) => expand_concrete(&framework, &gateway),
        Err(error) => error.to_compile_error(),
    }
    .into()
}

#[doc = include_str!("../docs/event.md")]
#[proc_macro_derive(Event, attributes(event))]
pub fn event(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    derive_event(parse_quote!(::gateway_core), true, parse_macro_input!(input as DeriveInput)).into()
}

/// `Event` for a type that names `gateway-types`, which re-exports this macro as `Event`. See `gateway_core::Event`.
#[proc_macro_derive(SharedEvent, attributes(event))]
pub fn shared_event(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    derive_event(parse_quote!(::gateway_types), false, parse_macro_input!(input as DeriveInput)).into()
}

/// `Event` for a type that names `gateway-client`, which re-exports this macro as `Event`. See `gateway_core::Event`.
#[proc_macro_derive(ClientEvent, attributes(event))]
pub fn client_event(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    derive_event(parse_quote!(::gateway_client), false, parse_macro_input!(input as DeriveInput)).into()
}

fn derive_event(framework: Path, is_of_server: bool, input: DeriveInput) -> TokenStream {
    let mut mistakes = Mistakes::default();
    let checked = check_event(framework, input, &mut mistakes);
    let checked = CheckedEvent { is_of_server: is_of_server && mistakes.is_empty(), ..checked };
    with_mistakes(&expand_event(&checked), mistakes)
}

#[doc = include_str!("../docs/request.md")]
#[proc_macro_derive(SharedRequest, attributes(request))]
pub fn shared_request(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    derive_request(parse_quote!(::gateway_types), parse_macro_input!(input as DeriveInput)).into()
}

#[doc = include_str!("../docs/request.md")]
#[proc_macro_derive(ClientRequest, attributes(request))]
pub fn client_request(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    derive_request(parse_quote!(::gateway_client), parse_macro_input!(input as DeriveInput)).into()
}

fn derive_request(framework: Path, input: DeriveInput) -> TokenStream {
    let mut mistakes = Mistakes::default();
    let checked = check_request(framework, input, &mut mistakes);
    with_mistakes(&expand_request(&checked), mistakes)
}

#[doc = include_str!("../docs/exception.md")]
#[proc_macro_derive(Exception, attributes(exception))]
pub fn exception(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    let mut mistakes = Mistakes::default();
    let checked = check_exception(parse_macro_input!(input as DeriveInput), &mut mistakes);
    let made = if mistakes.is_empty() { expand_exception(&checked) } else { fallback_exception(&checked) };
    with_mistakes(&made, mistakes).into()
}

/// Makes a struct one whose fields are filled from what was provided to the server, as a gateway's are: a guard, an
/// interceptor, a filter.
///
/// `#[inject(default)]` and `#[inject(with = path)]` say where else a field comes from; `#[injectable(crate = path)]` names the
/// framework where it is renamed.
#[proc_macro_derive(Injectable, attributes(inject, injectable))]
pub fn injectable(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    let mut mistakes = Mistakes::default();
    let checked = check_injectable(parse_macro_input!(input as DeriveInput), &mut mistakes);
    let made = if mistakes.is_empty() { expand_injectable(&checked) } else { fallback_injectable(&checked) };
    with_mistakes(&made, mistakes).into()
}

#[cfg(test)]
mod tests;
