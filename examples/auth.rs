//! Signing in with a JSON Web Token: who has none does not come in, some events are for some roles, and when the token expires
//! the connection ends, unless its client has presented a newer one.
//!
//! `cargo run --example auth` prints a token for ann and one for eve, who is an editor. With one of them connect to
//! `ws://127.0.0.1:3000/board?auth=TOKEN`, or by Socket.IO with `auth: { token: TOKEN }`, and send `{"event":"whoami","id":1}`; eve may send
//! `{"event":"note","data":["ann","look at page 3"],"id":2}`, which reaches every connection of ann. `{"auth":"TOKEN","id":3}` presents a newer token.
//!
//! Tokens are signed by HS256, with a key of this server alone. For those of an identity provider, give the guard
//! `Keys::url("https://…/jwks.json")?`, the issuer and the audience; nothing else changes.

use std::time::{SystemTime, UNIX_EPOCH};

use gateway_core::extract::Args;
use gateway_core::prelude::*;
use gateway_jwt::{Jwt, Keys, KeysError};
use jsonwebtoken::{EncodingKey, Header, encode};
use serde::{Deserialize, Serialize};

/// Name of those who sign, and of those for whom.
const ISSUER: &str = "the example auth";
const AUDIENCE: &str = "board";

/// Content of a token; handlers read it as `Auth<Claims>`.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Claims {
    /// Name of the user.
    sub: String,
    #[serde(default)]
    roles: Vec<String>,
    iss: String,
    aud: String,
    /// Seconds since 1970.
    exp: u64,
}

/// Checks the token of a client.
type SignedIn = Jwt<Claims>;

/// Reads what `SignedIn` found out.
struct Role(&'static str);

impl Guard for Role {
    type Grants = ();

    fn check(&self, context: &GuardContext<'_>) -> Result<Grant, Exception> {
        Grant::when(context.granted::<Claims>().is_some_and(|claims| claims.roles.iter().any(|role| role == self.0)))
    }
}

#[gateway(namespace = "/board")]
#[guard(SignedIn)]
struct Board;

#[gateway]
impl Board {
    #[subscribe]
    fn whoami(&self, claims: Auth<Claims>) -> String {
        claims.sub.clone()
    }

    /// Reaches all connections of a user; answers how many.
    #[subscribe]
    #[guard(Role("editor"))]
    fn note(&self, namespace: Namespace, Args((name, text)): Args<(String, String)>) -> usize {
        namespace.user(name).emit("note", &text).queued
    }
}

fn signed_in(secret: &[u8]) -> Result<SignedIn, KeysError> {
    Ok(SignedIn::new(Keys::hs256(secret)?).issuer(ISSUER).audience(AUDIENCE))
}

/// What an identity provider does.
fn issue(secret: &[u8], name: &str, roles: &[&str], seconds: u64) -> Result<String, jsonwebtoken::errors::Error> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let claims = Claims {
        sub: name.to_owned(),
        roles: roles.iter().map(|&role| role.to_owned()).collect(),
        iss: ISSUER.to_owned(),
        aud: AUDIENCE.to_owned(),
        exp: now + seconds,
    };
    encode(&Header::default(), &claims, &EncodingKey::from_secret(secret)?)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// A secret that is shown here is for this example alone.
    const SECRET: &[u8] = b"the secret of an example, 32 bytes or more";

    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:3000".to_owned());
    for (name, roles) in [("ann", &[][..]), ("eve", &["editor"])] {
        println!("{name}: {}", issue(SECRET, name, roles, 3600)?);
    }
    Server::new().provide(signed_in(SECRET)?).serve(address).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use gateway_core::CloseCode;
    use gateway_core::http::StatusCode;
    use gateway_core::testing::{ConnectError, TestClient, TestServer};
    use tokio::time::{Instant, sleep};

    use super::*;

    const SECRET: &[u8] = b"the secret of the tests, 32 bytes or more";

    fn token(name: &str, roles: &[&str], seconds: u64) -> String {
        issue(SECRET, name, roles, seconds).unwrap()
    }

    async fn server() -> TestServer {
        Server::empty().gateway::<Board>().provide(signed_in(SECRET).unwrap()).test().await.unwrap()
    }

    async fn enter(server: &TestServer, token: String) -> TestClient {
        server.connect("/board").auth(token).await.unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_no_token_is_turned_away_before_the_upgrade() {
        let server = server().await;
        let Err(ConnectError::Rejected { status, .. }) = server.connect("/board").await else { panic!("let in") };
        assert_eq!(status, StatusCode::UNAUTHORIZED);
        let forged = issue(b"another secret of 32 bytes or of more", "eve", &["editor"], 3600).unwrap();
        let Err(ConnectError::Rejected { status, .. }) = server.connect("/board").auth(forged).await else {
            panic!("let in")
        };
        assert_eq!(status, StatusCode::UNAUTHORIZED);
    }

    #[tokio::test(start_paused = true)]
    async fn a_note_reaches_every_connection_of_its_user_and_is_for_editors() {
        let server = server().await;
        let mut desk = enter(&server, token("ann", &[], 3600)).await;
        let mut phone = enter(&server, token("ann", &[], 3600)).await;
        let mut eve = enter(&server, token("eve", &["editor"], 3600)).await;
        assert_eq!(desk.emit_with_ack::<String>("whoami", ()).await.unwrap(), "ann");

        assert_eq!(eve.emit_with_ack::<usize>("note", ("ann", "look at page 3")).await.unwrap(), 2);
        assert_eq!(desk.expect_named("note").await, "look at page 3");
        assert_eq!(phone.expect_named("note").await, "look at page 3");

        let failure = desk.emit_with_ack::<usize>("note", ("eve", "why?")).await.unwrap_err();
        assert_eq!(failure.code(), Some("forbidden"));
        eve.expect_nothing().await;
    }

    #[tokio::test(start_paused = true)]
    async fn the_connection_ends_with_the_token_that_was_presented_last() {
        let server = server().await;
        let start = Instant::now();
        let mut ann = enter(&server, token("ann", &[], 40)).await;
        ann.renew(token("ann", &["editor"], 100)).await.unwrap();
        assert_eq!(ann.emit_with_ack::<usize>("note", ("eve", "I am an editor now")).await.unwrap(), 0);
        sleep(Duration::from_secs(80)).await;
        assert_eq!(ann.closed().await.unwrap().code, CloseCode::EXPIRED);
        // Tokens are on the system's clock, which goes on while this one is paused. A token is good for 30 s more.
        let lived = start.elapsed().as_secs();
        assert!((100..=130).contains(&lived), "{lived} s");
    }
}
