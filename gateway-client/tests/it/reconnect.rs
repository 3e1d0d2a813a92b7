//! Losses and what follows: waits, resumed sessions, queues, and ends.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use gateway_client::{Bounds, Client, ConnectError, Delays, Open, RequestError, SendError, Status};
use gateway_core::prelude::{Ack, Data, Namespace, Socket, gateway, on_connect, subscribe};
use gateway_core::serve::Recovery;
use gateway_core::{CloseCode, Disconnect, Server, ServerHandle};
use tokio::time::{Instant, sleep, timeout};

use crate::memory::{Network, serve};

#[gateway(namespace = "/chat")]
struct Chat;

#[gateway]
impl Chat {
    #[on_connect]
    fn joined(&self, socket: Socket) {
        if !socket.is_recovered() {
            let _ = socket.emit("new", &());
        }
    }

    #[subscribe]
    fn say(&self, namespace: Namespace, Data(number): Data<u32>) -> u32 {
        namespace.emit("said", &number);
        number
    }

    #[subscribe]
    async fn never(&self, _ack: Ack) {
        std::future::pending::<()>().await;
    }

    #[subscribe]
    fn end(&self, socket: Socket, Data((code, reason)): Data<(u16, String)>) {
        socket.disconnect(Disconnect::new(CloseCode::new(code), reason));
    }
}

async fn recovering() -> (Network, ServerHandle) {
    serve(Server::empty().gateway::<Chat>().recovery(Recovery::default())).await
}

async fn opened(client: &Client) -> Open {
    let mut status = client.watch();
    let open = status.wait_for(|status| matches!(status, Status::Open(_))).await.unwrap();
    let Status::Open(open) = &*open else { unreachable!() };
    open.clone()
}

