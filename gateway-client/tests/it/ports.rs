//! Clients on real ports: through a network that misbehaves, and with TLS.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::join_all;
use gateway_client::{Client, Delays, RequestError, Status};
use gateway_core::Server;
use gateway_core::prelude::{Data, Namespace, gateway, subscribe};
use gateway_core::serve::{Endpoint, LocalAddr, Recovery, RunningServer};
use gateway_tests::{Proxy, Weather};
use tokio::time::{sleep, timeout};

/// Longer than anything takes here: a hang becomes a failure that names its line.
const PATIENCE: Duration = Duration::from_secs(30);

/// Numbers of the requests that were handled.
#[derive(Clone, Default)]
struct Handled(Arc<Mutex<Vec<usize>>>);

#[gateway(namespace = "/port")]
struct Port {
    handled: Handled,
}

#[gateway]
impl Port {
    #[subscribe]
    fn number(&self, namespace: Namespace, Data(number): Data<usize>) -> usize {
        self.handled.0.lock().unwrap().push(number);
        namespace.emit("numbered", &number);
        number
    }

    #[subscribe]
    fn echo(&self, Data(text): Data<String>) -> String {
        text
    }
}

async fn started(endpoint: Endpoint) -> (RunningServer, SocketAddr, Handled) {
    let handled = Handled::default();
    let server = Server::empty().gateway::<Port>().provide(handled.clone()).recovery(Recovery::default());
    let server = server.lines("127.0.0.1:0").start(endpoint).await.unwrap();
    let LocalAddr::Tcp(address) = *server.local_addr() else { panic!("not TCP") };
    (server, address, handled)
}

/// Where the server takes lines.
fn of_lines(server: &RunningServer) -> SocketAddr {
    server.lines_addrs()[0].as_tcp().unwrap()
}

fn builder(address: SocketAddr) -> gateway_client::ClientBuilder {
    builder_at(format!("ws://{address}/port"))
}

