//! A gateway's impl block: whose it is, and that its handlers do not get in each other's way.

use std::collections::HashMap;

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::{Attribute, Generics, Ident, Path, Token, Type};

use crate::check::Mistakes;
use crate::check::attributes::{cfgs, lints};
use crate::check::layer::{refuse_on_block, refuse_strays};
use crate::check::method::{Handler, Work, check_method};
use crate::check::options::{Known, Options};
use crate::check::structure::{BORROWS, IS_A_STRUCT, shared};
use crate::parse::{Arguments, Block, Role};

pub(crate) struct CheckedBlock {
    pub(crate) framework: Path,
    pub(crate) impl_token: Token![impl],
    pub(crate) self_type: Type,
    pub(crate) cfgs: Vec<Attribute>,
    pub(crate) lints: Vec<Attribute>,
    /// The names that markers are written by, without a path.
    pub(crate) named: Vec<Ident>,
    pub(crate) kind: Kind,
    pub(crate) handlers: Vec<Handler>,
    /// Parts that could not be read.
    pub(crate) unread: Vec<syn::Error>,
}

pub(crate) enum Kind {
    /// A named type: the link-time registry takes the block's entries.
    Concrete,
    /// Some of many types: which ones, the application says with `register!`.
    Generic { generics: Generics, part: usize },
}

// `namespace` is known so that it gets a better answer than any other unknown name.
const GATEWAY: Known =
    Known { attribute: "gateway", example: "#[gateway]", words: &[], options: &["namespace", "crate", "part"] };

/// `register!` asks for this many parts.
pub(crate) const PARTS: usize = 8;

/// Checks an impl block under `#[gateway]`.
pub(crate) fn check_block(arguments: TokenStream, block: Block, mistakes: &mut Mistakes) -> Option<CheckedBlock> {
    if let Some(of_trait) = block.of_trait {
        mistakes.add(
            of_trait,
            "a gateway's handlers are methods of its own, not of a trait\nhelp: put `#[gateway]` on `impl … { … }` without `for`, and call the trait's methods from there",
        );
        return None;
    }
    if !is_named(&block.self_type) {
        mistakes.add(&block.self_type, IS_A_STRUCT);
        return None;
    }
    for second in &block.seconds {
        mistakes.add(second, "a block has one `#[gateway]`\nhelp: keep one of them");
    }
    let generics = &block.generics;
    let is_generic = generics.type_params().next().is_some() || generics.const_params().next().is_some();
    let arguments = mistakes.ok_or_note(Arguments::read(arguments)).unwrap_or_default();
    let (framework, part) = check_options(arguments, is_generic, mistakes);
    check_contents(&block, mistakes);
    let kind = if is_generic { Kind::Generic { generics: shared(generics, &framework), part } } else { Kind::Concrete };
    let handlers: Vec<Handler> =
        block.methods.into_iter().filter_map(|method| check_method(method, mistakes)).collect();
    refuse_duplicates(&handlers, mistakes);
    refuse_events_beside_messages(&handlers, mistakes);
    Some(CheckedBlock {
        framework,
        impl_token: block.impl_token,
        self_type: block.self_type,
        cfgs: cfgs(&block.attributes),
        lints: lints(&block.attributes),
        named: block.named,
        kind,
        handlers,
        unread: block.unread,
    })
}

/// Returns `true` for a type by its name, as a struct's is. A macro may stand for one.
fn is_named(ty: &Type) -> bool {
    match ty {
        Type::Paren(inner) => is_named(&inner.elem),
        Type::Group(inner) => is_named(&inner.elem),
        Type::Path(_) | Type::Macro(_) => true,
        _ => false,
    }
}

/// Checks of a block before its methods are looked at one by one.
fn check_contents(block: &Block, mistakes: &mut Mistakes) {
    for lifetime in block.generics.lifetimes() {
        mistakes.add(lifetime, BORROWS);
    }
    for stray in &block.strays {
        let name = stray.role.name();
        mistakes.add(&stray.attribute, format!("`#[{name}]` marks a method\nhelp: put it on `async fn … (&self, …)`"));
    }
    for marker in &block.conditional {
        let name = marker.role.name();
        mistakes.add(
            &marker.attribute,
            format!("`#[{name}]` cannot depend on a condition by itself\nhelp: put `#[cfg(…)]` beside `#[{name}]`; where the method is to exist without it, call one from the other"),
        );
    }
    refuse_on_block(&block.layers, mistakes);
    refuse_strays(&block.stray_layers, mistakes);
    if block.methods.is_empty() && block.unread.is_empty() && mistakes.is_empty() {
        mistakes.add(
            block.impl_token,
            "none of these methods answers anything\nhelp: mark one with `#[subscribe(\"message\")]`, or with `#[on_connect]`, `#[on_disconnect]`, `#[on_init]`, `#[on_message]`, `#[on_server_event]`; or take `#[gateway]` off this block",
        );
    }
}

