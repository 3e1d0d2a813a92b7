//! Signing in with a JSON Web Token: who has none does not come in, some events are for some roles, and when the token expires
//! the connection ends.
//!
//! `cargo run --example auth` prints a token for ann and one for eve, who is an editor. With one of them connect to
//! `ws://127.0.0.1:3000/board?auth=TOKEN`, or by Socket.IO with `auth: TOKEN`, and send `{"event":"whoami","id":1}`; eve may send
//! `{"event":"note","data":["ann","look at page 3"],"id":2}`, which reaches every connection of ann.
//!
//! Tokens are signed by HS256, with a key of this server alone. Those of an identity provider are another `Tokens`; nothing else changes.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use data_encoding::BASE64URL_NOPAD;
use gateway_core::extract::Args;
use gateway_core::prelude::*;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use tokio::time::Instant;

/// Content of a token.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
struct Claims {
    sub: String,
    #[serde(default)]
    roles: Vec<String>,
    /// Seconds since 1970.
    exp: u64,
}

/// Why a token is not taken. All are `unauthorized`, which is status 401 before the upgrade.
#[derive(Debug, PartialEq, thiserror::Error, Exception)]
enum TokenError {
    #[error("this is no token")]
    #[exception(code = "unauthorized")]
    Malformed,
    #[error("the token is of somebody else")]
    #[exception(code = "unauthorized")]
    Forged,
    #[error("the token has expired")]
    #[exception(code = "unauthorized")]
    Expired,
}

/// Makes tokens and checks them.
#[derive(Clone)]
struct Tokens {
    key: Arc<[u8]>,
}

impl Tokens {
    fn new(key: &[u8]) -> Self {
        Self { key: key.into() }
    }

