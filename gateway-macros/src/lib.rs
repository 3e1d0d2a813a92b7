//! The attributes and derives of `gateway-core`, which re-exports them.
//!
//! A macro reads what was written (`parse`), collects all that is wrong with it (`check`), and writes calls a person
//! could have written (`expand`). An item is always given back, also when something is wrong with it.

mod check;
mod expand;
mod parse;

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{DeriveInput, ItemStruct, parse_macro_input};

use crate::check::{Mistakes, check_block, check_event, check_exception, check_struct};
use crate::expand::{
    expand_block, expand_event, expand_exception, expand_struct, fallback_exception, fallback_struct, without_markers,
};
use crate::parse::{Block, Role, Target, method_name};

#[doc = include_str!("../docs/gateway.md")]
#[proc_macro_attribute]
pub fn gateway(arguments: proc_macro::TokenStream, item: proc_macro::TokenStream) -> proc_macro::TokenStream {
    let (arguments, item) = (TokenStream::from(arguments), TokenStream::from(item));
    match Target::of(&item) {
        Target::Struct => gateway_struct(arguments, &item),
        Target::Block => gateway_block(arguments, item),
        Target::Other(word) => {
            let mut mistakes = Mistakes::default();
            mistakes.add(
                word,
                "a gateway is a struct\nhelp: put `#[gateway(namespace = \"/chat\")]` on a `struct`, and `#[gateway]` on the `impl` with its handlers",
            );
            with_mistakes(&item, mistakes)
        }
    }
    .into()
}

fn gateway_struct(arguments: TokenStream, item: &TokenStream) -> TokenStream {
    let mut mistakes = Mistakes::default();
    let Some(parsed) = mistakes.take(syn::parse2::<ItemStruct>(item.clone())) else {
        return with_mistakes(item, mistakes);
    };
    let checked = check_struct(arguments, parsed, &mut mistakes);
    let made = if mistakes.is_empty() { expand_struct(&checked) } else { fallback_struct(&checked) };
    let item = checked.item.into_token_stream();
    with_mistakes(&quote!(#item #made), mistakes)
}

fn gateway_block(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let mut mistakes = Mistakes::default();
    let checked =
        mistakes.take(Block::read(item.clone())).and_then(|block| check_block(arguments, block, &mut mistakes));
    let item = without_markers(item);
    match checked {
        Some(checked) if mistakes.is_empty() => {
            let table = expand_block(&checked);
            quote!(#item #table)
        }
        _ => with_mistakes(&item, mistakes),
    }
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
/// It returns `()`, or a `Result<(), E>` where `E` is a `Refusal` or an exception. The socket's events wait until it has
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

#[doc = include_str!("../docs/event.md")]
#[proc_macro_derive(Event, attributes(event))]
pub fn event(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    let mut mistakes = Mistakes::default();
    let checked = check_event(parse_macro_input!(input as DeriveInput), &mut mistakes);
    with_mistakes(&expand_event(&checked), mistakes).into()
}

#[doc = include_str!("../docs/exception.md")]
#[proc_macro_derive(Exception, attributes(exception))]
pub fn exception(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    let mut mistakes = Mistakes::default();
    let checked = check_exception(parse_macro_input!(input as DeriveInput), &mut mistakes);
    let made = if mistakes.is_empty() { expand_exception(&checked) } else { fallback_exception(&checked) };
    with_mistakes(&made, mistakes).into()
}

#[cfg(test)]
mod tests {
    use proc_macro2::TokenStream;
    use quote::quote;

    use super::{gateway_block, gateway_struct};

    fn text(tokens: &TokenStream) -> String {
        tokens.to_string()
    }

    #[test]
    fn a_renamed_framework_is_the_only_one_named() {
        let arguments = quote!(namespace = "/chat", crate = renamed);
        let block =
            quote!(impl Chat { #[subscribe] async fn a(&self, s: Socket) -> u8 { 1 } #[on_init] fn b(&self) {} });
        let generic = quote!(
            impl<S> Chat<S> {
                #[subscribe]
                fn a(&self) -> impl Stream<Item = u8> {
                    b
                }
            }
        );
        for made in [
            gateway_struct(
                arguments.clone(),
                &quote!(
                    struct Chat {
                        store: Arc<u8>,
                        #[inject(default)]
                        seen: u8,
                    }
                ),
            ),
            gateway_struct(
                arguments.clone(),
                &quote!(
                    struct Chat<S>(S);
                ),
            ),
            gateway_struct(
                quote!(crate = renamed),
                &quote!(
                    struct Chat;
                ),
            ),
            gateway_block(quote!(crate = renamed), block),
            gateway_block(quote!(crate = renamed), generic),
        ] {
            let made = text(&made);
            assert!(made.contains("renamed ::") && !made.contains("gateway_core"), "{made}");
        }
    }

    #[test]
    fn an_unfinished_body_goes_through() {
        let made = text(&gateway_block(quote!(), quote!(impl Chat { #[subscribe] fn a(&self) { self. } })));
        assert!(made.contains("fn a (& self) { self . }"), "{made}");
        assert!(made.contains("HandlersEntry") && !made.contains("compile_error"), "{made}");
    }

    #[test]
    fn a_block_that_cannot_be_read_is_given_back_without_its_markers() {
        let made =
            text(&gateway_block(quote!(), quote!(impl Chat { #[subscribe] fn (&self) {} #[on_init] fn b(&self) {} })));
        assert!(made.contains("fn b (& self) { }") && made.contains("compile_error"), "{made}");
        assert!(!made.contains("subscribe") && !made.contains("on_init"), "{made}");
    }

    #[test]
    fn what_stands_inside_a_body_is_no_marker() {
        let made =
            text(&gateway_block(quote!(), quote!(impl Chat { #[on_init] fn a(&self) { #[subscribe] fn inner() {} } })));
        assert!(made.contains("# [subscribe] fn inner"), "{made}");
    }
}
