//! Checks of the layers around a gateway or a method: that each has a name, and may stand there.

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Expr, Meta, Token};

use crate::check::Mistakes;
use crate::parse::{LayerKind, LayerMark, Named, Role};

/// A guard, an interceptor or a filter in its place.
pub(crate) struct Layer {
    pub(crate) kind: LayerKind,
    pub(crate) condition: Option<TokenStream>,
    pub(crate) named: Named,
}

impl Layer {
    pub(crate) fn span(&self) -> Span {
        match &self.named {
            Named::Type(ty) => ty.span(),
            Named::Value(value) => value.span(),
        }
    }
}

/// Reads what the attributes name.
pub(crate) fn check_layers(marks: &[LayerMark], mistakes: &mut Mistakes) -> Vec<Layer> {
    marks.iter().flat_map(|mark| check_mark(mark, mistakes)).collect()
}

fn check_mark(mark: &LayerMark, mistakes: &mut Mistakes) -> Vec<Layer> {
    let LayerMark { kind, condition, attribute } = mark;
    let (name, example) = (kind.name(), kind.example());
    let list = match &attribute.meta {
        Meta::Path(_) => Punctuated::new(),
        Meta::List(list) => {
            let list = list.parse_args_with(Punctuated::<Named, Token![,]>::parse_terminated);
            let Some(list) = mistakes.ok_or_note(list) else { return Vec::new() };
            list
        }
        Meta::NameValue(_) => {
            mistakes.add(attribute, format!("this attribute takes its value in parentheses\nhelp: write `{example}`"));
            return Vec::new();
        }
    };
    if list.is_empty() {
        mistakes.add(attribute, format!("`#[{name}]` names what stands here\nhelp: write `{example}`"));
    }
    let layers = list.into_iter().map(|named| {
        if let Named::Value(value @ (Expr::Lit(_) | Expr::Closure(_))) = &named {
            mistakes.add(
                value,
                format!(
                    "`#[{name}]` takes a type, or a value of one\nhelp: write `{example}`, or `#[{name}(Type {{ … }})]`"
                ),
            );
        }
        Layer { kind: *kind, condition: condition.clone(), named }
    });
    layers.collect()
}

/// Refuses what can have no effect on a method of this role.
pub(crate) fn refuse_misplaced(marks: &[LayerMark], role: Role, mistakes: &mut Mistakes) {
    for LayerMark { kind, attribute, .. } in marks {
        let may_stand = match kind {
            LayerKind::Guard => matches!(role, Role::Subscribe | Role::Connect | Role::Message),
            LayerKind::Intercept | LayerKind::Filter => role == Role::Subscribe,
        };
        if !may_stand {
            let (name, role) = (kind.name(), role.name());
            let help = match kind {
                LayerKind::Guard => "it stands before `#[subscribe]`, `#[on_connect]` and `#[on_message]`",
                LayerKind::Intercept | LayerKind::Filter => "it stands around events: `#[subscribe]`",
            };
            mistakes.add(attribute, format!("`#[{name}]` has no effect on `#[{role}]`\nhelp: {help}"));
        }
    }
}

/// Refuses those on something that the gateway does not take up.
pub(crate) fn refuse_strays(marks: &[LayerMark], mistakes: &mut Mistakes) {
    for LayerMark { kind, attribute, .. } in marks {
        let name = kind.name();
        mistakes.add(
            attribute,
            format!("`#[{name}]` stands at a method that clients reach, and this is none\nhelp: mark the method with `#[subscribe]`, or take `#[{name}]` off"),
        );
    }
}

/// Refuses those on an impl block.
pub(crate) fn refuse_on_block(marks: &[LayerMark], mistakes: &mut Mistakes) {
    for LayerMark { kind, attribute, .. } in marks {
        let name = kind.name();
        mistakes.add(
            attribute.to_token_stream(),
            format!("`#[{name}]` stands at a struct or at a method, not at a block\nhelp: put it below `#[gateway(namespace = \"…\")]` on the struct, where it counts for every block"),
        );
    }
}
