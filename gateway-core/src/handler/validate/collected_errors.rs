//! All faults of what a client sent, where NestJS's switch asks for them: those of its shape, and the rules that what could be
//! read of it breaks. Elsewhere reading ends at the first fault of the shape.

use std::cell::RefCell;

use crate::error::Rejection;
use crate::handler::{Compat, Context};
use crate::protocol::Fault;

/// Faults are told up to this number, so that a small message has no large answer.
pub(in crate::handler) const MOST: usize = 32;

thread_local! {
    /// Present while the argument of a `Valid` is read a second time: then an extractor leaves the faults of the shape here,
    /// and gives a value with samples in their places, whose rules are checked and which goes no further.
    static SHAPE: RefCell<Option<Vec<Fault>>> = const { RefCell::new(None) };
}

/// An argument that could not be read: a value for its rules where those are asked for, or all its faults, or `None` where
/// the first is told alone.
pub(in crate::handler) fn read_on<T>(
    context: &Context<'_>,
    lead: &str,
    faults: impl FnOnce(usize) -> Option<(Option<T>, Vec<Fault>)>,
) -> Option<Result<T, Rejection>> {
    if !wants_every_fault(context) {
        return None;
    }
    let (value, faults) = faults(MOST)?;
    let rejection = Rejection::from_faults("unreadable", lead, &faults);
    Some(SHAPE.with_borrow_mut(|shape| match (shape, value) {
        (Some(shape), Some(value)) => {
            shape.extend(faults);
            Ok(value)
        }
        _ => Err(rejection),
    }))
}

/// Reads an argument that could not be read once more, for its rules. Gives the faults of its shape with it.
pub(in crate::handler) fn read_for_rules<E>(
    context: &Context<'_>,
    read: impl FnOnce() -> Result<E, Rejection>,
) -> Option<(E, Vec<Fault>)> {
    if !wants_every_fault(context) {
        return None;
    }
    // A reader that panics leaves no list behind for the next one.
    let _reading = ErrorCollection::begin();
    let value = read().ok()?;
    let faults = SHAPE.with_borrow_mut(Option::take)?;
    (!faults.is_empty()).then_some((value, faults))
}

/// Adds the rules that are broken where the shape is right.
pub(in crate::handler) fn with_rules(mut shape: Vec<Fault>, rules: Vec<Fault>) -> Vec<Fault> {
    let faulty: Vec<String> = shape.iter().map(|fault| plain(&fault.path)).collect();
    let is_sample = |path: &str| {
        let inside =
            |faulty: &String| path.strip_prefix(&**faulty).is_some_and(|rest| !rest.starts_with(char::is_alphanumeric));
        faulty.iter().any(inside)
    };
    shape.extend(rules.into_iter().filter(|fault| !is_sample(&plain(&fault.path))));
    shape.truncate(MOST);
    shape
}

/// One path, in whichever convention its names are written.
fn plain(path: &str) -> String {
    let counts = |letter: &char| letter.is_alphanumeric() || matches!(letter, '.' | '[' | ']');
    path.chars().filter(counts).flat_map(char::to_lowercase).collect()
}

fn wants_every_fault(context: &Context<'_>) -> bool {
    context.service::<Compat>().is_some_and(|compat| compat.nestjs)
}

struct ErrorCollection;

impl ErrorCollection {
    fn begin() -> Self {
        SHAPE.with_borrow_mut(|shape| *shape = Some(Vec::new()));
        Self
    }
}

impl Drop for ErrorCollection {
    fn drop(&mut self) {
        SHAPE.with_borrow_mut(|shape| *shape = None);
    }
}
