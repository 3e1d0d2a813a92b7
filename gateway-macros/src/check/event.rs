//! `#[derive(Event)]`: the type's event.

use syn::{DeriveInput, Generics, Ident, Path};

use crate::check::Mistakes;
use crate::check::event_name::{Direction, event_mistake};
use crate::check::options::{Known, Options, as_text};
use crate::parse::Arguments;

pub(crate) struct CheckedEvent {
    pub(crate) framework: Path,
    pub(crate) name: String,
    pub(crate) ident: Ident,
    pub(crate) generics: Generics,
}

const EXAMPLE: &str = "#[event(\"posted\")]";

const EVENT: Known = Known { attribute: "event", example: EXAMPLE, words: &[], options: &["crate"] };

pub(crate) fn check_event(input: DeriveInput, mistakes: &mut Mistakes) -> CheckedEvent {
    let DeriveInput { attrs, ident, generics, .. } = input;
    let mut attributes = attrs.iter().filter(|attribute| attribute.path().is_ident("event"));
    let attribute = attributes.next();
    for second in attributes {
        mistakes.add(second, "an event has one name\nhelp: keep one `#[event]`");
    }
    let arguments = attribute.and_then(|attribute| mistakes.take(Arguments::of(attribute, EXAMPLE)));
    let (values, options) = Options::new(EVENT, arguments.unwrap_or_default(), mistakes);
    let framework = options.framework(mistakes);
    for second in values.iter().skip(1) {
        mistakes.add(second, "an event has one name\nhelp: keep one of them");
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
    CheckedEvent { framework, name: name.map_or_else(String::new, |text| text.value()), ident, generics }
}
