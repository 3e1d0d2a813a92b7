//! An impl block, read as far as its methods' signatures. Bodies are stepped over, never parsed: rustc reports
//! what is wrong in them, once.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::parse::{ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{Attribute, Generics, Ident, Meta, Path, Signature, Token, Type, Visibility, braced};

use crate::parse::{LayerMark, take_layers};

/// The head of an impl block and the methods in it that carry a marker.
pub(crate) struct Block {
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) impl_token: Token![impl],
    pub(crate) generics: Generics,
    /// The trait, if this is no inherent block.
    pub(crate) of_trait: Option<Type>,
    pub(crate) self_type: Type,
    pub(crate) methods: Vec<Method>,
    /// Markers that stand on something else than a method.
    pub(crate) strays: Vec<Marker>,
    /// Markers inside a `#[cfg_attr(…)]`, which nobody has evaluated yet.
    pub(crate) conditional: Vec<Marker>,
    /// What is to stand around the block as a whole.
    pub(crate) layers: Vec<LayerMark>,
    /// What is to stand around something that is not taken up.
    pub(crate) stray_layers: Vec<LayerMark>,
}

/// A method with at least one marker.
pub(crate) struct Method {
    pub(crate) markers: Vec<Marker>,
    pub(crate) layers: Vec<LayerMark>,
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) signature: Signature,
}

/// One `#[subscribe]`, or one of the hooks' attributes.
pub(crate) struct Marker {
    pub(crate) role: Role,
    pub(crate) attribute: Attribute,
}

/// What a marked method does for its gateway.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Role {
    Subscribe,
    Init,
    Connect,
    Disconnect,
    Message,
}

impl Role {
    pub(crate) const ALL: [Self; 5] = [Self::Subscribe, Self::Init, Self::Connect, Self::Disconnect, Self::Message];

    /// The attribute's name, which is also that of the table's method.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Subscribe => "subscribe",
            Self::Init => "on_init",
            Self::Connect => "on_connect",
            Self::Disconnect => "on_disconnect",
            Self::Message => "on_message",
        }
    }
}

/// The role an attribute's path names, if it is a marker: `#[subscribe]`, `#[gateway_core::subscribe]`.
pub(crate) fn marker_role(path: &Path) -> Option<Role> {
    let name = &path.segments.last()?.ident;
    Role::ALL.into_iter().find(|role| name == role.name())
}

/// The role of the marker in a `#[cfg_attr(…, subscribe)]`.
pub(crate) fn conditional_marker(attribute: &Attribute) -> Option<Role> {
    let Meta::List(list) = &attribute.meta else {
        return None;
    };
    if !list.path.is_ident("cfg_attr") {
        return None;
    }
    let metas = list.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated).ok()?;
    metas.iter().skip(1).find_map(|meta| marker_role(meta.path()))
}

impl Block {
    pub(crate) fn read(item: TokenStream) -> syn::Result<Self> {
        Self::parse.parse2(item)
    }

    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let mut attributes = input.call(Attribute::parse_outer)?;
        let layers = take_layers(&mut attributes);
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

        let content;
        braced!(content in input);
        content.call(Attribute::parse_inner)?;
        let mut block = Self {
            attributes,
            impl_token,
            generics,
            of_trait,
            self_type,
            methods: Vec::new(),
            strays: Vec::new(),
            conditional: Vec::new(),
            layers,
            stray_layers: Vec::new(),
        };
        while !content.is_empty() {
            block.parse_item(&content)?;
        }
        Ok(block)
    }

    fn parse_item(&mut self, input: ParseStream<'_>) -> syn::Result<()> {
        let (markers, mut attributes) = split_markers(input.call(Attribute::parse_outer)?);
        let layers = take_layers(&mut attributes);
        let conditional = attributes.iter().filter_map(|attribute| {
            let role = conditional_marker(attribute)?;
            Some(Marker { role, attribute: attribute.clone() })
        });
        self.conditional.extend(conditional);
        input.parse::<Visibility>()?;
        if markers.is_empty() || !starts_a_function(input) {
            self.strays.extend(markers);
            self.stray_layers.extend(layers);
            return skip_item(input);
        }
        let signature = input.parse()?;
        skip_body(input)?;
        self.methods.push(Method { markers, layers, attributes, signature });
        Ok(())
    }
}

fn split_markers(attributes: Vec<Attribute>) -> (Vec<Marker>, Vec<Attribute>) {
    let mut markers = Vec::new();
    let mut others = Vec::new();
    for attribute in attributes {
        match marker_role(attribute.path()) {
            Some(role) => markers.push(Marker { role, attribute }),
            None => others.push(attribute),
        }
    }
    (markers, others)
}

/// Whether a function's signature comes next, after however many of its qualifiers.
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
            || ahead.peek(syn::LitStr);
        if !qualifier || ahead.parse::<TokenTree>().is_err() {
            return false;
        }
    }
}

/// Steps over an item nothing is asked of.
fn skip_item(input: ParseStream<'_>) -> syn::Result<()> {
    if starts_a_function(input) {
        let ahead = input.fork();
        // A const argument's braces, as in `Grid<{ N }>`, are no body: only the signature's parser knows.
        if ahead.parse::<Signature>().is_ok() {
            syn::parse::discouraged::Speculative::advance_to(input, &ahead);
        }
        return skip_body(input);
    }
    let is_macro = !input.peek(Token![const]) && !input.peek(Token![type]);
    while !input.is_empty() {
        let tree: TokenTree = input.parse()?;
        match tree {
            TokenTree::Punct(punct) if punct.as_char() == ';' => break,
            TokenTree::Group(group) if is_macro && group.delimiter() == Delimiter::Brace => break,
            TokenTree::Group(_) | TokenTree::Ident(_) | TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
    Ok(())
}

/// Steps over everything up to a body in braces, or a semicolon in its place.
fn skip_body(input: ParseStream<'_>) -> syn::Result<()> {
    while !input.is_empty() {
        let tree: TokenTree = input.parse()?;
        match tree {
            TokenTree::Punct(punct) if punct.as_char() == ';' => break,
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => break,
            TokenTree::Group(_) | TokenTree::Ident(_) | TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
    Ok(())
}

/// What a function is called: the word after `fn`.
pub(crate) fn method_name(item: &TokenStream) -> Option<Ident> {
    let mut words = item.clone().into_iter().skip_while(|tree| !matches!(tree, TokenTree::Ident(word) if word == "fn"));
    match words.nth(1)? {
        TokenTree::Ident(name) => Some(name),
        TokenTree::Group(_) | TokenTree::Punct(_) | TokenTree::Literal(_) => None,
    }
}
