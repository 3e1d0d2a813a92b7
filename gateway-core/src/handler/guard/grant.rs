//! A guard's yes: what it grants, whom it names, how long it holds.

use std::any::{Any, TypeId};
use std::fmt;
use std::sync::Arc;

use tokio::time::Instant;

use crate::error::Exception;

/// A guard's yes.
///
/// It counts for the one thing the guard was asked, so a guard is asked again at every event. With [`Grant::until`] or
/// [`Grant::for_socket`] it counts for the socket: the guard is not asked again at the events of that time. A room is always asked
/// about.
///
/// ```
/// use gateway_core::pipeline::Grant;
/// use gateway_core::Exception;
///
/// struct User(String);
///
/// fn check(name: Option<&str>) -> Result<Grant<User>, Exception> {
///     let name = name.ok_or_else(Exception::unauthorized)?;
///     Ok(Grant::with(User(name.to_owned())).user(name).for_socket())
/// }
/// ```
#[must_use = "a pass counts once the guard returns it"]
pub struct Grant<T = ()> {
    value: Option<T>,
    user: Option<String>,
    holds: GrantLifetime,
    expires: Option<Instant>,
}

/// Time that a grant is valid.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum GrantLifetime {
    Once,
    Until(Instant),
    Always,
}

impl<T> Grant<T> {
    /// Yes, and nothing more.
    pub fn new() -> Self {
        Self { value: None, user: None, holds: GrantLifetime::Once, expires: None }
    }

    /// Yes, and this is what the guard found out: handlers and hooks read it as [`Auth<T>`](crate::extract::Auth).
    pub fn with(value: T) -> Self {
        Self { value: Some(value), ..Self::new() }
    }

    /// Yes where `allowed`.
    ///
    /// # Errors
    ///
    /// [`Exception::forbidden`] where not.
    pub fn when(allowed: bool) -> Result<Self, Exception> {
        if allowed { Ok(Self::new()) } else { Err(Exception::forbidden()) }
    }

    /// Names the user: all sockets of one are reached by [`Namespace::user`](crate::Namespace::user).
    pub fn user(mut self, id: impl Into<String>) -> Self {
        self.user = Some(id.into());
        self
    }

    /// It holds for this socket until then. Before the first event after that the guard is asked again.
    pub fn until(mut self, instant: impl Into<Instant>) -> Self {
        self.holds = GrantLifetime::Until(instant.into());
        self
    }

    /// It holds as long as the socket lives.
    pub fn for_socket(mut self) -> Self {
        self.holds = GrantLifetime::Always;
        self
    }

    /// It holds for this socket until then, and then the socket ends with [`CloseCode::EXPIRED`](crate::CloseCode::EXPIRED).
    /// The earliest such moment of all its guards counts.
    pub fn expires(mut self, instant: impl Into<Instant>) -> Self {
        let instant = instant.into();
        self.expires = Some(instant);
        self.until(instant)
    }
}

impl<T> Default for Grant<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> fmt::Debug for Grant<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { value, user, holds, expires } = self;
        formatter
            .debug_struct("Grant")
            .field("grants", &value.is_some())
            .field("user", user)
            .field("holds", holds)
            .field("expires", expires)
            .finish()
    }
}

/// A yes whose type is forgotten.
pub(crate) struct ErasedGrant {
    pub(crate) value: Option<(TypeId, Arc<dyn Any + Send + Sync>)>,
    pub(crate) user: Option<String>,
    pub(crate) holds: GrantLifetime,
    pub(crate) expires: Option<Instant>,
}

impl<T: Send + Sync + 'static> From<Grant<T>> for ErasedGrant {
    fn from(pass: Grant<T>) -> Self {
        let Grant { value, user, holds, expires } = pass;
        let value = value.map(|value| (TypeId::of::<T>(), Arc::new(value) as _));
        Self { value, user, holds, expires }
    }
}
