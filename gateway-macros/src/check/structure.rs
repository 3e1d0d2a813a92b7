//! A gateway's struct: its namespace, and where each of its fields comes from.

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;
use syn::punctuated::Punctuated;
use syn::{
    Attribute, Expr, ExprPath, Field, Generics, Ident, ItemStruct, Path, Token, Type, TypeParamBound, WherePredicate,
    parse_quote_spanned,
};

use crate::check::Mistakes;
use crate::check::attributes::{Docs, cfgs, docs, lints};
use crate::check::layer::{Layer, check_layers};
use crate::check::namespace::namespace_mistake;
use crate::check::options::{Known, Options, as_word};
use crate::parse::{Arguments, Conditional, Emitted, GatewayArguments, imported, opened, take_layers};

pub(crate) struct CheckedStruct {
    pub(crate) framework: Path,
    pub(crate) namespace: String,
    pub(crate) name: Ident,
    pub(crate) generics: Generics,
    pub(crate) cfgs: Vec<Attribute>,
    /// Leave from lints, its own and that of its fields.
    pub(crate) lints: Vec<Attribute>,
    /// The names that attributes of the framework are written by, without a path.
    pub(crate) named: Vec<Ident>,
    pub(crate) fields: Vec<CheckedField>,
    /// Layers around all its methods.
    pub(crate) layers: Vec<Layer>,
    pub(crate) docs: Docs,
    /// Events that it sends, where it names them.
    pub(crate) emits: Option<Vec<Emitted>>,
    /// Type of the payload with which clients connect.
    pub(crate) credentials: Option<Type>,
    /// The struct as it is re-emitted, without the framework's attributes.
    pub(crate) item: ItemStruct,
}

pub(crate) struct CheckedField {
    pub(crate) ident: Option<Ident>,
    pub(crate) ty: Type,
    pub(crate) cfgs: Vec<Attribute>,
    /// Each under its condition; where none is met it is provided.
    pub(crate) sources: Vec<(Option<TokenStream>, Source)>,
    pub(crate) lints: Vec<Attribute>,
}

impl CheckedField {
    /// Returns `true` if it may be found by type: with conditions, or without.
    pub(crate) fn may_be_provided(&self) -> bool {
        self.sources.iter().all(|(condition, _)| condition.is_some())
    }
}

/// Where a field's value comes from when the gateway is built, where not from what was provided to the server.
pub(crate) enum Source {
    /// `#[inject(default)]`
    Default,
    /// `#[inject(with = path)]`
    With(ExprPath),
}

pub(crate) const IS_A_STRUCT: &str = "a gateway is a struct\nhelp: put `#[gateway(namespace = \"/chat\")]` on a `struct`, and `#[gateway]` on the `impl` with its handlers";

/// Message about a lifetime parameter.
pub(crate) const BORROWS: &str = "a gateway lives as long as its server and borrows nothing\nhelp: keep owned values in it, or shared ones in an `Arc`";

const GATEWAY: Known = Known {
    attribute: "gateway",
    example: "#[gateway(namespace = \"/chat\")]",
    words: &[],
    options: &["namespace", "emits", "credentials", "crate"],
};

const INJECT: Known = Known {
    attribute: "inject",
    example: "#[inject(default)]` or `#[inject(with = path)]",
    words: &["default"],
    options: &["with"],
};

/// Checks a struct under `#[gateway]`.
pub(crate) fn check_struct(arguments: TokenStream, mut item: ItemStruct, mistakes: &mut Mistakes) -> CheckedStruct {
    let arguments = mistakes.ok_or_note(GatewayArguments::read(arguments));
    let unread = arguments.is_none();
    let GatewayArguments { emits, credentials, others } = arguments.unwrap_or_default();
    let (emits, credentials) = (given_once(emits, mistakes), given_once(credentials, mistakes));
    let (values, options) = Options::new(GATEWAY, others, mistakes);
    refuse_values(&values, mistakes);
    let namespace = options.text("namespace", "/chat", mistakes);
    if let Some(text) = &namespace
        && let Some(mistake) = namespace_mistake(&text.value())
    {
        mistakes.add(text, mistake);
    }
    if options.name("namespace").is_none() && values.is_empty() && !unread && mistakes.is_empty() {
        let name = &item.ident;
        mistakes.add(name, format!("`{name}` has no namespace\nhelp: write `{}` above it", GATEWAY.example));
    }
    refuse_second(&mut item, mistakes);
    let mut attributes = opened(&std::mem::take(&mut item.attrs));
    let layers = take_layers(&mut attributes);
    item.attrs = attributes.iter().map(Conditional::joined).collect();
    for lifetime in item.generics.lifetimes() {
        mistakes.add(lifetime, BORROWS);
    }
    let fields: Vec<_> = item.fields.iter_mut().map(|field| check_field(field, mistakes)).collect();
    let framework = options.framework(mistakes);
    CheckedStruct {
        namespace: namespace.map_or_else(|| "/".to_owned(), |text| text.value()),
        name: item.ident.clone(),
        generics: shared(&item.generics, &framework),
        framework,
        cfgs: cfgs(&attributes),
        lints: lints(&attributes).into_iter().chain(fields.iter().flat_map(|field| field.lints.clone())).collect(),
        named: imported(layers.iter().map(|mark| &mark.attribute)),
        fields,
        layers: check_layers(&layers, mistakes),
        docs: docs(&attributes),
        emits,
        credentials,
        item,
    }
}

