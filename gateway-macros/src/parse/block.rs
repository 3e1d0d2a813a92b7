//! An impl block, read as far as its methods' signatures. Bodies are stepped over, never parsed: rustc reports what is wrong in
//! them, once.

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};
use quote::quote;
use syn::ext::IdentExt;
use syn::parse::discouraged::Speculative;
use syn::parse::{ParseStream, Parser};
use syn::token::Brace;
use syn::{Attribute, Generics, Path, Signature, Token, Type, Visibility, braced};

use crate::parse::task::{Detached, detached};
use crate::parse::walk::{Step, between, flat, flat_head, step};
use crate::parse::{Conditional, LayerMark, opened, take_layers};

/// An impl block, and the methods in it that carry a marker.
pub(crate) struct Block {
    pub(crate) attributes: Vec<Conditional>,
    pub(crate) impl_token: Token![impl],
    pub(crate) generics: Generics,
    /// The trait, if this is no inherent block.
    pub(crate) of_trait: Option<Type>,
    pub(crate) self_type: Type,
    pub(crate) methods: Vec<Method>,
    /// Markers that stand on something else than a method.
    pub(crate) strays: Vec<Marker>,
    /// Markers inside a `#[cfg_attr(…)]`.
    pub(crate) conditional: Vec<Marker>,
    /// Every further `#[gateway]`, which would see the block without its markers.
    pub(crate) seconds: Vec<Attribute>,
    /// Layers around the block as a whole.
    pub(crate) layers: Vec<LayerMark>,
    /// Layers around an item that is not taken up.
    pub(crate) stray_layers: Vec<LayerMark>,
    /// The names that markers are written by, without a path: somebody may have imported them.
    pub(crate) named: Vec<Ident>,
    /// Parts that could not be read. The compiler reports them, unless it knows a syntax that this parser does not.
    pub(crate) unread: Vec<syn::Error>,
    /// The block as it is given back: without what is read here, and without what could not be.
    pub(crate) given_back: TokenStream,
}

/// A method with at least one marker.
pub(crate) struct Method {
    pub(crate) markers: Vec<Marker>,
    pub(crate) layers: Vec<LayerMark>,
    pub(crate) attributes: Vec<Conditional>,
    pub(crate) signature: Signature,
    /// Where its attributes begin and its signature ends.
    pub(crate) ends: (Span, Span),
    /// Every `self` in a task that it starts.
    pub(crate) borrowed_by_tasks: Vec<Ident>,
}

/// One `#[subscribe]`, or one of the hooks' attributes.
pub(crate) struct Marker {
    pub(crate) role: Role,
    pub(crate) attribute: Attribute,
}

/// Role of a marked method in its gateway.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Role {
    Subscribe,
    Init,
    Connect,
    Disconnect,
    Message,
    ServerEvent,
}

impl Role {
    pub(crate) const ALL: [Self; 6] =
        [Self::Subscribe, Self::Init, Self::Connect, Self::Disconnect, Self::Message, Self::ServerEvent];

    /// The attribute's name, which is also that of the table's method.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Subscribe => "subscribe",
            Self::Init => "on_init",
            Self::Connect => "on_connect",
            Self::Disconnect => "on_disconnect",
            Self::Message => "on_message",
            Self::ServerEvent => "on_server_event",
        }
    }
}

/// The role an attribute's path names, if it is a marker: `#[subscribe]`, `#[gateway_core::subscribe]`.
pub(crate) fn marker_role(path: &Path) -> Option<Role> {
    let name = path.segments.last()?.ident.unraw();
    Role::ALL.into_iter().find(|role| name == role.name())
}

fn take_gateways(attributes: &mut Vec<Conditional>) -> Vec<Attribute> {
    let is_gateway =
        |attribute: &Attribute| attribute.path().segments.last().is_some_and(|segment| segment.ident == "gateway");
    attributes.extract_if(.., |conditional| is_gateway(&conditional.attribute)).map(|taken| taken.attribute).collect()
}

impl Block {
    pub(crate) fn read(item: TokenStream) -> syn::Result<Self> {
        Self::parse.parse2(item)
    }

    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let mut attributes = opened(&input.call(Attribute::parse_outer)?);
        let layers = take_layers(&mut attributes);
        let seconds = take_gateways(&mut attributes);
        let head = input.cursor();
        input.parse::<Option<Token![unsafe]>>()?;
        let impl_token = input.parse()?;
        // `impl <Chat as Trait>::Type` is the other reading of `impl <`; nobody writes it.
        let mut generics: Generics = input.parse()?;
        let mut self_type: Type = input.parse()?;
        let mut of_trait = None;
        if input.parse::<Option<Token![for]>>()?.is_some() {
            of_trait = Some(std::mem::replace(&mut self_type, input.parse()?));
        }
        generics.where_clause = input.parse()?;
        let head = between(head, input.cursor());

