//! Rules derived by `garde`. Its reports have texts alone, so each text is asked for with its rule's name in front.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt::Display;

use garde::i18n::{I18n, InvalidCreditCard, InvalidEmail, InvalidPhoneNumber, InvalidUrl, IpKind, with_i18n};
use garde::{Path, Report};

use crate::handler::validate::MOST;
use crate::handler::{Validate, ValidationErrors};
use crate::protocol::Lenient;

#[diagnostic::do_not_recommend]
impl<T> Validate for T
where
    T: garde::Validate<Context: Default> + ?Sized,
{
    fn check(&self, faults: &mut ValidationErrors) {
        if let Err(report) = with_i18n(RuleNames::default(), || self.validate()) {
            add(report, faults);
        }
    }
}

impl<T: garde::Validate> garde::Validate for Lenient<T> {
    type Context = T::Context;

    fn validate_into(&self, context: &T::Context, parent: &mut dyn FnMut() -> Path, report: &mut Report) {
        self.0.validate_into(context, parent, report);
    }
}

fn add(report: Report, faults: &mut ValidationErrors) {
    for (path, error) in report.into_inner() {
        if faults.is_full() {
            return;
        }
        let (rule, message) = error.message().split_once(BETWEEN).unwrap_or(("custom", error.message()));
        let path = path.to_string();
        let separator = if path.is_empty() || path.starts_with('[') { "" } else { "." };
        faults.push(&format!("{separator}{path}"), rule.to_owned(), message.to_owned());
    }
}

/// Stands in no text that is meant to be read.
const BETWEEN: char = '\u{1f}';

/// The words of this framework: `length␟must have a length of at least 3`. What is not told is not written: no more
/// faults are told than rules are named.
#[derive(Default)]
struct RuleNames {
    written: Cell<usize>,
}

impl RuleNames {
    fn named(&self, rule: &str, text: impl Display) -> Cow<'static, str> {
        if self.written.get() >= MOST {
            return Cow::Borrowed("");
        }
        self.written.set(self.written.get() + 1);
        format!("{rule}{BETWEEN}{text}").into()
    }
}

impl I18n for RuleNames {
    fn length_lower_than(&self, min: usize) -> Cow<'static, str> {
        self.named("length", format_args!("must have a length of at least {min}"))
    }

    fn length_greater_than(&self, max: usize) -> Cow<'static, str> {
        self.named("length", format_args!("must have a length of at most {max}"))
    }

    fn range_lower_than(&self, min: &dyn Display) -> Cow<'static, str> {
        self.named("range", format_args!("must be at least {min}"))
    }

    fn range_greater_than(&self, max: &dyn Display) -> Cow<'static, str> {
        self.named("range", format_args!("must be at most {max}"))
    }

    fn credit_card_invalid(&self, reason: InvalidCreditCard) -> Cow<'static, str> {
        self.named("credit_card", format_args!("must be the number of a credit card: {reason}"))
    }

    fn pattern_no_match(&self, pattern: &dyn Display) -> Cow<'static, str> {
        self.named("pattern", format_args!("must match /{pattern}/"))
    }

    fn contains_missing(&self, pattern: &dyn Display) -> Cow<'static, str> {
        self.named("contains", format_args!("must contain \"{pattern}\""))
    }

    fn url_invalid(&self, reason: InvalidUrl) -> Cow<'static, str> {
        self.named("url", format_args!("must be a URL: {reason}"))
    }

    fn prefix_missing(&self, pattern: &dyn Display) -> Cow<'static, str> {
        self.named("prefix", format_args!("must begin with \"{pattern}\""))
    }

    fn suffix_missing(&self, pattern: &dyn Display) -> Cow<'static, str> {
        self.named("suffix", format_args!("must end with \"{pattern}\""))
    }

    fn phone_number_invalid(&self, reason: InvalidPhoneNumber) -> Cow<'static, str> {
        self.named("phone_number", format_args!("must be a phone number: {reason}"))
    }

    fn ip_invalid(&self, kind: IpKind) -> Cow<'static, str> {
        self.named("ip", format_args!("must be an {kind} address"))
    }

    fn matches_field_mismatch(&self, field: &dyn Display) -> Cow<'static, str> {
        self.named("matches", format_args!("must be the same as `{field}`"))
    }

    fn email_invalid(&self, reason: InvalidEmail) -> Cow<'static, str> {
        self.named("email", format_args!("must be an email address: {reason}"))
    }

    fn ascii_invalid(&self) -> Cow<'static, str> {
        self.named("ascii", "must be ASCII")
    }

    fn alphanumeric_invalid(&self) -> Cow<'static, str> {
        self.named("alphanumeric", "must be letters and digits")
    }

    fn required_not_set(&self) -> Cow<'static, str> {
        self.named("required", "must be given")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct CountedLetters<'a>(&'a Cell<usize>);

    impl Display for CountedLetters<'_> {
        fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            self.0.set(self.0.get() + 1);
            formatter.write_str("a+")
        }
    }

    #[test]
    fn what_is_not_told_is_not_written() {
        let (words, written) = (RuleNames::default(), Cell::new(0));
        for _ in 0..1000 {
            let _ = words.pattern_no_match(&CountedLetters(&written));
        }
        assert_eq!(written.get(), MOST);
    }
}
