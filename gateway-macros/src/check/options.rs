//! The options of one attribute: which are known, which are given, and of what kind their values must be.

use syn::{Expr, ExprLit, ExprPath, Ident, Lit, LitInt, LitStr, Path};

use crate::check::Mistakes;
use crate::check::nearest::nearest;
use crate::parse::{Argument, Arguments};

/// Options that an attribute knows.
#[derive(Clone, Copy)]
pub(crate) struct Known {
    pub(crate) attribute: &'static str,
    pub(crate) example: &'static str,
    /// The words it takes, bare.
    pub(crate) words: &'static [&'static str],
    /// The names it takes, each with a value.
    pub(crate) options: &'static [&'static str],
}

/// The named arguments of an attribute, checked against the names it knows.
pub(crate) struct Options {
    known: Known,
    given: Vec<(Ident, Expr)>,
}

impl Options {
    /// Splits arguments into values and known options; everything else is a mistake.
    pub(crate) fn new(known: Known, arguments: Arguments, mistakes: &mut Mistakes) -> (Vec<Expr>, Self) {
        let mut options = Self { known, given: Vec::new() };
        let mut values = Vec::new();
        for argument in arguments.0 {
            match argument {
                Argument::Value(value) => values.push(value),
                Argument::Unfinished(name) if known.options.iter().any(|option| name == option) => {
                    let example = example_of(&name.to_string());
                    mistakes.add(&name, format!("`{name}` has no value\nhelp: write `{name} = {example}`"));
                }
                Argument::Named(name, _) | Argument::Unfinished(name)
                    if known.words.iter().any(|word| name == word) =>
                {
                    mistakes.add(&name, format!("`{name}` takes no value\nhelp: write `{name}` alone"));
                }
                Argument::Unfinished(name) => mistakes.add(&name, known.unknown(&name)),
                Argument::Named(name, _) if !known.options.iter().any(|option| name == option) => {
                    mistakes.add(&name, known.unknown(&name));
                }
                Argument::Named(name, _) if options.name(&name.to_string()).is_some() => {
                    mistakes.add(&name, format!("`{name}` is given twice\nhelp: keep one of them"));
                }
                Argument::Named(name, value) => options.given.push((name, value)),
            }
        }
        (values, options)
    }

    /// The name as written, to point at.
    pub(crate) fn name(&self, name: &str) -> Option<&Ident> {
        self.given.iter().map(|(given, _)| given).find(|given| *given == name)
    }

    fn value(&self, name: &str) -> Option<&Expr> {
        self.given.iter().find(|(given, _)| given == name).map(|(_, value)| value)
    }

    /// A text's option. `example` is a value that would do.
    pub(crate) fn text(&self, name: &str, example: &str, mistakes: &mut Mistakes) -> Option<LitStr> {
        let value = self.value(name)?;
        let text = as_text(value);
        if text.is_none() {
            mistakes.add(value, format!("`{name}` is a text in quotes\nhelp: write `{name} = \"{example}\"`"));
        }
        text.cloned()
    }

    /// A whole number's option within bounds.
    pub(crate) fn number(
        &self,
        name: &str,
        bounds: std::ops::RangeInclusive<usize>,
        mistakes: &mut Mistakes,
    ) -> Option<usize> {
        let value = self.value(name)?;
        let number = as_number(value).and_then(|number| number.base10_parse().ok());
        let fits = number.filter(|number| bounds.contains(number));
        if fits.is_none() {
            let (least, most) = (bounds.start(), bounds.end());
            let range =
                if *most == usize::MAX { format!("from {least} up") } else { format!("from {least} to {most}") };
            mistakes.add(
                value,
                format!("`{name}` is a whole number {range}\nhelp: write one, as in `{name} = {}`", most.min(&8)),
            );
        }
        fits
    }

