//! Validation of arguments by the rules of their type.

pub(super) mod collected_errors;
#[cfg(feature = "garde")]
mod garde;

use std::borrow::Cow;
use std::fmt;
use std::ops::{Deref, DerefMut};

use crate::error::Rejection;
use crate::handler::validate::collected_errors::{MOST, read_for_rules, with_rules};
use crate::handler::{Context, FromContext};
use crate::protocol::{Fault, Step};

/// A validated argument: `Valid<Data<NewMessage>>`, or any extractor that gives access to its value.
///
/// If a rule is broken, the handler does not run, and the client receives the exception `invalid`, whose details list an
/// object `{path, rule, message}` per fault. The rules are an implementation of [`Validate`].
///
/// ```
/// use gateway_core::prelude::*;
/// use gateway_core::validation::{ValidationErrors, Validate};
/// use serde::Deserialize;
///
/// #[derive(Deserialize)]
/// struct NewMessage {
///     text: String,
/// }
///
/// impl Validate for NewMessage {
///     fn check(&self, faults: &mut ValidationErrors) {
///         if self.text.is_empty() {
///             faults.add("text", "length", "must not be empty");
///         }
///     }
/// }
///
/// #[gateway(namespace = "/chat")]
/// struct Chat;
///
/// #[gateway]
/// impl Chat {
///     #[subscribe]
///     fn say(&self, socket: Socket, Valid(Data(new)): Valid<Data<NewMessage>>) {
///         socket.broadcast().emit("said", &new.text);
///     }
/// }
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Valid<E>(pub E);

impl<On, E> FromContext<On> for Valid<E>
where
    E: FromContext<On> + Deref<Target: Validate>,
{
    fn from_context(context: &Context<'_>) -> Result<Self, Rejection> {
        let read = match E::from_context(context) {
            Ok(read) => read,
            Err(rejection) => {
                let again = read_for_rules(context, || E::from_context(context));
                return Err(again.map_or(rejection, |(read, shape)| {
                    let faults = with_rules(shape, broken_rules(context, &*read));
                    Rejection::from_faults("unreadable", "the data is not valid", &faults)
                }));
            }
        };
        let found = broken_rules(context, &*read);
        if found.is_empty() {
            return Ok(Self(read));
        }
        Err(Rejection::from_faults("invalid", "the data is not valid", &found))
    }
}

/// Returns the broken rules of a value, with its members named as sent.
fn broken_rules<T: Validate + ?Sized>(context: &Context<'_>, value: &T) -> Vec<Fault> {
    let ValidationErrors { mut found, .. } = ValidationErrors::check(value);
    if !found.is_empty() {
        context.list().name_as_sent(&mut found);
    }
    found
}

impl<E> Deref for Valid<E> {
    type Target = E;

    fn deref(&self) -> &E {
        &self.0
    }
}

impl<E> DerefMut for Valid<E> {
    fn deref_mut(&mut self) -> &mut E {
        &mut self.0
    }
}

/// A type with validation rules. With the feature `garde`, every type that implements `garde::Validate` without a context
/// implements it.
///
/// Checks that need a database or another service belong in the handler.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no rules to be checked by",
    label = "this cannot be `Valid`",
    note = "put `#[derive(garde::Validate)]` on `{Self}`, with the feature `garde` of `gateway-core`; or implement `gateway_core::validation::Validate`",
    note = "several arguments are a tuple struct: `struct Say(#[garde(skip)] String, #[garde(dive)] NewMessage);` in `Valid<Args<Say>>`"
)]
pub trait Validate {
    /// Adds an error for every broken rule.
    fn check(&self, faults: &mut ValidationErrors);
}

/// The broken rules of a value, each with its path.
///
/// ```
/// use gateway_core::validation::{ValidationErrors, Validate};
///
/// struct Order {
///     dish: String,
///     sides: Vec<Side>,
/// }
///
/// struct Side(u8);
///
/// impl Validate for Order {
///     fn check(&self, faults: &mut ValidationErrors) {
///         if self.dish.is_empty() {
///             faults.add("dish", "length", "say which");
///         }
///         faults.each("sides", &self.sides);
///     }
/// }
///
/// impl Validate for Side {
///     fn check(&self, faults: &mut ValidationErrors) {
///         if self.0 > 3 {
///             faults.add("", "range", "must be at most 3");
///         }
///     }
/// }
///
/// let order = Order { dish: String::new(), sides: vec![Side(1), Side(4)] };
/// assert_eq!(ValidationErrors::check(&order).to_string(), "$.dish: say which; $.sides[1]: must be at most 3");
/// ```
#[derive(Debug)]
pub struct ValidationErrors {
    /// Path of the value being checked.
    path: String,
    found: Vec<Fault>,
}

impl ValidationErrors {
    /// Checks a value.
    #[must_use]
    pub fn check<T: Validate + ?Sized>(value: &T) -> Self {
        let mut faults = Self { path: "$".to_owned(), found: Vec::new() };
        value.check(&mut faults);
        faults
    }

    /// Returns `true` if there is no error.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// Adds an error of a member; the member `""` is the value itself. The rule is for programs, the message for humans. Only
    /// the first 32 errors are kept.
    pub fn add(&mut self, member: &str, rule: impl Into<Cow<'static, str>>, message: impl Into<Cow<'static, str>>) {
        if self.is_full() {
            return;
        }
        let mut behind = String::new();
        if !member.is_empty() {
            Step::Member(member).push_to(&mut behind);
        }
        self.push(&behind, rule, message);
    }

    /// Adds an error; `behind` is appended to the path of the value being checked.
    fn push(&mut self, behind: &str, rule: impl Into<Cow<'static, str>>, message: impl Into<Cow<'static, str>>) {
        if !self.is_full() {
            self.found.push(Fault::new(format!("{}{behind}", self.path), rule.into(), message.into()));
        }
    }

    /// Returns `true` if no more errors are kept.
    fn is_full(&self) -> bool {
        self.found.len() >= MOST
    }

    /// Checks a member by its own rules, unless the maximum number of errors is reached.
    pub fn inside<T: Validate + ?Sized>(&mut self, member: &str, value: &T) {
        if self.is_full() {
            return;
        }
        let inner = self.path_of(member);
        let outer = std::mem::replace(&mut self.path, inner);
        value.check(self);
        self.path = outer;
    }

    /// Checks each element of a list member, until the maximum number of errors is reached.
    pub fn each<'v, T: Validate + 'v>(&mut self, member: &str, values: impl IntoIterator<Item = &'v T>) {
        let list = self.path_of(member);
        for (index, value) in values.into_iter().enumerate() {
            if self.is_full() {
                return;
            }
            let mut inner = list.clone();
            Step::Element(index).push_to(&mut inner);
            let outer = std::mem::replace(&mut self.path, inner);
            value.check(self);
            self.path = outer;
        }
    }

    fn path_of(&self, member: &str) -> String {
        let mut path = self.path.clone();
        if !member.is_empty() {
            Step::Member(member).push_to(&mut path);
        }
        path
    }
}

impl fmt::Display for ValidationErrors {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.found.iter().enumerate() {
            write!(formatter, "{}{fault}", if index > 0 { "; " } else { "" })?;
        }
        Ok(())
    }
}
