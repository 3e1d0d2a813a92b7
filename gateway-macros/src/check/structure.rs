//! A gateway's struct: its namespace, and where each of its fields comes from.

use proc_macro2::TokenStream;
use syn::{Attribute, Expr, Field, Generics, Ident, ItemStruct, Path, Type, WherePredicate, parse_quote};

use crate::check::Mistakes;
use crate::check::layer::{Layer, check_layers};
use crate::check::namespace::namespace_mistake;
use crate::check::options::{Known, Options};
use crate::parse::{Arguments, take_layers};

pub(crate) struct CheckedStruct {
    pub(crate) framework: Path,
    pub(crate) namespace: String,
    pub(crate) name: Ident,
    pub(crate) generics: Generics,
    pub(crate) cfgs: Vec<Attribute>,
    pub(crate) fields: Vec<CheckedField>,
    /// What stands around all its methods.
    pub(crate) layers: Vec<Layer>,
    /// The struct as it is re-emitted, without the framework's attributes.
    pub(crate) item: ItemStruct,
}

pub(crate) struct CheckedField {
    pub(crate) ident: Option<Ident>,
    pub(crate) ty: Type,
    pub(crate) cfgs: Vec<Attribute>,
    pub(crate) source: Source,
}

/// Where a field's value comes from when the gateway is built.
pub(crate) enum Source {
    /// Provided to the server, found by type.
    Provided,
    /// `#[inject(default)]`
    Default,
    /// `#[inject(with = path)]`
    With(Path),
}

/// What to say to a lifetime parameter.
pub(crate) const BORROWS: &str = "a gateway lives as long as its server and borrows nothing\nhelp: keep owned values in it, or shared ones in an `Arc`";

const GATEWAY: Known = Known {
    attribute: "gateway",
    example: "#[gateway(namespace = \"/chat\")]",
    words: &[],
    options: &["namespace", "crate"],
};

const INJECT: Known = Known {
    attribute: "inject",
    example: "#[inject(default)]` or `#[inject(with = path)]",
    words: &["default"],
    options: &["with"],
};

/// Checks a struct under `#[gateway]`.
pub(crate) fn check_struct(arguments: TokenStream, mut item: ItemStruct, mistakes: &mut Mistakes) -> CheckedStruct {
    let arguments = mistakes.take(Arguments::read(arguments));
    let unread = arguments.is_none();
    let (values, options) = Options::new(GATEWAY, arguments.unwrap_or_default(), mistakes);
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
    let layers = take_layers(&mut item.attrs);
    for lifetime in item.generics.lifetimes() {
        mistakes.add(lifetime, BORROWS);
    }
    let fields = item.fields.iter_mut().map(|field| check_field(field, mistakes)).collect();
    CheckedStruct {
        framework: options.framework(mistakes),
        namespace: namespace.map_or_else(|| "/".to_owned(), |text| text.value()),
        name: item.ident.clone(),
        generics: shared(&item.generics),
        cfgs: cfgs(&item.attrs),
        fields,
        layers: check_layers(&layers, mistakes),
        item,
    }
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
    let (injects, others) = std::mem::take(&mut field.attrs)
        .into_iter()
        .partition::<Vec<_>, _>(|attribute| attribute.path().is_ident("inject"));
    field.attrs = others;
    for second in injects.iter().skip(1) {
        mistakes.add(second, "a field has one `#[inject]`\nhelp: keep the one that is meant");
    }
    CheckedField {
        ident: field.ident.clone(),
        ty: field.ty.clone(),
        cfgs: cfgs(&field.attrs),
        source: injects.first().map_or(Source::Provided, |inject| check_inject(inject, mistakes)),
    }
}

fn check_inject(inject: &Attribute, mistakes: &mut Mistakes) -> Source {
    let Some(arguments) = mistakes.take(Arguments::of(inject, "#[inject(with = path)]")) else {
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
        if matches!(value, Expr::Path(path) if path.path.is_ident("default")) {
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

/// A server's threads share its gateways: every type parameter must allow it, written or not.
pub(crate) fn shared(generics: &Generics) -> Generics {
    let mut shared = generics.clone();
    for parameter in generics.type_params() {
        let name = &parameter.ident;
        let bound: WherePredicate = parse_quote!(#name: ::core::marker::Send + ::core::marker::Sync + 'static);
        shared.make_where_clause().predicates.push(bound);
    }
    shared
}

/// The conditions an item stands under, to be repeated on what is made for it.
pub(crate) fn cfgs(attributes: &[Attribute]) -> Vec<Attribute> {
    attributes.iter().filter(|attribute| attribute.path().is_ident("cfg")).cloned().collect()
}
