//! Rate limits: of one handler by its attribute, and a budget for all events of a user by a guard. The answer says when
//! to go on.
//!
//! `cargo run --example throttle`, then connect to `ws://127.0.0.1:3000/desk?auth=ann` and send `{"event":"say","data":"hi","id":1}`
//! three times within a second: the third answer is `rate_limited`. Twenty events within a minute are the budget of a user, over all
//! connections.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use gateway_core::pipeline::GuardPoints;
use gateway_core::prelude::*;
use serde_json::json;
use tokio::time::Instant;

/// The user is who the client says it is: see the example `auth` for one that can be believed.
#[derive(Default)]
struct Named;

impl Guard for Named {
    type Grants = String;

    fn check(&self, context: &GuardContext<'_>) -> Result<Grant<String>, Exception> {
        let name: String = context.handshake().auth()?;
        Ok(Grant::with(name.clone()).user(name).for_socket())
    }
}

/// So many events of a user in so long a time, whichever they are, and over how many connections they come.
struct Budget {
    events: u32,
    time: Duration,
    /// When each user's time began, and what was spent in it.
    spent: Mutex<HashMap<String, (Instant, u32)>>,
}

impl Budget {
    /// From here on those are forgotten whose time is over.
    const REMEMBERED: usize = 1024;

    fn new(events: u32, time: Duration) -> Self {
        Self { events, time, spent: Mutex::default() }
    }

    /// Takes one event off; how long to wait where nothing is left.
    fn spend(&self, user: &str, now: Instant) -> Result<(), Duration> {
        let mut spent = self.spent.lock().expect("nothing panics under this lock");
        if spent.len() >= Self::REMEMBERED {
            spent.retain(|_, (begun, _)| *begun + self.time > now);
        }
        let (begun, count) = spent.entry(user.to_owned()).or_insert((now, 0));
        if *begun + self.time <= now {
            (*begun, *count) = (now, 0);
        }
        if *count >= self.events {
            return Err(*begun + self.time - now);
        }
        *count += 1;
        Ok(())
    }
}

impl Guard for Budget {
    type Grants = ();

    fn check(&self, context: &GuardContext<'_>) -> Result<Grant, Exception> {
        let user = context.granted::<String>().ok_or_else(Exception::unauthorized)?;
        self.spend(&user, Instant::now()).map(|()| Grant::new()).map_err(|wait| {
            let wait = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
            Exception::new("rate_limited", "you have done enough for now")
                .with_details(&json!({"retry_after_ms": wait}))
        })
    }

    fn points(&self) -> GuardPoints {
        GuardPoints::EVENT
    }
}

#[gateway(namespace = "/desk")]
#[guard(Named, Budget::new(20, Duration::from_mins(1)))]
struct Desk;

#[gateway]
impl Desk {
    /// Two in a second, of one socket.
    #[subscribe("say", rate = "2/s")]
    fn say(&self, socket: Socket, Data(text): Data<String>) -> usize {
        socket.broadcast().emit("said", &text).queued
    }

    /// Two run, two wait, and one more is refused: `overloaded`.
    #[subscribe("search", concurrency = 2, queue = 2)]
    async fn search(&self, Data(word): Data<String>) -> String {
        tokio::time::sleep(Duration::from_secs(1)).await;
        format!("nothing about {word}")
    }

    /// Of a pointer that moves only the latest place is worth the wait.
    #[subscribe("pointer", queue = 1, overflow = "drop_oldest")]
    async fn pointer(&self, socket: Socket, Data(place): Data<(u32, u32)>) {
        socket.broadcast().volatile().emit("pointer", &place);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::main]
async fn main() -> Result<(), StartError> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:3000".to_owned());
    Server::new().serve(address).await
}

#[cfg(test)]
mod tests {
    use gateway_core::testing::{Failure, Received, TestClient, TestServer};
    use tokio::time::advance;

    use super::*;

    async fn server() -> TestServer {
        Server::empty().gateway::<Desk>().test().await.unwrap()
    }

    async fn enter(server: &TestServer, name: &str) -> TestClient {
        server.connect("/desk").auth(name).await.unwrap()
    }

    fn pause(failure: &Failure) -> Duration {
        assert_eq!(failure.code(), Some("rate_limited"));
        Duration::from_millis(failure.payload()["details"]["retry_after_ms"].as_u64().unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn who_says_too_much_is_told_when_to_go_on() {
        let server = server().await;
        let mut ann = enter(&server, "ann").await;
        for _ in 0..2 {
            ann.emit_with_ack::<usize>("say", "hi").await.unwrap();
        }
        let failure = ann.emit_with_ack::<usize>("say", "hi").await.unwrap_err();
        assert!(pause(&failure) <= Duration::from_secs(1));
        advance(pause(&failure)).await;
        ann.emit_with_ack::<usize>("say", "hi").await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_budget_is_one_users_over_all_connections() {
        let server = server().await;
        let mut desk = enter(&server, "ann").await;
        let mut phone = enter(&server, "ann").await;
        let mut bob = enter(&server, "bob").await;
        for client in [&mut desk, &mut phone] {
            for _ in 0..10 {
                client.emit_with_ack::<String>("search", "tea").await.unwrap(); // a second each
            }
        }
        let failure = desk.emit_with_ack::<String>("search", "tea").await.unwrap_err();
        let wait = pause(&failure);
        assert!((39..=40).contains(&wait.as_secs()), "{wait:?}");
        bob.emit_with_ack::<String>("search", "tea").await.unwrap();
        advance(wait).await;
        desk.emit_with_ack::<String>("search", "tea").await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn searches_beyond_the_queue_are_refused() {
        let server = server().await;
        let mut ann = enter(&server, "ann").await;
        for _ in 0..5 {
            ann.begin("search", "tea").await;
        }
        let Received::Exception { failure, .. } = ann.next().await else { panic!("it was taken") };
        assert_eq!(failure.code(), Some("overloaded"));
        for _ in 0..4 {
            assert!(matches!(ann.next().await, Received::Reply { .. }));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn of_a_pointer_the_latest_place_is_kept() {
        let server = server().await;
        let mut ann = enter(&server, "ann").await;
        let mut bob = enter(&server, "bob").await;
        for place in 0..10 {
            ann.emit("pointer", (place, place)).await;
        }
        let mut places = vec![bob.expect_named("pointer").await];
        while places.last() != Some(&json!([9, 9])) {
            places.push(bob.expect_named("pointer").await);
        }
        assert!(places.len() < 10, "{places:?}");
    }

    #[test]
    fn those_whose_time_is_over_are_forgotten() {
        let budget = Budget::new(1, Duration::from_secs(1));
        let start = Instant::now();
        for number in 0..Budget::REMEMBERED {
            budget.spend(&number.to_string(), start).unwrap();
        }
        assert_eq!(budget.spend("0", start), Err(Duration::from_secs(1)));
        budget.spend("0", start + Duration::from_secs(1)).unwrap();
        assert_eq!(budget.spent.lock().unwrap().len(), 1);
    }
}