        let content;
        let brace = braced!(content in input);
        let inner = content.call(Attribute::parse_inner)?;
        let written = attributes.iter().map(Conditional::joined);
        let written = quote!(#(#written)* #head);
        let mut block = Self {
            attributes,
            impl_token,
            generics,
            of_trait,
            self_type,
            methods: Vec::new(),
            strays: Vec::new(),
            conditional: Vec::new(),
            seconds,
            layers,
            stray_layers: Vec::new(),
            named: Vec::new(),
            unread: Vec::new(),
            given_back: TokenStream::new(),
        };
        let mut items = quote!(#(#inner)*);
        while !content.is_empty() {
            items.extend(block.read_item(&content));
        }
        block.given_back = written;
        block.given_back.extend([braces(brace, items)]);
        Ok(block)
    }

    /// Reads the next item, and gives what is left of it.
    fn read_item(&mut self, input: ParseStream<'_>) -> TokenStream {
        let ahead = input.fork();
        match self.parse_item(&ahead) {
            Ok(item) => {
                input.advance_to(&ahead);
                item
            }
            Err(error) => {
                self.unread.push(error);
                skip_item(input);
                TokenStream::new()
            }
        }
    }

    fn parse_item(&mut self, input: ParseStream<'_>) -> syn::Result<TokenStream> {
        let begin = input.span();
        let mut attributes = opened(&input.call(Attribute::parse_outer)?);
        let layers = take_layers(&mut attributes);
        let mut markers = take_markers(&mut attributes);
        let conditional = markers.extract_if(.., |(condition, _)| condition.is_some()).map(|(_, marker)| marker);
        let conditional: Vec<_> = conditional.collect();
        let named = conditional.iter().chain(markers.iter().map(|(_, marker)| marker)).map(|marker| &marker.attribute);
        self.named.extend(imported(named.chain(layers.iter().map(|mark| &mark.attribute))));
        let markers: Vec<_> = markers.into_iter().map(|(_, marker)| marker).collect();
        let written = attributes.iter().map(Conditional::joined);
        let mut given_back = quote!(#(#written)*);
        let item = input.cursor();
        input.parse::<Visibility>()?;
        if markers.is_empty() || !starts_a_function(input) {
            skip_item(input);
            given_back.extend(between(item, input.cursor()));
            self.conditional.extend(conditional);
            self.strays.extend(markers);
            self.stray_layers.extend(layers);
            return Ok(given_back);
        }
        let signature = input.parse()?;
        let head = between(item, input.cursor());
        let (body, end) = (input.cursor(), input.span());
        if !(input.peek(Brace) || input.peek(Token![;])) {
            return Err(input.error("expected the method's body"));
        }
        step(input);
        let body = between(body, input.cursor());
        let Detached { body, found } = detached(&body).unwrap_or(Detached { body, found: Vec::new() });
        given_back.extend(of_made_code(head.into_iter().chain(body).collect()));
        self.conditional.extend(conditional);
        let ends = (begin, end);
        self.methods.push(Method { markers, layers, attributes, signature, ends, borrowed_by_tasks: found });
        Ok(given_back)
    }
}

/// The item, its first token marked as generated code.
///
/// The framework decides that a handler takes its arguments by value and its gateway by reference, so lints about signatures must not
/// speak: Clippy leaves out items that begin in generated code. An `#[allow]` would be an error where such a lint is forbidden.
fn of_made_code(item: TokenStream) -> TokenStream {
    let mut trees = flat_head(item).into_iter();
    let first = trees.next().map(|mut tree| {
        tree.set_span(Span::call_site().located_at(tree.span()));
        tree
    });
    first.into_iter().chain(trees).collect()
}

/// The names by which attributes are written that have no path.
pub(crate) fn imported<'a>(attributes: impl Iterator<Item = &'a Attribute>) -> Vec<Ident> {
    attributes.filter_map(|attribute| attribute.path().get_ident().cloned()).collect()
}

fn braces(brace: Brace, items: TokenStream) -> TokenTree {
    let mut group = Group::new(Delimiter::Brace, items);
    group.set_span(brace.span.join());
    TokenTree::Group(group)
}

fn take_markers(attributes: &mut Vec<Conditional>) -> Vec<(Option<TokenStream>, Marker)> {
    let mut markers = Vec::new();
    attributes.retain(|Conditional { condition, attribute }| {
        let role = marker_role(attribute.path());
        markers.extend(role.map(|role| (condition.clone(), Marker { role, attribute: attribute.clone() })));
        role.is_none()
    });
    markers
}

/// Returns `true` if a function's signature comes next, after however many of its qualifiers.
fn starts_a_function(input: ParseStream<'_>) -> bool {
    let ahead = input.fork();
    loop {
        if ahead.peek(Token![fn]) {
            return true;
        }
        let qualifier = ahead.peek(Token![const])
            || ahead.peek(Token![async])
            || ahead.peek(Token![unsafe])
            || ahead.peek(Token![extern])
            || ahead.peek(syn::LitStr)
            || (ahead.peek(syn::Ident) && ahead.peek2(Token![fn]));
        if !qualifier || step(&ahead).is_none() {
            return false;
        }
    }
}

/// Steps over an item nothing is asked of.
fn skip_item(input: ParseStream<'_>) {
    if starts_a_function(input) {
        let ahead = input.fork();
        // A const argument's braces, as in `Grid<{ N }>`, are no body: only the signature's parser knows.
        if ahead.parse::<Signature>().is_ok() {
            input.advance_to(&ahead);
        }
    }
    let has_value = input.peek(Token![const]) || input.peek(Token![type]);
    let has_value = has_value && !starts_a_function(input);
    while let Some(step) = step(input) {
        match step {
            Step::Semicolon => break,
            Step::Brace if !has_value => break,
            Step::Brace | Step::Comma | Step::Open | Step::Close | Step::Other => {}
        }
    }
}

/// The name of a function: the word after `fn`.
pub(crate) fn method_name(item: &TokenStream) -> Option<Ident> {
    let trees = flat(item.clone());
    let mut words = trees.into_iter().skip_while(|tree| !matches!(tree, TokenTree::Ident(word) if word == "fn"));
    match words.nth(1)? {
        TokenTree::Ident(name) => Some(name),
        TokenTree::Group(_) | TokenTree::Punct(_) | TokenTree::Literal(_) => None,
    }
}
