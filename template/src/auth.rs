//! Who may connect.

use std::collections::HashMap;
use std::fmt;

use gateway_core::prelude::*;
use serde::Deserialize;

/// Tokens of users by the users' names.
#[derive(Clone, Deserialize)]
pub struct Tokens(HashMap<String, String>);

impl Tokens {
    /// The tokens of these users.
    pub fn new<const N: usize>(users: [(&str, &str); N]) -> Self {
        Self(users.map(|(name, token)| (name.to_owned(), token.to_owned())).into())
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Tokens of {} users", self.0.len())
    }
}

/// Credentials of a client.
#[derive(Deserialize)]
struct Login {
    name: String,
    token: String,
}

/// A user whose token was right.
pub struct User {
    /// The user's name.
    pub name: String,
}

/// Lets in users who know their token.
#[derive(Injectable)]
pub struct SignedIn {
    tokens: Tokens,
}

impl Guard for SignedIn {
    type Grants = User;

    fn check(&self, context: &GuardContext<'_>) -> Result<Grant<User>, Exception> {
        let Login { name, token } = context.handshake().auth()?;
        if self.tokens.0.get(&name) != Some(&token) {
            return Err(Exception::unauthorized());
        }
        Ok(Grant::with(User { name: name.clone() }).user(name).for_socket())
    }
}
