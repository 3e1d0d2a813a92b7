//! Bursts in both directions while connections end at random bytes.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::stream::FuturesOrdered;
use futures_util::{FutureExt, StreamExt};
use gateway_client::{Client, Delays, Events, RequestError, Status};
use gateway_core::prelude::{Data, Namespace, gateway, subscribe};
use gateway_core::serve::Recovery;
use gateway_core::{Server, ServerHandle};
use proptest::collection::vec;
use proptest::prelude::{Strategy, any, prop_assert, prop_assert_eq, proptest};
use proptest::test_runner::{Config, TestCaseError};
use serde::{Deserialize, Serialize};
use tokio::time::sleep;

use crate::memory::{Lifetime, Network, serve};

/// Numbers of the requests and events that reached their handlers.
#[derive(Clone, Default)]
struct Handled {
    requests: Arc<Mutex<Vec<usize>>>,
    events: Arc<Mutex<Vec<usize>>>,
}

#[gateway(namespace = "/burst")]
struct Burst {
    handled: Handled,
}

#[derive(Deserialize, Serialize)]
struct Numbered {
    number: usize,
    padding: String,
}

impl Numbered {
    fn new(number: usize, length: u8) -> Self {
        Self { number, padding: "x".repeat(length.into()) }
    }
}

#[gateway]
impl Burst {
    #[subscribe]
    fn request(&self, Data(request): Data<Numbered>) -> usize {
        self.handled.requests.lock().unwrap().push(request.number);
        request.number
    }

    #[subscribe]
    fn event(&self, Data(event): Data<Numbered>) {
        self.handled.events.lock().unwrap().push(event.number);
    }
}

/// Faults and sizes of one run.
#[derive(Clone, Debug)]
struct Run {
    lifetimes: Vec<Lifetime>,
    /// Lengths of the messages, in each direction.
    lengths: Vec<u8>,
}

fn run() -> impl Strategy<Value = Run> {
    // An upgrade request has about 250 bytes, its answer about 150.
    let lifetime = (0_usize..6000, 0_usize..9000).prop_map(|(to_server, to_client)| Lifetime { to_server, to_client });
    (vec(lifetime, 0..10), vec(any::<u8>(), 1..200)).prop_map(|(lifetimes, lengths)| Run { lifetimes, lengths })
}

fn client(network: &Network) -> Client {
    let delays = Delays { base: Duration::from_millis(100), cap: Duration::from_secs(1), ..Delays::default() };
    network.client("/burst").delays(delays).build().unwrap()
}

/// Pushes the events of the server, with pauses.
async fn push(namespace: Namespace, lengths: Vec<u8>) {
    for (number, length) in lengths.into_iter().enumerate() {
        namespace.emit("pushed", &Numbered::new(number, length));
        if length % 8 == 0 {
            sleep(Duration::from_millis(length.into())).await;
        }
    }
}

/// Sends the requests and events of the client, and returns the outcome of each request.
async fn send(client: &Client, lengths: &[u8]) -> Vec<Result<usize, RequestError>> {
    let (mut requests, mut outcomes) = (FuturesOrdered::new(), Vec::new());
    for (number, &length) in lengths.iter().enumerate() {
        let numbered = Numbered::new(number, length);
        let request = client.request::<usize>("request", &numbered).timeout(Duration::from_mins(10));
        requests.push_back(request.into_future());
        // The request is queued before the event.
        outcomes.extend(requests.next().now_or_never().flatten());
        client.emit("event", &numbered).await.unwrap();
        if length % 16 == 0 {
            sleep(Duration::from_millis(length.into())).await;
        }
    }
    outcomes.extend(requests.collect::<Vec<_>>().await);
    outcomes
}

async fn read(events: &mut Events<Numbered>, count: usize) -> Vec<usize> {
    events.take(count).map(|event| event.unwrap().number).collect().await
}

async fn check(run: Run) -> Result<(), TestCaseError> {
    let Run { lifetimes, lengths } = run;
    let handled = Handled::default();
    let server = Server::empty().gateway::<Burst>().provide(handled.clone()).recovery(Recovery::default());
    let (network, handle): (Network, ServerHandle) = serve(server).await;
    let client = client(&network);
    let mut pushed = client.on::<Numbered>("pushed");
    client.ready().await.unwrap();
    network.set_lifetimes(lifetimes);
    network.cut();

    let pushing = tokio::spawn(push(handle.of("/burst").unwrap(), lengths.clone()));
    let count = lengths.len();
    let (outcomes, received) = tokio::join!(send(&client, &lengths), read(&mut pushed, count));
    pushing.await.unwrap();

    prop_assert_eq!(received, (0..count).collect::<Vec<_>>());
    let requests = handled.requests.lock().unwrap().clone();
    prop_assert!(requests.is_sorted_by(|one, next| one < next), "{requests:?}");
    for (number, outcome) in outcomes.iter().enumerate() {
        match outcome {
            Ok(reply) => prop_assert!(*reply == number && requests.binary_search(&number).is_ok()),
            Err(error) => prop_assert!(matches!(error, RequestError::Disconnected), "{number}: {error}"),
        }
    }
    let events = handled.events.lock().unwrap().clone();
    prop_assert!(events.is_sorted_by(|one, next| one < next), "{events:?}");
    client.ready().await.unwrap();
    let status = client.status();
    prop_assert!(matches!(&status, Status::Open(open) if open.resumed), "{status:?}");
    Ok(())
}

proptest! {
    #![proptest_config(Config { cases: 64, ..Config::default() })]

    #[test]
    fn nothing_is_lost_or_doubled_when_connections_end_in_the_middle_of_a_burst(run in run()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(check(run))?;
    }
}