fn check_options(arguments: Arguments, is_generic: bool, mistakes: &mut Mistakes) -> (Path, usize) {
    let (values, options) = Options::new(GATEWAY, arguments, mistakes);
    for at in
        values.iter().map(ToTokens::to_token_stream).chain(options.name("namespace").map(ToTokens::to_token_stream))
    {
        mistakes.add(
            at,
            "the namespace belongs on the struct\nhelp: write `#[gateway]` here, and `#[gateway(namespace = \"/chat\")]` on the struct",
        );
    }
    let part = options.number("part", 0..=PARTS - 1, mistakes).unwrap_or(0);
    if let Some(name) = options.name("part")
        && !is_generic
    {
        mistakes.add(
            name,
            "only the blocks of a generic gateway are numbered\nhelp: write `#[gateway]`; there may be as many blocks as you like",
        );
    }
    (options.framework(mistakes), part)
}

/// Refuses two handlers for one event, and two for whole messages. Those under different conditions may never meet.
fn refuse_duplicates(handlers: &[Handler], mistakes: &mut Mistakes) {
    let mut earlier: HashMap<_, Vec<usize>> = HashMap::new();
    for (index, handler) in handlers.iter().enumerate() {
        let answered = answered(&handler.work);
        let rivals = answered.iter().filter_map(|what| earlier.get(what)).flatten().copied();
        let rival = rivals.filter(|rival| conditions(&handlers[*rival]) == conditions(handler)).min();
        for what in answered {
            earlier.entry(what).or_default().push(index);
        }
        let Some(rival) = rival.map(|rival| &handlers[rival]) else { continue };
        let (what, help) = match &handler.work {
            Work::Subscribe { events, .. } => {
                let shared = events.iter().find(|event| answers(&rival.work, event));
                let Some(event) = shared.filter(|event| !event.is_empty()) else { continue };
                (format!("the event `{event}` has"), "give one of them another event")
            }
            Work::ServerEvent { events } => {
                let shared = events.iter().find(|event| answers(&rival.work, event));
                let Some(event) = shared.filter(|event| !event.is_empty()) else { continue };
                (format!("the server-side event `{event}` has"), "give one of them another event")
            }
            Work::Hook(role) => (format!("`#[{}]` has", role.name()), "call one of them from the other"),
        };
        let (first, second) = (&rival.ident, &handler.ident);
        mistakes.add(first, format!("{what} two methods: `{first}`, here"));
        mistakes.add(second, format!("{what} two methods: `{first}`, and `{second}` here\nhelp: {help}"));
    }
}

/// A whole message has no envelope, so no event can be read from it.
fn refuse_events_beside_messages(handlers: &[Handler], mistakes: &mut Mistakes) {
    let is_raw = |handler: &&Handler| matches!(handler.work, Work::Hook(Role::Message)) && handler.cfgs.is_empty();
    let is_event = |handler: &&Handler| matches!(handler.work, Work::Subscribe { .. }) && handler.cfgs.is_empty();
    if let Some(raw) = handlers.iter().find(is_raw)
        && let Some(event) = handlers.iter().find(is_event)
    {
        mistakes.add(
            &raw.ident,
            format!(
                "`#[on_message]` takes whole messages, so `{}` would never get its event\nhelp: put one of them into a gateway with another namespace",
                event.ident
            ),
        );
    }
}

/// An incoming thing that only one method can take.
#[derive(PartialEq, Eq, Hash)]
enum Answered<'a> {
    Event(&'a str),
    ServerEvent(&'a str),
    Message,
}

fn answered(work: &Work) -> Vec<Answered<'_>> {
    match work {
        Work::Subscribe { events, .. } => events.iter().map(|event| Answered::Event(event)).collect(),
        Work::ServerEvent { events } => events.iter().map(|event| Answered::ServerEvent(event)).collect(),
        Work::Hook(Role::Message) => vec![Answered::Message],
        Work::Hook(_) => Vec::new(),
    }
}

fn answers(work: &Work, event: &String) -> bool {
    match work {
        Work::Subscribe { events, .. } | Work::ServerEvent { events } => events.contains(event),
        Work::Hook(_) => false,
    }
}

fn conditions(handler: &Handler) -> String {
    handler.cfgs.iter().map(|cfg| cfg.to_token_stream().to_string()).collect()
}
