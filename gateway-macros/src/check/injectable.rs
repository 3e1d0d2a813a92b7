//! `#[derive(Injectable)]`: where each field comes from.

use syn::{Attribute, Data, DeriveInput, Fields, Generics, Ident, Path};

use crate::check::Mistakes;
use crate::check::options::{Known, Options};
use crate::check::structure::{CheckedField, check_field, shared};
use crate::parse::Arguments;

pub(crate) struct CheckedInjectable {
    pub(crate) framework: Path,
    pub(crate) name: Ident,
    pub(crate) generics: Generics,
    pub(crate) fields: Vec<CheckedField>,
}

const INJECTABLE: Known =
    Known { attribute: "injectable", example: "#[injectable(crate = renamed)]", words: &[], options: &["crate"] };

pub(crate) fn check_injectable(input: DeriveInput, mistakes: &mut Mistakes) -> CheckedInjectable {
    let DeriveInput { attrs, ident, generics, data, .. } = input;
    let framework = check_options(&attrs, mistakes);
    let mut fields = match data {
        Data::Struct(data) => data.fields,
        Data::Enum(_) | Data::Union(_) => {
            mistakes.add(
                &ident,
                "only a struct has all its fields filled\nhelp: make it a struct; what it chooses between is a field",
            );
            Fields::Unit
        }
    };
    let fields = fields.iter_mut().map(|field| check_field(field, mistakes)).collect();
    CheckedInjectable { name: ident, generics: shared(&generics, &framework), framework, fields }
}

fn check_options(attributes: &[Attribute], mistakes: &mut Mistakes) -> Path {
    let mut arguments = Arguments::default();
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("injectable")) {
        if let Some(read) = mistakes.ok_or_note(Arguments::from_attribute(attribute, INJECTABLE.example)) {
            arguments.0.extend(read.0);
        }
    }
    let (values, options) = Options::new(INJECTABLE, arguments, mistakes);
    for value in &values {
        mistakes.add(value, INJECTABLE.stray(value));
    }
    options.framework(mistakes)
}
