//! For daily work: an echo and a broadcast through the in-memory server. Relative figures of one machine; what counts is
//! `instructions.sh` and `compare`.

#![allow(missing_docs, reason = "criterion's macros write functions")]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use gateway_core::prelude::*;
use serde_json::{Value, value::RawValue};
use tokio::runtime::{Builder, Runtime};

#[gateway(namespace = "/")]
struct Bench;

#[gateway]
impl Bench {
    #[on_connect]
    async fn connected(&self, socket: Socket) -> Result<(), ConnectRejection> {
        Ok(socket.join("everybody").await?)
    }

    #[subscribe]
    fn echo(&self, data: Data<Box<RawValue>>) -> Data<Box<RawValue>> {
        data
    }

    #[subscribe]
    fn broadcast(&self, namespace: Namespace, Data(data): Data<Box<RawValue>>) {
        namespace.to("everybody").emit("broadcast", &data);
    }
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime")
}

fn echo(criterion: &mut Criterion) {
    let runtime = runtime();
    let server = runtime.block_on(Server::empty().gateway::<Bench>().test()).expect("a server");
    let mut client = runtime.block_on(server.connect("/").into_future()).expect("a client");
    criterion.bench_function("echo in memory", |bencher| {
        bencher.iter(|| runtime.block_on(client.emit_with_ack::<Value>("echo", "a text of thirty-two bytes or so")));
    });
}

fn broadcast(criterion: &mut Criterion) {
    let runtime = runtime();
    let server = runtime.block_on(Server::empty().gateway::<Bench>().test()).expect("a server");
    let connect = || runtime.block_on(server.connect("/").into_future()).expect("a client");
    let mut clients: Vec<_> = (0..100).map(|_| connect()).collect();
    let mut group = criterion.benchmark_group("broadcast in memory");
    group.throughput(Throughput::Elements(clients.len() as u64));
    group.bench_function("to 100", |bencher| {
        bencher.iter(|| {
            runtime.block_on(async {
                clients[0].emit("broadcast", "a text of thirty-two bytes or so").await;
                for client in &mut clients {
                    client.expect_named("broadcast").await;
                }
            });
        });
    });
}

criterion_group!(benches, echo, broadcast);
criterion_main!(benches);
