//! `#[guard(Roles(&["moderator"]))]`: only users with all of these roles.

use gateway_core::prelude::*;

use crate::users::User;

pub(crate) struct Roles(pub(crate) &'static [&'static str]);

impl Guard for Roles {
    type Grants = ();

    fn check(&self, context: &GuardContext<'_>) -> Result<Grant, Exception> {
        let user = context.granted::<User>();
        Grant::when(user.is_some_and(|user| self.0.iter().all(|role| user.roles.contains(role))))
    }
}
