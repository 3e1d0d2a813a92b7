//! `#[derive(Exception)]`: the code of each failure, and whether its text is for the client.

use proc_macro2::TokenTree;
use syn::ext::IdentExt;
use syn::{Attribute, Data, DeriveInput, Field, Fields, Generics, Ident, LitStr, Member, Path, Type};

use crate::check::Mistakes;
use crate::check::attributes::{Docs, cfgs, docs};
use crate::check::options::{Known, Options, as_word};
use crate::parse::{Arguments, opened};

pub(crate) struct CheckedException {
    pub(crate) framework: Path,
    pub(crate) ident: Ident,
    pub(crate) generics: Generics,
    pub(crate) failures: Vec<Failure>,
}

/// A variant, or the struct as a whole.
pub(crate) struct Failure {
    pub(crate) variant: Option<Ident>,
    pub(crate) cfgs: Vec<Attribute>,
    pub(crate) code: String,
    pub(crate) hide: bool,
    /// The field with the error behind it.
    pub(crate) inner: Option<Member>,
    pub(crate) sources: Sources,
    pub(crate) docs: Docs,
}

/// The types of the errors that an error has as its sources.
pub(crate) enum Sources {
    /// Nobody knows who wrote its `source`.
    Unknown,
    /// `thiserror` makes it of these fields.
    Of(Vec<Type>),
}

/// Content of one `#[exception(…)]`.
struct Said {
    framework: Path,
    code: Option<LitStr>,
    hide: bool,
}

/// The code of a hidden failure that names none: its own name would tell what it hides.
const HIDDEN_CODE: &str = "internal";

pub(crate) fn check_exception(input: DeriveInput, mistakes: &mut Mistakes) -> CheckedException {
    let DeriveInput { attrs, ident, generics, data, .. } = input;
    let whole = read(&attrs, &["code", "crate"], mistakes);
    let failures = match data {
        Data::Struct(data) => {
            let (code, hide) = decide(&whole, None, &ident);
            let inner = inner(&attrs, &attrs, &data.fields);
            let sources = sources(&attrs, &attrs, &data.fields);
            vec![Failure { variant: None, cfgs: Vec::new(), code, hide, inner, sources, docs: docs(&opened(&attrs)) }]
        }
        Data::Enum(data) => {
            let variants = data.variants.into_iter().map(|variant| {
                let said = read(&variant.attrs, &["code"], mistakes);
                let (code, hide) = decide(&whole, Some(&said), &variant.ident);
                let inner = inner(&attrs, &variant.attrs, &variant.fields);
                let (cfgs, sources) = (cfgs(&opened(&variant.attrs)), sources(&attrs, &variant.attrs, &variant.fields));
                let docs = docs(&opened(&variant.attrs));
                Failure { cfgs, variant: Some(variant.ident), code, hide, inner, sources, docs }
            });
            variants.collect()
        }
        Data::Union(data) => {
            mistakes.add(data.union_token, "a union cannot be an exception\nhelp: make it an enum or a struct");
            Vec::new()
        }
    };
    CheckedException { framework: whole.framework, ident, generics, failures }
}

/// The field with the error behind it, as `thiserror` knows it: the one of what is transparent, or one with `#[from]` or `#[source]`.
fn inner(whole: &[Attribute], own: &[Attribute], fields: &Fields) -> Option<Member> {
    let has = |attributes: &[Attribute], name: &str| attributes.iter().any(|attribute| attribute.path().is_ident(name));
    if !has(whole, "error") && !has(own, "error") {
        return None;
    }
    let is_transparent = own.iter().chain(whole).any(|attribute| {
        attribute.path().is_ident("error")
            && attribute.meta.require_list().is_ok_and(|list| list.tokens.to_string() == "transparent")
    });
    let named = fields.iter().position(|field| has(&field.attrs, "from") || has(&field.attrs, "source"));
    let place = named.or_else(|| (is_transparent && !fields.is_empty()).then_some(0))?;
    fields.members().nth(place)
}

/// The fields that `thiserror` makes a source of. Another than `thiserror` has no text or `transparent` in its `#[error(…)]`.
fn sources(whole: &[Attribute], own: &[Attribute], fields: &Fields) -> Sources {
    let mut said = own.iter().chain(whole).filter(|attribute| attribute.path().is_ident("error"));
    let Some(Ok(list)) = said.next().map(|attribute| attribute.meta.require_list()) else { return Sources::Unknown };
    let is_transparent = match list.tokens.clone().into_iter().next() {
        Some(TokenTree::Literal(_)) => false,
        Some(TokenTree::Ident(word)) if word == "transparent" => true,
        _ => return Sources::Unknown,
    };
    let is_source = |field: &&Field| {
        let is_marked = ["from", "source", "cfg_attr"]
            .iter()
            .any(|name| field.attrs.iter().any(|attribute| attribute.path().is_ident(name)));
        is_transparent || is_marked || field.ident.as_ref().is_some_and(|name| name.unraw() == "source")
    };
    Sources::Of(fields.iter().filter(is_source).map(|field| field.ty.clone()).collect())
}

/// A variant's word goes before its enum's, and that before the default.
fn decide(whole: &Said, variant: Option<&Said>, name: &Ident) -> (String, bool) {
    let hide = whole.hide || variant.is_some_and(|said| said.hide);
    let code = variant.and_then(|said| said.code.as_ref()).or(whole.code.as_ref());
    let code = match code {
        Some(code) => code.value(),
        None if hide => HIDDEN_CODE.to_owned(),
        None => snake_case(&name.unraw().to_string()),
    };
    (code, hide)
}

fn read(attributes: &[Attribute], options: &'static [&'static str], mistakes: &mut Mistakes) -> Said {
    let mut arguments = Arguments::default();
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("exception")) {
        if let Some(read) = mistakes.ok_or_note(Arguments::from_attribute(attribute, "#[exception(code = \"muted\")]"))
        {
            arguments.0.extend(read.0);
        }
    }
    let known = Known {
        attribute: "exception",
        example: "#[exception(code = \"muted\")]` or `#[exception(hide)]",
        words: &["hide"],
        options,
    };
    let (values, options) = Options::new(known, arguments, mistakes);
    let mut hide = false;
    for value in &values {
        if as_word(value).is_some_and(|word| word == "hide") {
            hide = true;
        } else {
            mistakes.add(value, known.stray(value));
        }
    }
    let code = options.text("code", "muted", mistakes);
    if let Some(text) = &code
        && text.value().is_empty()
    {
        mistakes.add(text, "a code has letters in it\nhelp: write one, as in `code = \"muted\"`, or leave it out");
    }
    Said { framework: options.framework(mistakes), code, hide }
}

/// `TooManyRooms` → `too_many_rooms`, `HTTPError` → `http_error`.
fn snake_case(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    let mut snake = String::new();
    for (at, letter) in letters.iter().enumerate() {
        let before = at.checked_sub(1).map(|before| letters[before]);
        let after_lower = before.is_some_and(|before| before.is_lowercase() || before.is_numeric());
        let ends_capitals =
            before.is_some_and(char::is_uppercase) && letters.get(at + 1).is_some_and(|next| next.is_lowercase());
        if letter.is_uppercase() && (after_lower || ends_capitals) {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::snake_case;

    #[test]
    fn a_variants_name_becomes_a_code() {
        for (name, expected) in [
            ("Muted", "muted"),
            ("TooManyRooms", "too_many_rooms"),
            ("HTTPError", "http_error"),
            ("Http2Error", "http2_error"),
            ("already_snake", "already_snake"),
            ("A", "a"),
        ] {
            assert_eq!(snake_case(name), expected);
        }
    }
}
