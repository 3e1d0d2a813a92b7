//! Devices report over TCP, one JSON object a line, and dashboards hear them over WebSocket.
//!
//! `cargo run --example device` serves WebSocket at `ws://127.0.0.1:3000/devices` and lines at port 3001. By hand:
//! `echo '{"connect":"/devices"}' | nc 127.0.0.1 3001`. A pool of devices that reconnect, in another terminal:
//! `cargo run --example device -- tcp://127.0.0.1:3001/devices`. Stop the server and start it again: all of them come back.

use std::error::Error;
use std::time::Duration;

use gateway_client::{BuildError, Client, Delays, RequestError};
use gateway_core::prelude::*;
use serde::{Deserialize, Serialize};
use tokio::time::interval;

/// A measurement. The same type is the request of a device and the event for those who watch.
#[derive(Clone, Debug, Deserialize, Event, PartialEq, Serialize)]
#[event("measured")]
struct Measured {
    device: String,
    celsius: f64,
}

#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Receipt {
    /// Sockets that heard it.
    watchers: usize,
}

#[gateway(namespace = "/devices")]
struct Devices;

#[gateway]
impl Devices {
    #[subscribe("measured")]
    fn measured(&self, socket: Socket, Data(measured): Data<Measured>) -> Result<Data<Receipt>, Exception> {
        if !measured.celsius.is_finite() || measured.celsius < -273.15 {
            return Err(Exception::new("impossible", "nothing is that cold"));
        }
        Ok(Data(Receipt { watchers: socket.to("watchers").send(measured).queued }))
    }

    #[subscribe("watch")]
    async fn watch(&self, socket: Socket) -> Result<(), Exception> {
        Ok(socket.join("watchers").await?)
    }
}

/// Clients with a connection each, which come back by themselves after a loss.
struct Pool(Vec<Client>);

impl Pool {
    fn connect(url: &str, size: usize) -> Result<Self, BuildError> {
        // Jitter keeps a thousand devices from coming back in the same moment.
        let delays = Delays { base: Duration::from_millis(100), cap: Duration::from_secs(5), ..Delays::default() };
        let clients = (0..size).map(|_| Client::builder(url).delays(delays).build());
        clients.collect::<Result<_, _>>().map(Self)
    }

    /// Reports once for each device. What a loss has swallowed is told again: a measurement may be counted twice.
    async fn report(&self, celsius: f64) -> Result<Vec<Receipt>, RequestError> {
        let mut receipts = Vec::new();
        for (number, client) in self.0.iter().enumerate() {
            let measured = Measured { device: format!("device-{number}"), celsius };
            let receipt = loop {
                match client.request("measured", &measured).await {
                    Err(RequestError::Disconnected) => {}
                    answered => break answered?,
                }
            };
            receipts.push(receipt);
        }
        Ok(receipts)
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let first = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:3000".to_owned());
    if !first.starts_with("tcp://") && !first.starts_with("unix:") {
        let lines = std::env::args().nth(2).unwrap_or_else(|| "127.0.0.1:3001".to_owned());
        return Ok(Server::new().lines(lines).serve(first).await?);
    }
    let pool = Pool::connect(&first, 8)?;
    let mut seconds = interval(Duration::from_secs(1));
    for tenth in 0_u32.. {
        seconds.tick().await;
        let receipts = pool.report(20.0 + f64::from(tenth) / 10.0).await?;
        println!("{} devices reported", receipts.len());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use gateway_core::serve::RunningServer;
    use serde_json::json;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_dashboard_hears_a_device() {
        let server = Server::empty().gateway::<Devices>().test().await.unwrap();
        let mut dashboard = server.connect("/devices").await.unwrap();
        dashboard.emit_with_ack::<()>("watch", ()).await.unwrap();
        let mut device = server.connect_tcp("/devices").await.unwrap();
        let measured = Measured { device: "a".into(), celsius: 21.5 };
        let receipt: Receipt = device.emit_with_ack("measured", json!(measured)).await.unwrap();
        assert_eq!(receipt, Receipt { watchers: 1 });
        assert_eq!(dashboard.expect::<Measured>().await, measured);
        let frozen = json!({"device": "a", "celsius": -300.0});
        let refused = device.emit_with_ack::<Receipt>("measured", frozen).await.unwrap_err();
        assert_eq!(refused.code(), Some("impossible"));
    }

    async fn serve(lines: &str) -> RunningServer {
        Server::empty().gateway::<Devices>().lines(lines).start("127.0.0.1:0").await.unwrap()
    }

    #[tokio::test]
    async fn every_device_of_a_pool_comes_back_after_a_restart() {
        let server = serve("127.0.0.1:0").await;
        let address = server.lines_addrs()[0].to_string();
        let pool = Pool::connect(&format!("tcp://{address}/devices"), 4).unwrap();
        assert_eq!(pool.report(20.0).await.unwrap().len(), 4);
        assert_eq!(server.handle().of("/devices").unwrap().count(), 4);
        server.stop().await;
        let server = serve(&address).await;
        assert_eq!(pool.report(21.0).await.unwrap().len(), 4);
        assert_eq!(server.handle().of("/devices").unwrap().count(), 4);
        for client in &pool.0 {
            client.close().await;
        }
        server.stop().await;
    }
}
