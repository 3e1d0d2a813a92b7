//! A stream as the reply: every item is sent when it is there, until the stream ends or the client has had enough.
//!
//! `cargo run --example stream`, then send `{"event":"countdown","data":3,"id":1}` to `ws://127.0.0.1:3000/stream`;
//! `{"cancel":1}` stops it early.

use std::time::Duration;

use futures_util::stream::{self, Stream};
use gateway_core::prelude::*;

#[gateway(namespace = "/stream")]
struct Streams;

#[gateway]
impl Streams {
    /// Counts down to one, a number each tenth of a second.
    #[subscribe("countdown")]
    fn countdown(&self, Data(from): Data<u32>) -> impl Stream<Item = u32> {
        stream::unfold(from, |n| async move {
            if n == 0 {
                return None;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
            Some((n, n - 1))
        })
    }

    /// Halves a number until it is odd, which is the failure that ends the stream.
    #[subscribe("halve")]
    fn halve(&self, Data(number): Data<u32>) -> impl Stream<Item = Result<u32, Rejection>> {
        stream::unfold(Some(number), |left| async move {
            let number = left?;
            let half = (number % 2 == 0).then_some(number / 2);
            Some((half.ok_or_else(|| Rejection::new("odd", format!("{number} is odd"))), half))
        })
    }
}

#[tokio::main]
async fn main() -> Result<(), StartError> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:3000".to_owned());
    Server::new().serve(address).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_countdown_counts_down_and_ends() {
        let server = Server::empty().gateway::<Streams>().test().await.unwrap();
        let mut ann = server.connect("/stream").await.unwrap();
        let numbers: Vec<u32> = ann.stream("countdown", 3).await.collect().await.unwrap();
        assert_eq!(numbers, [3, 2, 1]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_cancelled_countdown_stops() {
        let server = Server::empty().gateway::<Streams>().test().await.unwrap();
        let mut ann = server.connect("/stream").await.unwrap();
        let mut countdown = ann.stream("countdown", 1000).await;
        assert_eq!(countdown.next::<u32>().await, Some(Ok(1000)));
        countdown.cancel().await;
        let end = countdown.next::<u32>().await.unwrap().unwrap_err();
        assert_eq!(end.code(), Some("cancelled"));
        ann.expect_nothing().await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_ends_the_stream_after_its_items() {
        let server = Server::empty().gateway::<Streams>().test().await.unwrap();
        let mut ann = server.connect("/stream").await.unwrap();
        let mut halves = ann.stream("halve", 12).await;
        assert_eq!(halves.next().await, Some(Ok(6)));
        assert_eq!(halves.next().await, Some(Ok(3)));
        let failure = halves.next::<u32>().await.unwrap().unwrap_err();
        assert_eq!((failure.code(), failure.message()), (Some("odd"), "3 is odd"));
    }
}