    fn sign(&self, claims: &Claims) -> String {
        let encode = |json: &[u8]| BASE64URL_NOPAD.encode(json);
        let claims = serde_json::to_vec(claims).expect("claims are JSON");
        let signed = format!("{}.{}", encode(br#"{"alg":"HS256","typ":"JWT"}"#), encode(&claims));
        let signature = encode(&self.mac(&signed).finalize().into_bytes());
        format!("{signed}.{signature}")
    }

    /// Returns the token's content, and the time it is still valid.
    fn check(&self, token: &str, now: SystemTime) -> Result<(Claims, Duration), TokenError> {
        let (signed, signature) = token.rsplit_once('.').ok_or(TokenError::Malformed)?;
        let (header, claims) = signed.split_once('.').ok_or(TokenError::Malformed)?;
        // The header is the client's word: another algorithm than ours, such as `none`, is not what we sign by.
        if read::<Header>(header)?.alg != "HS256" {
            return Err(TokenError::Forged);
        }
        let signature = BASE64URL_NOPAD.decode(signature.as_bytes()).map_err(|_| TokenError::Malformed)?;
        self.mac(signed).verify_slice(&signature).map_err(|_| TokenError::Forged)?;
        let claims: Claims = read(claims)?;
        let end = UNIX_EPOCH.checked_add(Duration::from_secs(claims.exp)).ok_or(TokenError::Malformed)?;
        let left = end.duration_since(now).map_err(|_| TokenError::Expired)?;
        Ok((claims, left))
    }

    fn mac(&self, text: &str) -> Hmac<Sha256> {
        Hmac::new_from_slice(&self.key).expect("a key of any length").chain_update(text)
    }
}

#[derive(Deserialize)]
struct Header {
    alg: String,
}

fn read<T: for<'de> Deserialize<'de>>(part: &str) -> Result<T, TokenError> {
    let json = BASE64URL_NOPAD.decode(part.as_bytes()).map_err(|_| TokenError::Malformed)?;
    serde_json::from_slice(&json).map_err(|_| TokenError::Malformed)
}

/// The signed-in user; handlers read it as `Auth<User>`.
struct User {
    name: String,
    roles: Vec<String>,
}

#[derive(Injectable)]
struct SignedIn {
    tokens: Tokens,
}

impl Guard for SignedIn {
    type Grants = User;

    fn check(&self, context: &GuardContext<'_>) -> Result<Grant<User>, Exception> {
        /// Longer than any connection lives.
        const LONGEST: Duration = Duration::from_hours(365 * 24);

        let token: String = context.handshake().auth()?;
        let (claims, left) = self.tokens.check(&token, SystemTime::now())?;
        let user = User { name: claims.sub.clone(), roles: claims.roles };
        Ok(Grant::with(user).user(claims.sub).expires(Instant::now() + left.min(LONGEST)))
    }
}

/// Reads what `SignedIn` found out.
struct Role(&'static str);

impl Guard for Role {
    type Grants = ();

    fn check(&self, context: &GuardContext<'_>) -> Result<Grant, Exception> {
        Grant::when(context.granted::<User>().is_some_and(|user| user.roles.iter().any(|role| role == self.0)))
    }
}

#[gateway(namespace = "/board")]
#[guard(SignedIn)]
struct Board;

#[gateway]
impl Board {
    #[subscribe]
    fn whoami(&self, user: Auth<User>) -> String {
        user.name.clone()
    }

    /// Reaches all connections of a user; answers how many.
    #[subscribe]
    #[guard(Role("editor"))]
    fn note(&self, namespace: Namespace, Args((name, text)): Args<(String, String)>) -> usize {
        namespace.user(name).emit("note", &text).queued
    }
}

#[tokio::main]
async fn main() -> Result<(), StartError> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:3000".to_owned());
    // A key that is shown here is for this example alone.
    let tokens = Tokens::new(b"the key of an example");
    for (name, roles) in [("ann", vec![]), ("eve", vec!["editor".to_owned()])] {
        let claims = Claims { sub: name.to_owned(), roles, exp: seconds(SystemTime::now()) + 3600 };
        println!("{name}: {}", tokens.sign(&claims));
    }
    Server::new().provide(tokens).serve(address).await
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    use gateway_core::testing::{ConnectError, TestClient, TestServer};

    use gateway_core::CloseCode;
    use gateway_core::http::StatusCode;

    use super::*;

    fn tokens() -> Tokens {
        Tokens::new(b"key")
    }

    fn token(name: &str, roles: &[&str], lives: u64) -> String {
        let roles = roles.iter().map(|&role| role.to_owned()).collect();
        tokens().sign(&Claims { sub: name.to_owned(), roles, exp: seconds(SystemTime::now()) + lives })
    }

    async fn server() -> TestServer {
        Server::empty().gateway::<Board>().provide(tokens()).test().await.unwrap()
    }

    async fn enter(server: &TestServer, token: String) -> TestClient {
        server.connect("/board").auth(token).await.unwrap()
    }

    #[test]
    fn a_signature_is_that_of_the_specification() {
        // RFC 7515, appendix A.1.
        let key = BASE64URL_NOPAD
            .decode(b"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow")
            .unwrap();
        let payload = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
        let signed = format!("eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.{payload}");
        let signature = BASE64URL_NOPAD.decode(b"dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk").unwrap();
        Tokens::new(&key).mac(&signed).verify_slice(&signature).unwrap();
    }

    #[test]
    fn what_is_no_token_of_ours_is_not_taken() {
        let now = UNIX_EPOCH + Duration::from_secs(1000);
        let claims = Claims { sub: "ann".into(), roles: vec![], exp: 1010 };
        let good = tokens().sign(&claims);
        assert_eq!(tokens().check(&good, now), Ok((claims.clone(), Duration::from_secs(10))));

        let (signed, signature) = good.rsplit_once('.').unwrap();
        let (_, body) = signed.split_once('.').unwrap();
        let none = BASE64URL_NOPAD.encode(br#"{"alg":"none"}"#);
        let other = Claims { sub: "eve".into(), ..claims };
        let other = BASE64URL_NOPAD.encode(&serde_json::to_vec(&other).unwrap());
        let header = signed.split_once('.').unwrap().0;
        for (wrong, why) in [
            (String::new(), TokenError::Malformed),
            ("a.b".to_owned(), TokenError::Malformed),
            (format!("{none}.{body}."), TokenError::Forged),
            (format!("{header}.{other}.{signature}"), TokenError::Forged),
            (format!("{signed}.{}", BASE64URL_NOPAD.encode(b"short")), TokenError::Forged),
            (Tokens::new(b"another key").sign(&tokens().check(&good, now).unwrap().0), TokenError::Forged),
        ] {
            assert_eq!(tokens().check(&wrong, now), Err(why), "{wrong}");
        }
        assert_eq!(tokens().check(&good, now + Duration::from_secs(11)), Err(TokenError::Expired));
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_no_token_is_turned_away_before_the_upgrade() {
        let server = server().await;
        let Err(ConnectError::Rejected { status, .. }) = server.connect("/board").await else { panic!("let in") };
        assert_eq!(status, StatusCode::UNAUTHORIZED);
        let forged = Tokens::new(b"another key").sign(&Claims { sub: "eve".into(), roles: vec![], exp: u64::MAX / 2 });
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
    async fn the_connection_ends_when_the_token_does() {
        let server = server().await;
        let start = Instant::now();
        let mut ann = enter(&server, token("ann", &[], 40)).await;
        assert_eq!(ann.emit_with_ack::<String>("whoami", ()).await.unwrap(), "ann");
        assert_eq!(ann.closed().await.unwrap().code, CloseCode::EXPIRED);
        // Tokens are on the system's clock, which goes on while this one is paused.
        let lived = start.elapsed().as_secs();
        assert!((1..=40).contains(&lived), "{lived} s");
    }
}
