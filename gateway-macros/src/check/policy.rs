//! The bounds that `#[subscribe]` sets for its method: how many events at once, how many wait, how fast, how long.

use quote::ToTokens;
use syn::LitStr;

use crate::check::Mistakes;
use crate::check::nearest::nearest;
use crate::check::options::Options;

/// Options beside an event's names.
#[derive(Default)]
pub(crate) struct Policy {
    pub(crate) concurrency: Option<usize>,
    pub(crate) queue: Option<usize>,
    /// The variant of `EventOverflow`.
    pub(crate) overflow: Option<&'static str>,
    pub(crate) timeout: Option<Milliseconds>,
    pub(crate) rate: Option<(u32, Milliseconds)>,
}

type Milliseconds = u64;

pub(crate) const OPTIONS: &[&str] = &["concurrency", "queue", "overflow", "timeout", "rate"];

const OVERFLOWS: [(&str, &str); 3] =
    [("refuse", "Refuse"), ("drop_newest", "DropNewest"), ("drop_oldest", "DropOldest")];

const UNITS: [(&str, Milliseconds); 4] = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000)];

pub(crate) fn check_policy(options: &Options, mistakes: &mut Mistakes) -> Policy {
    let policy = Policy {
        concurrency: options.number("concurrency", 1..=usize::MAX, mistakes),
        queue: options.number("queue", 0..=usize::MAX, mistakes),
        overflow: options.text("overflow", "drop_oldest", mistakes).and_then(|text| overflow(&text, mistakes)),
        timeout: options.text("timeout", "5s", mistakes).and_then(|text| timeout(&text, mistakes)),
        rate: options.text("rate", "20/s", mistakes).and_then(|text| rate(&text, mistakes)),
    };
    refuse_contradictions(&policy, options, mistakes);
    policy
}

/// Refuses policies that no server could keep. Contradictions with a server's limits are found when it starts.
fn refuse_contradictions(policy: &Policy, options: &Options, mistakes: &mut Mistakes) {
    let Some(at) = options.name("overflow") else { return };
    let (has_queue, has_rate) = (options.name("queue").is_some(), options.name("rate").is_some());
    if !has_queue && !has_rate {
        mistakes.add(at, "`overflow` says what becomes of events beyond a `queue` or a `rate`, and there is neither\nhelp: add one of them, or take `overflow` out");
    } else if policy.overflow == Some("DropOldest") && (!has_queue || policy.queue == Some(0)) {
        mistakes.add(at, "there is no oldest event to drop where none may wait\nhelp: add a `queue`, as in `queue = 16`, or write `overflow = \"drop_newest\"`");
    }
}

fn overflow(text: &LitStr, mistakes: &mut Mistakes) -> Option<&'static str> {
    let value = text.value();
    let known = OVERFLOWS.iter().find(|(name, _)| *name == value);
    if known.is_none() {
        let names = OVERFLOWS.map(|(name, _)| name);
        let help = nearest(&value, &names).map_or_else(
            || "write \"refuse\", \"drop_newest\" or \"drop_oldest\"".to_owned(),
            |meant| format!("did you mean \"{meant}\"?"),
        );
        mistakes.add(text, format!("`overflow` has no way `{value}`\nhelp: {help}"));
    }
    known.map(|(_, variant)| *variant)
}

fn timeout(text: &LitStr, mistakes: &mut Mistakes) -> Option<Milliseconds> {
    let time = duration(&text.value()).filter(|time| *time > 0);
    if time.is_none() {
        mistakes.add(
            text.to_token_stream(),
            "`timeout` is a number and its unit: `ms`, `s`, `m` or `h`\nhelp: write `timeout = \"5s\"`",
        );
    }
    time
}

fn rate(text: &LitStr, mistakes: &mut Mistakes) -> Option<(u32, Milliseconds)> {
    let value = text.value();
    let rate = value.split_once('/').and_then(|(events, time)| {
        let time = time.trim();
        let time =
            if time.starts_with(|letter: char| letter.is_ascii_digit()) { time.to_owned() } else { format!("1{time}") };
        Some((events.trim().parse().ok()?, duration(&time)?))
    });
    let rate = rate.filter(|(events, time)| *events > 0 && *time > 0);
    if rate.is_none() {
        mistakes.add(
            text,
            "`rate` is how many events in what time\nhelp: write `rate = \"20/s\"`, or `rate = \"5/10s\"` for five in ten seconds",
        );
    }
    rate
}

/// `250ms`, `5s`, `2m`, `1h`.
fn duration(text: &str) -> Option<Milliseconds> {
    let text = text.trim();
    let digits = text.find(|letter: char| !letter.is_ascii_digit())?;
    let (count, unit) = text.split_at(digits);
    let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit.trim())?;
    count.parse::<u64>().ok()?.checked_mul(*factor)
}

#[cfg(test)]
mod tests {
    use proc_macro2::Span;

    use super::*;

    fn text(value: &str) -> LitStr {
        LitStr::new(value, Span::call_site())
    }

    #[test]
    fn times_have_a_unit() {
        let check = |value: &str, expected: Option<u64>| {
            let mut mistakes = Mistakes::default();
            assert_eq!(timeout(&text(value), &mut mistakes), expected, "{value}");
            assert_eq!(mistakes.is_empty(), expected.is_some(), "{value}");
        };
        check("250ms", Some(250));
        check("5s", Some(5000));
        check("2 m", Some(120_000));
        check("1h", Some(3_600_000));
        for wrong in ["", "5", "s", "0s", "-5s", "1.5s", "5 seconds", "99999999999999999999s"] {
            check(wrong, None);
        }
    }

    #[test]
    fn rates_are_events_in_a_time() {
        let check = |value: &str, expected: Option<(u32, u64)>| {
            let mut mistakes = Mistakes::default();
            assert_eq!(rate(&text(value), &mut mistakes), expected, "{value}");
            assert_eq!(mistakes.is_empty(), expected.is_some(), "{value}");
        };
        check("20/s", Some((20, 1000)));
        check("100 / m", Some((100, 60_000)));
        check("5/10s", Some((5, 10_000)));
        check("1/500ms", Some((1, 500)));
        for wrong in ["", "20", "20/", "/s", "0/s", "5/0s", "a/s", "5/week", "5/s/s"] {
            check(wrong, None);
        }
    }
}
