//! One marked method: what it does, and whether its signature can be called by the table.

use proc_macro2::{Delimiter, Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::{
    Attribute, Expr, FnArg, Ident, Lifetime, PatType, Receiver, ReceiverKind, ReturnType, Safety, Signature, Type,
    TypeGroup, TypeParamBound, TypeParen,
};

use crate::check::Mistakes;
use crate::check::attributes::{Docs, cfgs, docs, lints};
use crate::check::event_name::{Direction, event_mistake};
use crate::check::layer::{Layer, check_layers, refuse_misplaced};
use crate::check::options::{Known, Options, as_text};
use crate::check::policy::{OPTIONS, Policy, check_policy};
use crate::parse::{Arguments, Marker, Method, Role};

/// A method the table can hold.
pub(crate) struct Handler {
    pub(crate) work: Work,
    pub(crate) ident: Ident,
    /// The first and the last place of what is written of it before its body.
    pub(crate) ends: (Span, Span),
    pub(crate) cfgs: Vec<Attribute>,
    pub(crate) lints: Vec<Attribute>,
    pub(crate) docs: Docs,
    /// Those the method is generic over, which nothing outside of it knows.
    pub(crate) lifetimes: Vec<Lifetime>,
    /// Layers around it.
    pub(crate) layers: Vec<Layer>,
    pub(crate) arguments: Vec<Type>,
    pub(crate) is_async: bool,
    pub(crate) output: Output,
}

impl Handler {
    /// Returns `true` if the framework's `call_0` to `call_4` can call this `async` method: its value borrows nothing.
    pub(crate) fn is_called_by_arguments(&self) -> bool {
        let is_owned = match &self.output {
            Output::Unit => true,
            Output::Value(ty) => find_borrow(ty.to_token_stream()).is_none(),
            Output::Stream(_) => false,
        };
        let is_hook = matches!(self.work, Work::Hook(_));
        self.is_async && !is_hook && is_owned && self.lifetimes.is_empty() && self.arguments.len() <= 4
    }
}

pub(crate) enum Work {
    /// The events' names, at least one, and its bounds.
    Subscribe {
        events: Vec<String>,
        policy: Policy,
    },
    /// The events' names, at least one.
    ServerEvent {
        events: Vec<String>,
    },
    Hook(Role),
}

pub(crate) enum Output {
    /// No `->` at all.
    Unit,
    Value(Type),
    /// `-> impl Stream<Item = …>`
    Stream(Type),
}

const SUBSCRIBE: Known =
    Known { attribute: "subscribe", example: "#[subscribe(\"message\")]", words: &[], options: OPTIONS };

const SERVER_EVENT: Known =
    Known { attribute: "on_server_event", example: "#[on_server_event(\"reload\")]", words: &[], options: &[] };

/// Checks a marked method, as far as that goes without types.
pub(crate) fn check_method(method: Method, mistakes: &mut Mistakes) -> Option<Handler> {
    let Method { markers, layers, attributes, signature, ends, borrowed_by_tasks } = method;
    for second in markers.iter().skip(1) {
        mistakes.add(
            &second.attribute,
            format!(
                "`{}` has two markers, and a method does one thing\nhelp: take one of them off, or write a second method that calls this one",
                signature.ident
            ),
        );
    }
    let marker = markers.into_iter().next()?;
    let work = check_marker(&marker, &signature, mistakes);
    refuse_misplaced(&layers, marker.role, mistakes);
    check_qualifiers(&signature, mistakes);
    check_receiver(&signature, mistakes);
    for found in borrowed_by_tasks {
        mistakes.add(
            found,
            "a task may outlive the event, and `self` is borrowed for the event alone\nhelp: clone what the task needs before it, as in `let store = Arc::clone(&self.store);`, and name that in it",
        );
    }
    let arguments = signature.inputs.iter().filter_map(|input| match input {
        FnArg::Receiver(_) => None,
        FnArg::Typed(argument) => Some(check_argument(argument, mistakes)),
    });
    let arguments = arguments.collect();
    Some(Handler {
        layers: check_layers(&layers, mistakes),
        arguments,
        output: check_output(&signature, marker.role, mistakes),
        work,
        cfgs: cfgs(&attributes),
        lints: lints(&attributes),
        docs: docs(&attributes),
        lifetimes: signature.generics.lifetimes().map(|parameter| parameter.lifetime.clone()).collect(),
        is_async: signature.asyncness.is_some(),
        ends,
        ident: signature.ident,
    })
}

fn check_marker(marker: &Marker, signature: &Signature, mistakes: &mut Mistakes) -> Work {
    let known = match marker.role {
        Role::Subscribe => SUBSCRIBE,
        Role::ServerEvent => SERVER_EVENT,
        Role::Init | Role::Connect | Role::Disconnect | Role::Message => {
            if !matches!(marker.attribute.meta, syn::Meta::Path(_)) {
                let name = marker.role.name();
                mistakes.add(&marker.attribute, format!("`#[{name}]` takes nothing\nhelp: write `#[{name}]`"));
            }
            return Work::Hook(marker.role);
        }
    };
    let arguments = mistakes.ok_or_note(Arguments::from_attribute(&marker.attribute, known.example));
    let (values, options) = Options::new(known, arguments.unwrap_or_default(), mistakes);
    if marker.role == Role::ServerEvent {
        return Work::ServerEvent { events: check_events(&values, signature, (Direction::Server, known), mistakes) };
    }
    let events = check_events(&values, signature, (Direction::In, known), mistakes);
    Work::Subscribe { events, policy: check_policy(&options, mistakes) }
}

/// The events in the marker's values; the method's name if it has none.
fn check_events(
    values: &[Expr],
    signature: &Signature,
    (direction, known): (Direction, Known),
    mistakes: &mut Mistakes,
) -> Vec<String> {
    let mut events = Vec::new();
    let mut take = |at: TokenStream, event: String, mistakes: &mut Mistakes| {
        if let Some(mistake) = event_mistake(&event, direction) {
            mistakes.add(at, mistake);
        } else if events.contains(&event) {
            mistakes.add(at, format!("the event `{event}` is named twice\nhelp: keep one of them"));
        }
        events.push(event);
    };
    if values.is_empty() {
        take(signature.ident.to_token_stream(), signature.ident.unraw().to_string(), mistakes);
    }
    for value in values {
        if let Some(text) = as_text(value) {
            take(text.to_token_stream(), text.value(), mistakes);
        } else {
            let example = known.example;
            mistakes.add(value, format!("an event's name is a text in quotes\nhelp: write `{example}`"));
        }
    }
    events
}

fn check_qualifiers(signature: &Signature, mistakes: &mut Mistakes) {
    let mut refuse = |at: TokenStream, what: &str| {
        mistakes.add(at, format!("a handler cannot be {what}: it is called for a message, at run time, by safe code\nhelp: write `async fn` or `fn`"));
    };
    if let Safety::Unsafe(unsafety) = &signature.safety {
        refuse(unsafety.to_token_stream(), "`unsafe`");
    }
    if let Some(abi) = &signature.abi {
        refuse(abi.to_token_stream(), "`extern`");
    }
    if let Some(variadic) = &signature.variadic {
        refuse(variadic.to_token_stream(), "variadic");
    }
    let generics = &signature.generics;
    if generics.type_params().next().is_some() || generics.const_params().next().is_some() {
        mistakes.add(
            generics,
            "a handler cannot be generic: a message does not say for which type\nhelp: name the types, as in `Data<NewMessage>`; the whole gateway may be generic instead",
        );
    }
}

fn check_receiver(signature: &Signature, mistakes: &mut Mistakes) {
    let Some(receiver) = signature.receiver() else {
        let at = &signature.ident;
        return mistakes
            .add(at, format!("a handler is a method of its gateway\nhelp: write `&self` first: `fn {at}(&self, …)`"));
    };
    let Receiver { mutability: _, kind, .. } = receiver;
    match kind {
        ReceiverKind::Reference(_, _, None) => {}
        ReceiverKind::Typed(_, ty) if matches!(&**ty, Type::Reference(to) if to.mutability.is_none() && is_self(&to.elem)) => {}
        ReceiverKind::Reference(_, _, Some(_)) => mistakes.add(
            receiver,
            "all sockets share one gateway, so a handler cannot have it as `&mut self`\nhelp: write `&self`, and keep what changes in a `Mutex` or an atomic",
        ),
        _ => mistakes.add(
            receiver,
            "all sockets share one gateway, so a handler borrows it\nhelp: write `&self`",
        ),
    }
}

fn check_argument(argument: &PatType, mistakes: &mut Mistakes) -> Type {
    let ty = &*argument.ty;
    if let Some(cfg) = argument.attrs.iter().find(|attribute| attribute.path().is_ident("cfg")) {
        mistakes
            .add(cfg, "a handler's argument cannot be conditional\nhelp: write two methods, each with its `#[cfg]`");
    }
    if let Some(found) = find_word(ty.to_token_stream(), "impl") {
        mistakes.add(
            found,
            "a handler's argument has a type by name, for the type says how it is read\nhelp: name it, as in `Data<NewMessage>`",
        );
    } else if let Some(borrow) = find_borrow(ty.to_token_stream()) {
        let help = match ty {
            Type::Reference(reference) => owned(&reference.elem),
            _ => "keep owned values in it, such as `String`".to_owned(),
        };
        mistakes.add(
            if matches!(ty, Type::Reference(_)) { ty.to_token_stream() } else { borrow },
            format!("a handler's argument cannot borrow: it outlives the message it is read from\nhelp: {help}"),
        );
    }
    ty.clone()
}

fn is_self(ty: &Type) -> bool {
    match ty {
        Type::Path(path) => path.path.is_ident("Self"),
        Type::Group(TypeGroup { elem, .. }) | Type::Paren(TypeParen { elem, .. }) => is_self(elem),
        _ => false,
    }
}

/// Type to write instead of a borrowed argument.
fn owned(ty: &Type) -> String {
    match &*ty.to_token_stream().to_string() {
        "str" => "write `Data<String>`".to_owned(),
        "[u8]" | "[u8 ]" | "[ u8 ]" => "write `Bytes`".to_owned(),
        _ => "take it by value, without the `&`".to_owned(),
    }
}

fn check_output(signature: &Signature, role: Role, mistakes: &mut Mistakes) -> Output {
    let ReturnType::Type(_, ty) = &signature.output else {
        return Output::Unit;
    };
    let mut bare = &**ty;
    while let Type::Group(TypeGroup { elem, .. }) | Type::Paren(TypeParen { elem, .. }) = bare {
        bare = elem;
    }
    let Type::ImplTrait(opaque) = bare else {
        if let Some(found) = find_word(ty.to_token_stream(), "impl") {
            mistakes.add(
                found,
                "a reply has a type by name, unless the whole of it is `impl Stream<Item = …>`\nhelp: name the type; a failure can be an item of the stream: `impl Stream<Item = Result<…>>`",
            );
        }
        return Output::Value((**ty).clone());
    };
    let is_future = opaque.bounds.iter().any(|bound| {
        matches!(bound, TypeParamBound::Trait(bound)
            if bound.path.segments.last().is_some_and(|segment| segment.ident == "Future"))
    });
    if is_future {
        mistakes.add(
            bare,
            format!("a handler that waits is an `async fn`\nhelp: write `async fn {}(&self, …) -> …`", signature.ident),
        );
    } else if role == Role::ServerEvent {
        mistakes.add(
            bare,
            "the other server gets one answer, so `#[on_server_event]` cannot return a stream\nhelp: return the value, or a list of the values",
        );
    } else if role != Role::Subscribe {
        mistakes.add(
            bare,
            format!("`#[{}]` has no request to answer, so it cannot return a stream\nhelp: return nothing, or a `Result<(), …>`", role.name()),
        );
    }
    Output::Stream(bare.clone())
}

/// The first word of this name, at any depth.
fn find_word(tokens: TokenStream, word: &str) -> Option<TokenStream> {
    tokens.into_iter().find_map(|tree| match tree {
        TokenTree::Ident(ident) if ident == word => Some(ident.into_token_stream()),
        TokenTree::Group(group) => find_word(group.stream(), word),
        TokenTree::Ident(_) | TokenTree::Punct(_) | TokenTree::Literal(_) => None,
    })
}

/// The first `&` or lifetime that is not `'static`, at any depth but inside `fn(…)`.
fn find_borrow(tokens: TokenStream) -> Option<TokenStream> {
    let trees: Vec<TokenTree> = tokens.into_iter().collect();
    let is = |at: usize, sign: char| matches!(trees.get(at), Some(TokenTree::Punct(punct)) if punct.as_char() == sign);
    let is_word = |at: usize, word: &str| matches!(trees.get(at), Some(TokenTree::Ident(ident)) if ident == word);
    (0..trees.len()).find_map(|at| match &trees[at] {
        TokenTree::Punct(_) if is(at, '&') && !(is(at + 1, '\'') && is_word(at + 2, "static")) => {
            Some(trees[at].to_token_stream())
        }
        TokenTree::Punct(_) if is(at, '\'') && !is_word(at + 1, "static") => {
            Some([trees[at].clone(), trees.get(at + 1)?.clone()].into_iter().collect())
        }
        TokenTree::Group(_) if at > 0 && is_word(at - 1, "fn") => None,
        TokenTree::Group(group) if group.delimiter() != Delimiter::Brace => find_borrow(group.stream()),
        _ => None,
    })
}