fn given_once<T>(given: Vec<(Ident, T)>, mistakes: &mut Mistakes) -> Option<T> {
    let mut given = given.into_iter();
    let (_, first) = given.next()?;
    for (name, _) in given {
        mistakes.add(&name, format!("`{name}` is given twice\nhelp: keep one of them"));
    }
    Some(first)
}

fn refuse_values(values: &[Expr], mistakes: &mut Mistakes) {
    for value in values {
        mistakes.add(value, format!("the namespace is given by name\nhelp: write `{}`", GATEWAY.example));
    }
}

/// A second `#[gateway]` would see the struct without the first; it is refused here and taken off.
fn refuse_second(item: &mut ItemStruct, mistakes: &mut Mistakes) {
    item.attrs.retain(|attribute| {
        let second = attribute.path().segments.last().is_some_and(|segment| segment.ident == "gateway");
        if second {
            mistakes.add(
                attribute,
                "a gateway has one namespace\nhelp: keep one `#[gateway]`; for a second namespace write a second struct, both may share an `Arc`",
            );
        }
        !second
    });
}

pub(crate) fn check_field(field: &mut Field, mistakes: &mut Mistakes) -> CheckedField {
    let (injects, others) = opened(&std::mem::take(&mut field.attrs))
        .into_iter()
        .partition::<Vec<_>, _>(|inner| inner.attribute.path().is_ident("inject"));
    field.attrs = others.iter().map(Conditional::joined).collect();
    let mut always = injects.iter().filter(|inject| inject.condition.is_none());
    if always.next().is_some() {
        for second in always {
            mistakes.add(&second.attribute, "a field has one `#[inject]`\nhelp: keep the one that is meant");
        }
    }
    let source = |inject: &Conditional| (inject.condition.clone(), check_inject(&inject.attribute, mistakes));
    CheckedField {
        ident: field.ident.clone(),
        ty: field.ty.clone(),
        cfgs: cfgs(&others),
        sources: injects.iter().map(source).collect(),
        lints: lints(&others),
    }
}

fn check_inject(inject: &Attribute, mistakes: &mut Mistakes) -> Source {
    let Some(arguments) = mistakes.ok_or_note(Arguments::from_attribute(inject, "#[inject(with = path)]")) else {
        return Source::Default;
    };
    if arguments.0.is_empty() {
        let text = "`#[inject]` says where a field's value comes from\nhelp: write `#[inject(default)]` or `#[inject(with = path)]`; without the attribute the field is provided to the server, by type";
        mistakes.add(inject, text);
        return Source::Default;
    }
    let (values, options) = Options::new(INJECT, arguments, mistakes);
    let mut default = None;
    for value in &values {
        if as_word(value).is_some_and(|word| word == "default") {
            default = Some(value);
        } else {
            mistakes.add(value, INJECT.stray(value));
        }
    }
    let with = options.path("with", "path::to::function", mistakes);
    if let Some(default) = default.filter(|_| options.name("with").is_some()) {
        mistakes.add(default, "a field has one value: either `default` or `with`\nhelp: take one of them out");
    }
    with.map_or(Source::Default, Source::With)
}

/// A server's threads share its gateways: every type parameter must allow it, written or not. Said where its other bounds are.
pub(crate) fn shared(generics: &Generics, framework: &Path) -> Generics {
    let mut shared = generics.clone();
    let bounded_below: Vec<String> = match &generics.where_clause {
        Some(clause) => clause.predicates.iter().filter_map(bounded).collect(),
        None => Vec::new(),
    };
    let mut below = Vec::new();
    for parameter in shared.type_params_mut() {
        // As made code: the compiler proposes to add to what stands in the source.
        let span = Span::call_site().located_at(parameter.ident.span());
        let bounds: Punctuated<TypeParamBound, Token![+]> = parse_quote_spanned!(span=> #framework::private::Shared);
        if parameter.bounds.is_empty() && bounded_below.contains(&parameter.ident.to_string()) {
            let name = &parameter.ident;
            below.push(parse_quote_spanned!(span=> #name: #bounds));
        } else {
            parameter.colon_token.get_or_insert(Token![:](span));
            parameter.bounds.extend(bounds);
        }
    }
    if let Some(clause) = &mut shared.where_clause {
        clause.predicates.extend::<Vec<WherePredicate>>(below);
    }
    shared
}

/// The name that a predicate bounds.
fn bounded(predicate: &WherePredicate) -> Option<String> {
    match predicate {
        WherePredicate::Type(predicate) => Some(predicate.bounded_ty.to_token_stream().to_string()),
        _ => None,
    }
}
