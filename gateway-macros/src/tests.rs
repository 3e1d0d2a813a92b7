//! Output of the attributes, looked at as text.

use proc_macro2::{Delimiter, Group, TokenStream};
use proptest::prelude::*;
use quote::quote;

use crate::{gateway_block, gateway_struct, stand_in};

fn text(tokens: &TokenStream) -> String {
    tokens.to_string()
}

#[test]
fn a_renamed_framework_is_the_only_one_named() {
    let arguments = quote!(namespace = "/chat", crate = renamed);
    let block = quote!(impl Chat { #[subscribe] async fn a(&self, s: Socket) -> u8 { 1 } #[on_init] fn b(&self) {} });
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
fn a_suffix_is_no_part_of_a_text_or_a_number() {
    let marked = |marker: TokenStream| quote!(impl Chat { #[subscribe(#marker)] fn a(&self) {} });
    for (marker, told) in [
        (r#""a"once"#, "an event's name is a text in quotes"),
        (r#""a", timeout = "5s"x"#, "`timeout` is a text in quotes"),
        (r#""a", concurrency = 8k"#, "`concurrency` is a whole number"),
        (r#""a", queue = 5ms"#, "`queue` is a whole number"),
    ] {
        let made = text(&gateway_block(quote!(), marked(marker.parse().unwrap())));
        assert!(made.contains(told), "{marker}: {made}");
    }
    let made = text(&gateway_struct(
        r#"namespace = "/chat"x"#.parse().unwrap(),
        &quote!(
            struct Chat;
        ),
    ));
    assert!(made.contains("`namespace` is a text in quotes"), "{made}");
}

#[test]
fn a_second_attribute_on_a_block_is_the_mistake_that_is_told() {
    let block = quote!(
        #[gateway]
        #[cfg_attr(all(), gateway_core::gateway)]
        impl Chat {
            #[subscribe]
            fn a(&self) {}
        }
    );
    let made = text(&gateway_block(quote!(), block));
    assert_eq!(made.matches("a block has one `#[gateway]`").count(), 2, "{made}");
    assert!(!made.contains("# [gateway]") && !made.contains("cfg_attr"), "{made}");
}

#[test]
fn a_block_of_something_without_a_name_of_its_own_is_one_mistake() {
    for block in
        [quote!(impl &Chat { #[subscribe] fn a(&self) {} }), quote!(impl dyn Chat { #[subscribe] fn a(&self) {} })]
    {
        let made = text(&gateway_block(quote!(), block));
        assert_eq!(made.matches("compile_error").count(), 1, "{made}");
        assert!(made.contains("a gateway is a struct") && !made.contains("HandlersEntry"), "{made}");
    }
    for block in
        [quote!(impl (Chat) { #[subscribe] fn a(&self) {} }), quote!(impl named!() { #[subscribe] fn a(&self) {} })]
    {
        let made = text(&gateway_block(quote!(), block));
        assert!(made.contains("HandlersEntry") && !made.contains("compile_error"), "{made}");
    }
}

#[test]
fn an_enum_has_its_place_taken_so_that_its_blocks_are_not_told_of_too() {
    for item in ["pub enum Chat<T: Send> where T: Sync { A(T) }", "union Chat { a: u8 }"] {
        let made = text(&stand_in(quote!(namespace = "/chat"), &item.parse().unwrap()).unwrap());
        assert!(made.contains(":: manual :: Gateway for Chat"), "{made}");
    }
    assert!(
        stand_in(
            quote!(),
            &quote!(
                trait Talk {}
            )
        )
        .is_none()
    );
}

#[test]
fn an_unfinished_body_goes_through() {
    let made = text(&gateway_block(quote!(), quote!(impl Chat { #[subscribe] fn a(&self) { self. } })));
    assert!(made.contains("fn a (& self) { self . }"), "{made}");
    assert!(made.contains("HandlersEntry") && !made.contains("compile_error"), "{made}");
}

#[test]
fn a_method_that_cannot_be_read_is_left_out_and_the_others_are_not() {
    let made =
        text(&gateway_block(quote!(), quote!(impl Chat { #[subscribe] fn (&self) {} #[on_init] fn b(&self) {} })));
    assert!(made.contains("fn b (& self) { }") && made.contains("cannot read a method"), "{made}");
    let count = |call: &str| made.matches(call).count();
    let hooks = count("Handlers :: < Self > :: on_init_method (");
    let unreadable = count("Handlers :: on_init (");
    assert!(!made.contains("# [subscribe]") && (hooks, unreadable) == (1, 1), "{made}");
}

#[test]
fn what_stands_inside_a_body_is_no_marker() {
    let made =
        text(&gateway_block(quote!(), quote!(impl Chat { #[on_init] fn a(&self) { #[subscribe] fn inner() {} } })));
    assert!(made.contains("# [subscribe] fn inner"), "{made}");
}

/// As a `macro_rules!` hands a fragment on.
fn fragment(tokens: TokenStream) -> TokenStream {
    TokenStream::from(proc_macro2::TokenTree::Group(Group::new(Delimiter::None, tokens)))
}

fn maybe(fragment_of: bool, tokens: TokenStream) -> TokenStream {
    if fragment_of { fragment(tokens) } else { tokens }
}

/// A marked method with any of its parts handed on, and with attributes around its marker.
fn marked(index: usize) -> impl Strategy<Value = TokenStream> {
    let parts = proptest::array::uniform7(any::<bool>());
    (parts, 0..5_usize, 0..6_usize, 0..5_usize, 0..4_usize).prop_map(move |(parts, role, before, kind, receiver)| {
        let [item, visibility, body, ty, meta, literal, whole_attribute] = parts;
        let name = quote::format_ident!("method_{index}");
        let event = format!("event{index}");
        let event = maybe(literal, quote!(#event));
        let marker = match role {
            0 => quote!(subscribe(#event)),
            1 => quote!(gateway_core::subscribe(#event, concurrency = 2)),
            2 => quote!(on_connect),
            3 => quote!(on_init),
            _ => quote!(on_disconnect),
        };
        let marker = maybe(meta, marker);
        let marker = maybe(whole_attribute, quote!(#[#marker]));
        let other = match before {
            0 => quote!(#[cfg(all())]),
            1 => quote!(#[doc = "text { } ;"]),
            2 if role < 3 => quote!(#[cfg_attr(any(), guard(Nobody), cfg(any()))]),
            3 if role < 3 => quote!(#[guard(Nobody)] #[allow(dead_code)]),
            4 => quote!(#[cfg_attr(all(), cfg_attr(all(), doc = "x"))]),
            _ => quote!(),
        };
        let visibility = maybe(visibility, [quote!(), quote!(pub), quote!(pub(in crate::chat))][kind % 3].clone());
        let qualifier = [quote!(), quote!(async), quote!()][kind % 3].clone();
        let ty = maybe(ty, [quote!(Grid<{ 3 }>), quote!(u8), quote!([u8; { 2 }]), quote!(m! { u8 })][kind % 4].clone());
        let receiver = [quote!(&self), quote!(self: &Self), quote!(&'_ self), quote!(&'a self)][receiver].clone();
        let generics = quote!(<'a>);
        let output = if role < 2 { quote!(-> #ty) } else { quote!() };
        let body = maybe(body, quote!({ #[subscribe] fn inner() {} if a < b { c } else { d } }));
        let method = quote!(
            #other #marker #visibility #qualifier fn #name #generics(#receiver, given: Data<#ty>) #output where [u8; { 1 }]: Sized #body
        );
        maybe(item, method)
    })
}

/// An item that nothing is asked of.
fn odd() -> impl Strategy<Value = TokenStream> {
    let items = [
        quote!(
            const N: usize = { 3 };
        ),
        quote!(
            const F: fn() = {
                fn f() {}
                f
            };
        ),
        quote!(
            type Item = Grid<{ 3 }>;
        ),
        quote!(handlers! { #[derive(Clone)] struct A; }),
        quote!(handlers!(a { b });),
        quote!(some::path::handlers![{ }];),
        quote!(
            pub const fn plain(&self) -> Grid<{ 3 }> {
                Grid
            }
        ),
        quote!(
            unsafe extern "C" fn plain(a: [u8; { 3 }])
            where
                Grid<{ 2 }>: Sized,
            {
            }
        ),
        quote!(
            gen fn plain() -> u8 {
                yield 1;
            }
        ),
        quote!(
            async unsafe fn plain<const N: usize>(self) -> impl Fn() -> u8 {
                || 1
            }
        ),
        quote!(
            fn without_body(&self) -> u8;
        ),
        quote!(
            #[inline]
            pub(crate) default fn plain() {}
        ),
        quote!(),
    ];
    (proptest::sample::select(items.to_vec()), any::<bool>()).prop_map(|(item, handed_on)| maybe(handed_on, item))
}

fn block() -> impl Strategy<Value = (TokenStream, usize)> {
    proptest::collection::vec(any::<bool>(), 0..8).prop_flat_map(|kinds| {
        let count = kinds.iter().filter(|is_marked| **is_marked).count();
        let items: Vec<_> = kinds
            .iter()
            .enumerate()
            .map(|(index, is_marked)| if *is_marked { marked(index).boxed() } else { odd().boxed() })
            .collect();
        (items, any::<bool>(), any::<bool>()).prop_map(move |(items, is_generic, handed_on)| {
            let (generics, name) =
                if is_generic { (quote!(<S: Clone>), quote!(Chat<S>)) } else { (quote!(), quote!(Chat)) };
            let name = maybe(handed_on, name);
            (maybe(handed_on, quote!(impl #generics #name { #(#items)* })), count)
        })
    })
}

/// Markers left in what is given back, outside of bodies: the compiler expands them, and each is then an error.
fn left_over(made: &str) -> usize {
    ["# [subscribe", "# [on_connect", "# [on_init", "# [on_disconnect", "gateway_core :: subscribe ("]
        .iter()
        .map(|marker| made.matches(marker).count())
        .sum()
}

proptest! {
    #[test]
    fn no_marked_method_is_left_out((block, marked) in block()) {
        let made = text(&gateway_block(quote!(), block.clone()));
        let calls = ["subscribe", "on_connect", "on_init", "on_disconnect"];
        let table: usize = calls.map(|call| made.matches(&format!("Handlers :: < Self > :: {call}_method (")).count()).iter().sum();
        let inner = made.matches("# [subscribe] fn inner").count();
        if made.contains("compile_error") {
            prop_assert_eq!(marked, 0, "{}\n{}", block, made);
        } else if made.contains("cannot read a method") {
            prop_assert!(false, "{}\n{}", block, made);
        } else {
            prop_assert_eq!(table, marked, "{}\n{}", block, made);
            prop_assert_eq!(left_over(&made), inner, "{}\n{}", block, made);
            prop_assert_eq!(inner, marked);
        }
    }
}
