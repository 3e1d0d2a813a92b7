//! `#[guard(…)]`, `#[intercept(…)]` and `#[filter(…)]`: what stands around a gateway or a method.

use proc_macro2::{Delimiter, TokenStream};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream, Parser};
use syn::{Attribute, Expr, Path, PathArguments, Stmt, Token, Type};

use crate::parse::Conditional;

/// Which of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum LayerKind {
    Guard,
    Intercept,
    Filter,
}

impl LayerKind {
    const ALL: [Self; 3] = [Self::Guard, Self::Intercept, Self::Filter];

    /// The attribute's name, which is also that of the method that takes it up.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Guard => "guard",
            Self::Intercept => "intercept",
            Self::Filter => "filter",
        }
    }

    /// Example of the attribute as it ought to look.
    pub(crate) fn example(self) -> &'static str {
        match self {
            Self::Guard => "#[guard(SignedIn)]",
            Self::Intercept => "#[intercept(Timing)]",
            Self::Filter => "#[filter(StoreFailures)]",
        }
    }
}

/// One such attribute.
pub(crate) struct LayerMark {
    pub(crate) kind: LayerKind,
    /// That of the `#[cfg_attr(…)]` around it.
    pub(crate) condition: Option<TokenStream>,
    pub(crate) attribute: Attribute,
}

/// Kind of the layer that an attribute's path names, if it names one.
pub(crate) fn layer_kind(path: &Path) -> Option<LayerKind> {
    let name = path.segments.last()?.ident.unraw();
    LayerKind::ALL.into_iter().find(|kind| name == kind.name())
}

/// Takes these attributes out.
pub(crate) fn take_layers(attributes: &mut Vec<Conditional>) -> Vec<LayerMark> {
    let mut marks = Vec::new();
    attributes.retain(|Conditional { condition, attribute }| {
        let kind = layer_kind(attribute.path());
        let mark = |kind| LayerMark { kind, condition: condition.clone(), attribute: attribute.clone() };
        marks.extend(kind.map(mark));
        kind.is_none()
    });
    marks
}

/// Content of a layer's attribute.
pub(crate) enum Named {
    /// A type, whose value is found or made when the server starts.
    Type(Type),
    /// A value.
    Value(Expr),
}

impl Parse for Named {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        if let Some((inside, _, rest)) = input.cursor().group(Delimiter::None)
            && (rest.eof() || rest.punct().is_some_and(|(punct, _)| punct.as_char() == ','))
        {
            // Handed on by a `macro_rules!`, which knows a type from an expression where we do not.
            let named = Self::parse.parse2(inside.token_stream())?;
            input.step(|cursor| Ok(((), cursor.group(Delimiter::None).map_or(*cursor, |(_, _, rest)| rest))))?;
            return Ok(named);
        }
        let ahead = input.fork();
        let is_type = ahead.parse().is_ok_and(|ty| is_plain(&ty)) && (ahead.is_empty() || ahead.peek(Token![,]));
        if is_type { input.parse().map(Self::Type) } else { input.parse().map(bare).map(Self::Value) }
    }
}

/// Braces say that a name is a value and no type: `{ ADMINS }`. Once that is known they are in the way.
fn bare(value: Expr) -> Expr {
    match value {
        Expr::Block(mut block) if block.label.is_none() && block.block.stmts.len() == 1 => {
            match block.block.stmts.pop() {
                Some(Stmt::Expr(only, None)) => only,
                other => {
                    block.block.stmts.extend(other);
                    Expr::Block(block)
                }
            }
        }
        other => other,
    }
}

/// A name, perhaps with parameters. What has parentheses is a value, which a parser of types takes for `Fn(…)`.
fn is_plain(ty: &Type) -> bool {
    match ty {
        Type::Group(group) => is_plain(&group.elem),
        Type::Path(path) => {
            path.path.segments.iter().all(|segment| !matches!(segment.arguments, PathArguments::Parenthesized(_)))
        }
        _ => false,
    }
}
