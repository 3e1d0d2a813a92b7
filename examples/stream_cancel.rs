//! A stream that ends when its client cancels it or leaves, and gives free what it holds; and work elsewhere that stops when nobody
//! waits for it any more.
//!
//! `cargo run --example stream_cancel`, then send `{"event":"follow","data":"door","id":1}` to `ws://127.0.0.1:3000/sensors`, and, when
//! you have seen enough, `{"cancel":1}`. `{"event":"followers","id":2}` says how many streams there are: none, now, nor after the
//! connection is closed.

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, Stream};
use gateway_core::extract::Cancellation;
use gateway_core::prelude::*;
use tokio::time::sleep;

/// Place of a stream among the followers. Its drop frees it, however the stream ends.
struct Place(#[expect(dead_code, reason = "it is held, not read")] Arc<()>);

#[gateway(namespace = "/sensors")]
struct Sensors {
    #[inject(default)]
    followers: Arc<()>,
    #[inject(default)]
    surveys: Arc<()>,
}

#[gateway]
impl Sensors {
    /// Values of the sensor, four times a second, for as long as the client listens.
    #[subscribe]
    fn follow(&self, Data(sensor): Data<String>) -> impl Stream<Item = String> + use<> {
        let place = Place(Arc::clone(&self.followers));
        stream::unfold((0_u32, sensor, place), |(count, sensor, place)| async move {
            sleep(Duration::from_millis(250)).await;
            Some((format!("{sensor} {count}"), (count + 1, sensor, place)))
        })
    }

    /// Number of streams.
    #[subscribe]
    fn followers(&self) -> usize {
        Arc::strong_count(&self.followers) - 1
    }

    /// The handler's own future is dropped when nobody waits; a task of its own has to be told.
    #[subscribe]
    async fn survey(&self, cancellation: Cancellation) -> Option<u32> {
        let place = Place(Arc::clone(&self.surveys));
        let work = tokio::spawn(async move {
            let counted = cancellation.unless_cancelled(count_everything()).await;
            drop(place);
            counted
        });
        work.await.ok().flatten()
    }

    /// Number of surveys in progress.
    #[subscribe]
    fn surveys(&self) -> usize {
        Arc::strong_count(&self.surveys) - 1
    }
}

async fn count_everything() -> u32 {
    sleep(Duration::from_secs(20)).await;
    42
}

#[tokio::main]
async fn main() -> Result<(), StartError> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:3000".to_owned());
    Server::new().serve(address).await
}

#[cfg(test)]
mod tests {
    use gateway_core::testing::{TestClient, TestServer};

    use super::*;

    async fn server() -> TestServer {
        Server::empty().gateway::<Sensors>().test().await.unwrap()
    }

    async fn count(client: &mut TestClient, of: &str) -> usize {
        client.emit_with_ack(of, ()).await.unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_that_is_cancelled_gives_its_place_free() {
        let server = server().await;
        let mut ann = server.connect("/sensors").await.unwrap();
        let mut bob = server.connect("/sensors").await.unwrap();
        let mut door = ann.stream("follow", "door").await;
        assert_eq!(door.next::<String>().await.unwrap().unwrap(), "door 0");
        assert_eq!(door.next::<String>().await.unwrap().unwrap(), "door 1");
        assert_eq!(count(&mut bob, "followers").await, 1);
        door.cancel().await;
        assert_eq!(door.next::<String>().await.unwrap().unwrap_err().code(), Some("cancelled"));
        assert_eq!(count(&mut bob, "followers").await, 0);
        ann.expect_nothing().await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_ends_with_its_client() {
        let server = server().await;
        let mut bob = server.connect("/sensors").await.unwrap();
        for leaves_properly in [true, false] {
            let mut ann = server.connect("/sensors").await.unwrap();
            assert_eq!(ann.stream("follow", "door").await.next::<String>().await.unwrap().unwrap(), "door 0");
            assert_eq!(count(&mut bob, "followers").await, 1);
            if leaves_properly {
                ann.close().await;
            } else {
                drop(ann);
            }
            bob.expect_nothing().await; // until the server has nothing left to do
            assert_eq!(count(&mut bob, "followers").await, 0);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn work_elsewhere_stops_when_nobody_waits_for_it() {
        let server = server().await;
        let mut ann = server.connect("/sensors").await.unwrap();
        let mut bob = server.connect("/sensors").await.unwrap();
        assert_eq!(ann.emit_with_ack::<Option<u32>>("survey", ()).await.unwrap(), Some(42));
        let id = ann.begin("survey", ()).await;
        while count(&mut bob, "surveys").await == 0 {
            tokio::task::yield_now().await;
        }
        ann.send_text(&format!(r#"{{"cancel":{id}}}"#)).await;
        ann.next().await; // `cancelled`
        bob.expect_nothing().await;
        assert_eq!(count(&mut bob, "surveys").await, 0);
    }
}
