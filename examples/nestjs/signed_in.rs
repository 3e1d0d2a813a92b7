//! Refuses clients without a known token: `afterInit` and `canActivate` of the original in one guard.

use gateway_core::prelude::*;
use serde::Deserialize;

use crate::users::{User, Users};

#[derive(Deserialize)]
struct Login {
    token: String,
}

#[derive(Injectable)]
pub(crate) struct SignedIn {
    users: Users,
}

impl Guard for SignedIn {
    type Grants = User;

    fn check(&self, context: &GuardContext<'_>) -> Result<Grant<User>, Exception> {
        let login: Option<Login> = context.handshake().auth().ok();
        let user = login.and_then(|login| self.users.by_token(&login.token));
        let user = user.ok_or_else(|| Exception::message("Unauthorized"))?;
        Ok(Grant::with(user.clone()).user(user.name).for_socket())
    }
}