fn builder_at(url: String) -> gateway_client::ClientBuilder {
    let delays = Delays { base: Duration::from_millis(5), cap: Duration::from_millis(20), ..Delays::default() };
    Client::builder(url).delays(delays)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_survives_a_network_that_resets_and_delays() {
    let (_server, address, handled) = started(Endpoint::from("127.0.0.1:0")).await;
    survive_a_burst("ws", address, handled).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_survives_such_a_network_over_lines() {
    let (server, _, handled) = started(Endpoint::from("127.0.0.1:0")).await;
    survive_a_burst("tcp", of_lines(&server), handled).await;
}

async fn survive_a_burst(scheme: &str, address: SocketAddr, handled: Handled) {
    let proxy = Proxy::to(address).await;
    let client = builder_at(format!("{scheme}://{}/port", proxy.address())).build().unwrap();
    let mut numbered = client.on::<usize>("numbered");
    client.ready().await.unwrap();
    let weather = [
        Weather::Reset,
        Weather::Split(3),
        Weather::Reset,
        Weather::Fair,
        Weather::Slow { piece: 100, every: Duration::from_millis(1) },
        Weather::Reset,
        Weather::Delayed(Duration::from_millis(3)),
        Weather::Reset,
    ];
    let sent = async {
        let mut requests = Vec::new();
        for (number, weather) in (0..400).zip(weather.into_iter().cycle()) {
            requests.push(tokio::spawn(client.request::<usize>("number", &number).into_future()));
            if number % 10 == 0 {
                proxy.turn(weather);
                sleep(Duration::from_millis(2)).await;
                if weather == Weather::Reset {
                    proxy.turn(Weather::Fair);
                }
            }
        }
        proxy.turn(Weather::Fair);
        join_all(requests).await
    };
    let outcomes = timeout(PATIENCE, sent).await.unwrap();
    client.request::<usize>("number", &1000).await.unwrap();

    let handled = handled.0.lock().unwrap().clone();
    let mut received = Vec::new();
    while received.last() != Some(&1000) {
        received.push(timeout(PATIENCE, numbered.next()).await.unwrap().unwrap().unwrap());
    }
    // Each handled request was announced: the events are the server's list, in its order, each once.
    assert_eq!(received, handled);
    let mut sorted = handled.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(sorted.len(), handled.len(), "a request was handled twice");
    let mut answered = 0;
    for (number, outcome) in outcomes.into_iter().enumerate() {
        match outcome.unwrap() {
            Ok(reply) => {
                assert!(reply == number && sorted.binary_search(&number).is_ok());
                answered += 1;
            }
            Err(error) => assert!(matches!(error, RequestError::Disconnected), "{number}: {error}"),
        }
    }
    assert!(answered > 0);
    assert!(matches!(client.status(), Status::Open(open) if open.resumed));
}

#[tokio::test(flavor = "multi_thread")]
async fn large_messages_flow_in_both_directions_at_once() {
    let (server, address, _) = started(Endpoint::from("127.0.0.1:0")).await;
    for url in [format!("ws://{address}/port"), format!("tcp://{}/port", of_lines(&server))] {
        let client = builder_at(url).connect().await.unwrap();
        let text = "x".repeat(200_000);
        let replies = futures_util::stream::iter(0..50).map(|_| client.request::<String>("echo", &text).into_future());
        let lengths: Vec<usize> =
            timeout(PATIENCE, replies.buffered(40).map(|reply| reply.unwrap().len()).collect()).await.unwrap();
        assert_eq!(lengths, [200_000; 50]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stops_is_found_again() {
    let (server, address, _) = started(Endpoint::from("127.0.0.1:0")).await;
    let client = builder(address).connect().await.unwrap();
    let lines = of_lines(&server);
    let device = builder_at(format!("tcp://{lines}/port")).connect().await.unwrap();
    let mut of_device = device.watch();
    server.stop().await;
    let gone = timeout(PATIENCE, of_device.wait_for(|status| matches!(status, Status::Waiting(_)))).await.unwrap();
    assert!(matches!(&*gone.unwrap(), Status::Waiting(waiting) if waiting.code == 1001 || waiting.code == 1006));
    let mut status = client.watch();
    let waiting = timeout(PATIENCE, status.wait_for(|status| matches!(status, Status::Waiting(_)))).await.unwrap();
    assert!(matches!(&*waiting.unwrap(), Status::Waiting(waiting) if waiting.code == 1001 || waiting.code == 1006));
    let (_server, ..) = started(Endpoint::from(&*address.to_string())).await;
    timeout(PATIENCE, client.ready()).await.unwrap().unwrap();
    assert!(matches!(client.status(), Status::Open(open) if !open.resumed && open.reconnected));
}

#[cfg(feature = "tls")]
#[tokio::test(flavor = "multi_thread")]
async fn a_server_is_trusted_by_its_certificate() {
    use gateway_client::{ConnectError, Tls, TlsError};
    use rcgen::{CertifiedKey, generate_simple_self_signed};

    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let folder = tempfile::TempDir::new().unwrap();
    let (certificate, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    std::fs::write(&certificate, cert.pem()).unwrap();
    std::fs::write(&key, signing_key.serialize_pem()).unwrap();
    let tls = gateway_core::tls::Tls::from_pem_files(&certificate, &key).unwrap();
    let (_server, address, _) = started(Endpoint::tls("127.0.0.1:0", tls)).await;
    let url = format!("wss://localhost:{}/port", address.port());

    let trusting = Client::builder(&url).tls(Tls::trusting(cert.pem().as_bytes()).unwrap());
    let client = timeout(PATIENCE, trusting.connect()).await.unwrap().unwrap();
    assert_eq!(client.request::<String>("echo", "hi").await.unwrap(), "hi");

    let other = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let suspicious = Client::builder(&url).tls(Tls::trusting(other.cert.pem().as_bytes()).unwrap()).build().unwrap();
    suspicious.try_emit("echo", "hi").unwrap();
    let mut status = suspicious.watch();
    let waiting = timeout(PATIENCE, status.wait_for(|status| matches!(status, Status::Waiting(_)))).await.unwrap();
    let Status::Waiting(waiting) = waiting.unwrap().clone() else { unreachable!() };
    assert!(matches!(waiting.error, Some(ConnectError::Io(_))), "{waiting:?}");

    assert!(matches!(Tls::trusting(b"no certificate"), Err(TlsError::Pem(_))));
    assert!(matches!(Tls::with_certificate(cert.pem().as_bytes(), b"", b""), Err(TlsError::Pem(_))));
}

#[cfg(not(feature = "tls"))]
#[tokio::test]
async fn wss_without_its_feature_closes_the_client_and_says_why() {
    let Err(error) = Client::connect("wss://localhost/").await else { panic!("connected") };
    assert!(error.to_string().contains("feature `tls`"), "{error}");
}
