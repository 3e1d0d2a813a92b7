//! `#[derive(Event)]`: the type's event.

use syn::{Data, DeriveInput, Expr, Fields, Generics, Ident, Path};

use crate::check::Mistakes;
use crate::check::event_name::{Direction, event_mistake};
use crate::check::options::{Known, Options, as_text, as_word};
use crate::parse::Arguments;

pub(crate) struct CheckedEvent {
    pub(crate) framework: Path,
    pub(crate) name: String,
    /// Each field is an argument of its own.
    pub(crate) is_spread: bool,
    pub(crate) ident: Ident,
    pub(crate) generics: Generics,
    /// Set if the framework is a server's, which lists the events of a module.
    pub(crate) is_of_server: bool,
}

const EXAMPLE: &str = "#[event(\"posted\")]";

const EVENT: Known = Known { attribute: "event", example: EXAMPLE, words: &["args"], options: &["crate"] };

/// `framework` is the crate that made code names by default.
pub(crate) fn check_event(framework: Path, input: DeriveInput, mistakes: &mut Mistakes) -> CheckedEvent {
    let DeriveInput { attrs, ident, generics, data, .. } = input;
    let mut attributes = attrs.iter().filter(|attribute| attribute.path().is_ident("event"));
    let attribute = attributes.next();
    for second in attributes {
        mistakes.add(second, "an event has one name\nhelp: keep one `#[event]`");
    }
    let arguments = attribute.and_then(|attribute| mistakes.ok_or_note(Arguments::from_attribute(attribute, EXAMPLE)));
    let (values, options) = Options::new(EVENT, arguments.unwrap_or_default(), mistakes);
    let framework = options.framework_or(framework, mistakes);
    let (spread, values): (Vec<Expr>, Vec<Expr>) = values.into_iter().partition(is_args);
    if let Some(word) = spread.first()
        && let Some(mistake) = spread_mistake(&data)
    {
        mistakes.add(word, mistake);
    }
    for second in values.iter().skip(1) {
        let is_name = as_text(second).is_some();
        let what = "an event has one name\nhelp: keep one of them".to_owned();
        mistakes.add(second, if is_name { what } else { EVENT.stray(second) });
    }
    let name = values.first().and_then(|value| {
        let text = as_text(value);
        if text.is_none() {
            mistakes.add(value, format!("an event's name is a text in quotes\nhelp: write `{EXAMPLE}`"));
        }
        text.cloned()
    });
    if let Some(text) = &name
        && let Some(mistake) = event_mistake(&text.value(), Direction::Out)
    {
        mistakes.add(text, mistake);
    }
    if name.is_none() && mistakes.is_empty() {
        mistakes.add(&ident, format!("this event has no name\nhelp: write `{EXAMPLE}` above the type"));
    }
    let name = name.map_or_else(String::new, |text| text.value());
    CheckedEvent { framework, name, is_spread: !spread.is_empty(), ident, generics, is_of_server: false }
}

fn is_args(value: &Expr) -> bool {
    as_word(value).is_some_and(|word| word == "args")
}

/// Why a type's fields cannot be arguments.
fn spread_mistake(data: &Data) -> Option<&'static str> {
    match data {
        Data::Struct(data) => match &data.fields {
            Fields::Unit => None,
            Fields::Unnamed(fields) if fields.unnamed.len() != 1 => None,
            Fields::Unnamed(_) => Some("one field is one argument, with `args` and without\nhelp: leave `args` out"),
            Fields::Named(_) => Some(
                "named fields have no order, and arguments have no names\nhelp: make it a tuple struct, as in `struct Moved(u32, u32);`, or leave `args` out",
            ),
        },
        Data::Enum(_) | Data::Union(_) => Some(
            "only a struct is a list of arguments\nhelp: make it a tuple struct, as in `struct Moved(u32, u32);`, or leave `args` out",
        ),
    }
}