    /// A path's option, written bare: `with = path`.
    pub(crate) fn path(&self, name: &str, example: &str, mistakes: &mut Mistakes) -> Option<ExprPath> {
        let value = self.value(name)?;
        if let Expr::Path(path) = bare(value) {
            return Some(path.clone());
        }
        mistakes.add(value, format!("`{name}` is a path, without quotes or call\nhelp: write `{name} = {example}`"));
        None
    }

    /// The path of the framework's crate, `::gateway_core` unless `crate = …` renames it.
    pub(crate) fn framework(&self, mistakes: &mut Mistakes) -> Path {
        self.framework_or(syn::parse_quote!(::gateway_core), mistakes)
    }

    /// The path of the crate that made code names, `default` unless `crate = …` renames it.
    pub(crate) fn framework_or(&self, default: Path, mistakes: &mut Mistakes) -> Path {
        let Some(value) = self.value("crate") else {
            return default;
        };
        let path = match bare(value) {
            Expr::Path(path) => Some(path.path.clone()),
            other => as_text(other).and_then(|text| text.parse_with(Path::parse_mod_style).ok()),
        };
        path.unwrap_or_else(|| {
            mistakes.add(
                value,
                format!(
                    "`crate` is the name this package knows the framework by\nhelp: write it as a path, as in `#[{}(crate = renamed)]`",
                    self.known.attribute
                ),
            );
            default
        })
    }
}

impl Known {
    /// Message about a name that is no option.
    fn unknown(self, name: &Ident) -> String {
        let Self { attribute, example, .. } = self;
        let help = self.nearest(&name.to_string()).unwrap_or_else(|| {
            let options: Vec<String> = self.options.iter().map(|known| format!("`{known}`")).collect();
            let options = if options.is_empty() {
                "it has none".into()
            } else {
                format!("its options are {}", options.join(", "))
            };
            format!("write it like `{example}`; {options}")
        });
        format!("`#[{attribute}]` has no option `{name}`\nhelp: {help}")
    }

    /// Message about a value that the attribute has no use for.
    pub(crate) fn stray(self, value: &Expr) -> String {
        let Self { attribute, example, .. } = self;
        let help = as_word(value)
            .and_then(|word| self.nearest(&word.to_string()))
            .unwrap_or_else(|| format!("write it like `{example}`"));
        format!("`#[{attribute}]` does not know this\nhelp: {help}")
    }

    fn nearest(self, word: &str) -> Option<String> {
        let known: Vec<&str> = self.words.iter().chain(self.options).copied().collect();
        nearest(word, &known).map(|meant| format!("did you mean `{meant}`?"))
    }
}

/// A value that an option may have.
fn example_of(option: &str) -> &'static str {
    match option {
        "namespace" => "\"/chat\"",
        "crate" => "renamed",
        "part" => "1",
        "with" => "path::to::function",
        "concurrency" => "8",
        "queue" => "16",
        "overflow" => "\"drop_oldest\"",
        "timeout" => "\"5s\"",
        "rate" => "\"20/s\"",
        "code" => "\"muted\"",
        _ => "…",
    }
}

/// The word, if the value is one.
pub(crate) fn as_word(value: &Expr) -> Option<&Ident> {
    match bare(value) {
        Expr::Path(path) => path.path.get_ident(),
        _ => None,
    }
}

/// The text, if the value is one. The compiler takes suffixes, as in `"text"once` or `8k`, in what a macro reads; here they say nothing.
pub(crate) fn as_text(value: &Expr) -> Option<&LitStr> {
    match bare(value) {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) if text.suffix().is_empty() => Some(text),
        _ => None,
    }
}

fn as_number(value: &Expr) -> Option<&LitInt> {
    match bare(value) {
        Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) if number.suffix().is_empty() => Some(number),
        _ => None,
    }
}

/// A `macro_rules!` wraps the fragments it passes on in invisible delimiters.
fn bare(value: &Expr) -> &Expr {
    match value {
        Expr::Group(group) => bare(&group.expr),
        other => other,
    }
}
