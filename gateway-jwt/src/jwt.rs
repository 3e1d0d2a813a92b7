//! The guard.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use gateway_core::pipeline::{AsyncGuard, Grant, GuardContext};
use gateway_core::{Exception, Handshake};
use jsonwebtoken::crypto::rust_crypto;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::Instant;

use crate::keys::Keys;
use crate::token::{Accepted, Header, Rules, TokenError};

/// A guard that accepts clients with a JSON Web Token, and grants its claims as `Auth<C>`. `sub` becomes the user.
///
/// Give it to the server, and name its type in `#[guard(…)]`; [the crate's page](crate) has an example. A token is checked once
/// for a socket, which is closed with 4502 when it expires. A connected client may present a newer one: the claims
/// are exchanged, and the expiry moves.
pub struct Jwt<C> {
    inner: Arc<JwtOptions>,
    claims: PhantomData<fn() -> C>,
}

#[derive(Clone, Debug)]
struct JwtOptions {
    keys: Keys,
    rules: Rules,
    cookie: Option<String>,
}

impl<C: DeserializeOwned + Send + Sync + 'static> Jwt<C> {
    /// Creates a guard that checks tokens with these keys.
    #[must_use]
    pub fn new(keys: Keys) -> Self {
        // Where a dependency has chosen another backend already, it stays.
        let _ = rust_crypto::DEFAULT_PROVIDER.install_default();
        let rules = Rules { issuers: Vec::new(), audiences: Vec::new(), leeway: Duration::from_secs(30) };
        Self { inner: Arc::new(JwtOptions { keys, rules, cookie: None }), claims: PhantomData }
    }

    /// Accepts tokens of this issuer only, their `iss`. Called again, of this one too.
    #[must_use]
    pub fn issuer(self, issuer: impl Into<String>) -> Self {
        self.with(|options| options.rules.issuers.push(issuer.into()))
    }

    /// Accepts tokens for this audience only, one of their `aud`. Called again, for this one too. Without it, a token that
    /// has an audience is for another service.
    #[must_use]
    pub fn audience(self, audience: impl Into<String>) -> Self {
        self.with(|options| options.rules.audiences.push(audience.into()))
    }

    /// Difference of clocks that is allowed for `exp` and `nbf`, in whole seconds. Default 30 s.
    #[must_use]
    pub fn leeway(self, leeway: Duration) -> Self {
        self.with(|options| options.rules.leeway = leeway)
    }

    /// Reads the token of clients that send no other credentials from this cookie.
    #[must_use]
    pub fn cookie(self, name: impl Into<String>) -> Self {
        self.with(|options| options.cookie = Some(name.into()))
    }

    /// Checks a token outside of a connection, and returns its claims.
    ///
    /// # Errors
    ///
    /// [`TokenError`].
    pub async fn verify(&self, token: &str) -> Result<C, TokenError> {
        self.accept(token).await.map(|accepted| accepted.claims)
    }

    async fn accept(&self, token: &str) -> Result<Accepted<C>, TokenError> {
        let JwtOptions { keys, rules, .. } = &*self.inner;
        let header = Header::read(token)?;
        let keys = keys.find(&header).await?;
        rules.check(token, header.algorithm, &keys)
    }

    fn with(mut self, set: impl FnOnce(&mut JwtOptions)) -> Self {
        set(Arc::make_mut(&mut self.inner));
        self
    }
}

impl<C: DeserializeOwned + Send + Sync + 'static> AsyncGuard for Jwt<C> {
    type Grants = C;

    async fn check(&self, context: &GuardContext<'_>) -> Result<Grant<C>, Exception> {
        let token = token_of(context.handshake(), self.inner.cookie.as_deref()).ok_or(TokenError::Missing)?;
        let Accepted { claims, subject, left } = self.accept(&token).await?;
        let grant = Grant::with(claims).expires(Instant::now() + left);
        Ok(match subject {
            Some(subject) => grant.user(subject),
            None => grant,
        })
    }

    fn renews(&self) -> bool {
        true
    }
}

/// The token of a client: its credentials, or a header, or a cookie. Credentials of another shape are no token, whatever else there is.
fn token_of(handshake: &Handshake, cookie: Option<&str>) -> Option<String> {
    if let Ok(credentials) = handshake.auth::<Value>() {
        return match credentials {
            Value::String(token) => Some(token),
            Value::Object(mut members) => match members.remove("token") {
                Some(Value::String(token)) => Some(token),
                _ => None,
            },
            _ => None,
        };
    }
    let bearer = handshake.header("authorization").and_then(|header| {
        let (scheme, token) = header.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    bearer.or_else(|| handshake.cookie(cookie?)).map(str::to_owned)
}

impl<C> Clone for Jwt<C> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner), claims: PhantomData }
    }
}

impl<C> fmt::Debug for Jwt<C> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let JwtOptions { keys, rules, cookie } = &*self.inner;
        formatter.debug_struct("Jwt").field("keys", keys).field("rules", rules).field("cookie", cookie).finish()
    }
}