async fn lost(client: &Client) {
    client.watch().wait_for(|status| matches!(status, Status::Waiting(_))).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn missed_events_arrive_in_order_and_once() {
    let (network, server) = recovering().await;
    let client = network.client("/chat").build().unwrap();
    let mut said = client.on::<u32>("said");
    client.ready().await.unwrap();
    let before = opened(&client).await;
    assert!(!before.resumed && !before.reconnected);
    for round in 0..3 {
        let namespace = server.of("/chat").unwrap();
        namespace.emit("said", &(round * 10));
        assert_eq!(said.next().await.unwrap().unwrap(), round * 10);
        network.cut();
        lost(&client).await;
        for number in 1..10 {
            namespace.emit("said", &(round * 10 + number));
        }
        for number in 1..10 {
            assert_eq!(said.next().await.unwrap().unwrap(), round * 10 + number);
        }
        let after = opened(&client).await;
        assert!(after.resumed && after.reconnected && after.id == before.id, "{after:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_without_recovery_has_a_new_socket() {
    let (network, _server) = serve(Server::empty().gateway::<Chat>()).await;
    let client = network.client("/chat").build().unwrap();
    let mut new = client.on::<()>("new");
    client.ready().await.unwrap();
    let before = opened(&client).await;
    assert_eq!(client.resumption(), None);
    network.cut();
    lost(&client).await;
    let after = opened(&client).await;
    assert!(!after.resumed && after.reconnected && after.id != before.id, "{after:?}");
    for _ in 0..2 {
        new.next().await.unwrap().unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn another_client_goes_on_from_the_place_of_the_first() {
    let (network, server) = recovering().await;
    let first = network.client("/chat").connect().await.unwrap();
    first.request::<u32>("say", &1).await.unwrap();
    let place = first.resumption().unwrap();
    assert!(!format!("{place:?}").contains(&place.token));
    network.set_down(true);
    network.cut();
    lost(&first).await;
    server.of("/chat").unwrap().emit("said", &2);
    network.set_down(false);
    let second = network.client("/chat").resume_from(place).build().unwrap();
    let mut said = second.on::<u32>("said");
    second.ready().await.unwrap();
    assert_eq!(said.next().await.unwrap().unwrap(), 2);
    assert!(opened(&second).await.resumed);
}

#[tokio::test(start_paused = true)]
async fn what_was_sent_fails_and_what_waits_is_sent() {
    let (network, _server) = recovering().await;
    let client = network.client("/chat").connect().await.unwrap();
    let never = tokio::spawn(client.request::<()>("never", &()).into_future());
    let mut stream = client.stream::<u32>("never", &());
    assert!(timeout(Duration::from_secs(1), stream.next()).await.is_err());
    network.set_down(true);
    network.cut();
    assert!(matches!(never.await.unwrap(), Err(RequestError::Disconnected)));
    assert!(matches!(stream.next().await, Some(Err(RequestError::Disconnected))));
    assert!(stream.next().await.is_none());
    let waiting = tokio::spawn(client.request::<u32>("say", &7).into_future());
    let dropped = client.request::<u32>("say", &8).timeout(Duration::from_millis(1)).await;
    assert!(matches!(dropped, Err(RequestError::Timeout)));
    let mut said = client.on::<u32>("said");
    network.set_down(false);
    assert_eq!(waiting.await.unwrap().unwrap(), 7);
    client.request::<u32>("say", &9).await.unwrap();
    assert_eq!([said.next().await.unwrap().unwrap(), said.next().await.unwrap().unwrap()], [7, 9]);
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_holds_senders_until_there_is_a_connection() {
    let (network, _server) = recovering().await;
    network.set_down(true);
    let bounds = Bounds { queue: 1000, ..Bounds::default() };
    let client = network.client("/chat").bounds(bounds).build().unwrap();
    let mut said = client.on::<u32>("said");
    let mut queued = 0;
    while client.try_emit("say", &queued).is_ok() {
        queued += 1;
    }
    // 24 bytes of text, and 64 for each message.
    assert_eq!(queued, 11);
    assert!(matches!(client.try_emit("say", &0), Err(SendError::Full)));
    assert!(!client.emit_volatile("say", &0).unwrap());
    assert!(timeout(Duration::from_secs(5), client.emit("say", &99)).await.is_err(), "dropped: it is not sent");
    network.set_down(false);
    for number in 11..500 {
        client.emit("say", &number).await.unwrap();
    }
    for number in 0..500 {
        assert_eq!(said.next().await.unwrap().unwrap(), number);
    }
    assert!(client.emit_volatile("say", &500).unwrap());
    assert_eq!(said.next().await.unwrap().unwrap(), 500);
}

#[tokio::test(start_paused = true)]
async fn close_codes_and_reasons_decide_about_the_next_attempt() {
    let (network, _server) = recovering().await;
    let range = |from, to| Some(Duration::from_millis(from)..=Duration::from_millis(to));
    for (code, reason, wait) in [
        (1001, "", range(0, 500)),
        (1012, "service restart, retry after 3000 ms", range(3000, 3500)),
        (4000, "retry after 60000 ms", range(60_000, 60_500)),
        (4499, "retry after 5 m", range(0, 500)),
        (3000, "", range(0, 500)),
        (1000, "", None),
        (1008, "retry after 10 ms", None),
        (3500, "", None),
        (4500, "", None),
        (4501, "disconnected", None),
        (4502, "expired", None),
    ] {
        let client = network.client("/chat").connect().await.unwrap();
        client.emit("end", &(code, reason)).await.unwrap();
        let settled = |status: &Status| matches!(status, Status::Waiting(_) | Status::Closed(_));
        let status = client.watch().wait_for(settled).await.unwrap().clone();
        match (status, wait) {
            (Status::Waiting(waiting), Some(wait)) => {
                let lost = Instant::now();
                assert!(wait.contains(&(waiting.retry_at - lost)), "{code} {reason}: {waiting:?}");
                assert_eq!((waiting.code, &*waiting.reason, waiting.attempt), (code, reason, 1));
                opened(&client).await;
                assert!(lost.elapsed() >= *wait.start(), "{code} {reason}");
            }
            (Status::Closed(closed), None) => assert_eq!((closed.code, &*closed.reason), (code, reason)),
            (status, _) => panic!("{code} {reason}: {status:?}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn new_credentials_are_asked_for_before_each_attempt() {
    let (network, _server) = recovering().await;
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let credentials = move || {
        let call = counted.fetch_add(1, Ordering::Relaxed);
        async move { if call == 0 { Err(io::Error::other("no token")) } else { Ok(call) } }
    };
    let client = network.client("/chat").auth_with(credentials).build().unwrap();
    let waiting = tokio::spawn({
        let client = client.clone();
        async move { lost(&client).await }
    });
    client.ready().await.unwrap();
    waiting.await.unwrap();
    assert_eq!(calls.load(Ordering::Relaxed), 2);
    client.emit("end", &(4502, "expired")).await.unwrap();
    lost(&client).await;
    opened(&client).await;
    assert_eq!(calls.load(Ordering::Relaxed), 3);
}

#[tokio::test(start_paused = true)]
async fn waits_grow_while_there_is_no_server_and_a_person_can_end_one() {
    let (network, _server) = recovering().await;
    network.set_down(true);
    let delays = Delays { base: Duration::from_secs(1), cap: Duration::from_secs(8), ..Delays::default() };
    let client = network.client("/chat").delays(delays).build().unwrap();
    let mut status = client.watch();
    assert!(timeout(Duration::from_secs(100), client.ready()).await.is_err());
    let waiting = status.wait_for(|status| matches!(status, Status::Waiting(_))).await.unwrap().clone();
    let Status::Waiting(waiting) = waiting else { unreachable!() };
    assert!(waiting.attempt > 10 && waiting.retry_at - Instant::now() <= Duration::from_secs(8), "{waiting:?}");
    assert!(matches!(waiting.error, Some(ConnectError::Io(_))));
    network.set_down(false);
    let start = Instant::now();
    client.retry();
    client.ready().await.unwrap();
    assert_eq!(start.elapsed(), Duration::ZERO);
    client.retry();
    sleep(Duration::from_secs(1)).await;
    assert!(matches!(client.status(), Status::Open(_)));
}

#[tokio::test(start_paused = true)]
async fn a_client_is_closed_in_every_state() {
    let (network, _server) = recovering().await;
    let unused = network.client("/chat").build().unwrap();
    assert_eq!(unused.close().await.code, 1000);
    network.set_down(true);
    let waiting = network.client("/chat").build().unwrap();
    waiting.try_emit("say", &1).unwrap();
    lost(&waiting).await;
    let request = tokio::spawn(waiting.request::<()>("say", &1).into_future());
    tokio::task::yield_now().await;
    let start = Instant::now();
    assert_eq!(waiting.close().await.code, 1000);
    assert_eq!(request.await.unwrap().unwrap_err().code(), "closed");
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert_eq!(waiting.resumption(), None);
}

#[tokio::test(start_paused = true)]
async fn an_unknown_namespace_closes_the_client() {
    let (network, _server) = recovering().await;
    let Err(error) = network.client("/nowhere").connect().await else { panic!("connected") };
    let text = error.to_string();
    assert!(text.contains("404") && text.contains("/chat"), "{text}");
}
