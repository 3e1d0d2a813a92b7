//! Loads one server and prints what it used: one line of JSON. Ends with 1 when an answer was wrong.
#![allow(clippy::cast_precision_loss, reason = "figures are read to three digits")]

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use gateway_benches::arguments::{command, flag, follow, option, refuse};
use gateway_benches::cluster::{RedisUse, redis_use};
use gateway_benches::load::{
    Across, Audience, Beside, Broadcast, Crossed, Delivered, Echo, Idle, Measured, Node, Polling, Way, Window, Wrong,
    handshakes,
};
use gateway_benches::payload::Shape;
use gateway_benches::process::Process;
use gateway_benches::wire::wires;
use serde_json::{Value, json};

const USAGE: &str = "load WORK --server ADDRESS --pid PID [OPTION]…

  echo         [--payload text:32] [--connections 100] [--in-flight 1] [--neighbours 0]
  ask          as echo
  broadcast    [--payload text:32] [--receivers 1000] [--in-flight 1]
  beside       [--payload text:32] [--receivers 1000] [--slow 0] [--floods 0]: how long broadcasts take to those who
               read, in microseconds: half of them, and 99 of 100
  across       --second ADDRESS --second-pid PID [--payload text:32] [--receivers 1000] [--in-flight 1] [--alone]
               [--redis ADDRESS --redis-pid PID]: the receivers are clients of the second server; alone, they are not
               in the room
  idle         [--connections 10000]
  handshakes   [--connections 2000]
  polling      [--payload text:32] [--connections 100]: Socket.IO by HTTP alone

  [--warm-up 300] and [--measure 1500] say for how many milliseconds; [--wire plain], socket-io or mixed is
  the format; mixed connections speak the two in turn";

fn main() -> ExitCode {
    follow(USAGE, 1);
    match run() {
        Ok(figures) => {
            println!("{figures}");
            ExitCode::SUCCESS
        }
        Err(wrong) => {
            eprintln!("wrong: {wrong}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<Value, Wrong> {
    let wires = wires(&option::<String>("--wire").unwrap_or_else(|| "plain".to_owned()))?;
    let server: SocketAddr = option("--server").unwrap_or_else(|| refuse(USAGE, "`--server` is missing"));
    let process = Process(option("--pid").unwrap_or_else(|| refuse(USAGE, "`--pid` is missing")));
    let shape = option("--payload").unwrap_or(Shape::Text(32));
    let in_flight = option("--in-flight").unwrap_or(1);
    let connections = option("--connections");
    let milliseconds = |name, usual| Duration::from_millis(option(name).unwrap_or(usual));
    let window = Window { warm_up: milliseconds("--warm-up", 300), measured: milliseconds("--measure", 1500) };
    match command().as_deref() {
        Some(way @ ("echo" | "ask")) => {
            let neighbours = option("--neighbours").unwrap_or(0);
            let way = if way == "echo" { Way::Event("echo") } else { Way::Ask };
            let echo = Echo { way, shape, connections: connections.unwrap_or(100), in_flight, neighbours };
            echo.run(wires, server, process, window).map(|measured| figures(&measured))
        }
        Some("broadcast") => {
            let broadcast = Broadcast { shape, receivers: option("--receivers").unwrap_or(1000), in_flight };
            broadcast.run(wires, server, process, window).map(|measured| figures(&measured))
        }
        Some("beside") => {
            let readers = option("--receivers").unwrap_or(1000);
            let count = |name| option(name).unwrap_or(0);
            let (slow, floods) = (count("--slow"), count("--floods"));
            let beside = Beside { shape, readers, slow, floods, lasting: window.measured };
            beside.run(wires, server).map(delivered)
        }
        Some("across") => {
            let second = option("--second").unwrap_or_else(|| refuse(USAGE, "`--second` is missing"));
            let second_process = Process(option("--second-pid").unwrap_or_else(|| refuse(USAGE, "`--second-pid`?")));
            let nodes = [Node { address: server, process }, Node { address: second, process: second_process }];
            let audience = if flag("--alone") { Audience::Alone } else { Audience::Everybody };
            let across = Across { shape, receivers: option("--receivers").unwrap_or(1000), in_flight, audience };
            let redis = option("--redis").zip(option("--redis-pid").map(Process));
            across.run(wires, nodes, window, || read_redis(redis)).map(|crossed| crossings(&across, &crossed))
        }
        Some("idle") => {
            let idle = Idle::run(wires, server, process, connections.unwrap_or(10_000))?;
            let mut figures = figures(&idle.handshakes);
            figures["kib"] = json!(idle.each());
            figures["kept_kib"] = json!(idle.kept());
            figures["base_kib"] = json!(idle.base);
            Ok(figures)
        }
        Some("handshakes") => {
            handshakes(wires, server, process, connections.unwrap_or(2000)).map(|measured| figures(&measured))
        }
        Some("polling") => {
            let polling = Polling { shape, sessions: connections.unwrap_or(100) };
            polling.run(server, process, window).map(|measured| figures(&measured))
        }
        _ => refuse(USAGE, "what to do stands first: echo, ask, broadcast, beside, across, idle, handshakes, polling"),
    }
}

fn delivered(delivered: Delivered) -> Value {
    let Delivered { broadcasts, half, most, flooded } = delivered;
    json!({ "broadcasts": broadcasts, "p50": half.as_micros(), "p99": most.as_micros(), "flooded": flooded })
}

fn read_redis(redis: Option<(SocketAddr, Process)>) -> Result<RedisUse, Wrong> {
    Ok(redis.map(|(address, process)| redis_use(address, process)).transpose()?.unwrap_or_default())
}

/// Figures of one broadcast: CPU in microseconds, bytes into and out of Redis, time of deliveries in microseconds.
fn crossings(across: &Across, crossed: &Crossed<RedisUse>) -> Value {
    let each = |total: f64| total / crossed.broadcasts as f64;
    let us = |duration: Duration| each(duration.as_secs_f64() * 1e6);
    let [before, after] = crossed.read;
    json!({
        "broadcasts": crossed.broadcasts,
        "publisher_us": us(crossed.cpu[0]),
        "receiver_us": us(crossed.cpu[1]),
        "delivery_us": us(crossed.cpu[1]) / across.receivers as f64,
        "redis_us": us(after.cpu.saturating_sub(before.cpu)),
        "redis_in": each((after.bytes_in - before.bytes_in) as f64),
        "redis_out": each((after.bytes_out - before.bytes_out) as f64),
        "p50": crossed.half.as_micros(),
        "p99": crossed.most.as_micros(),
        "disturbed": crossed.waited.as_secs_f64() / crossed.elapsed.as_secs_f64(),
    })
}

fn figures(measured: &Measured) -> Value {
    json!({
        "us": measured.microseconds(),
        "messages": measured.messages,
        "per_second": measured.rate(),
        "disturbed": measured.waited.as_secs_f64() / measured.elapsed.as_secs_f64(),
        "busy": measured.cpu.as_secs_f64() / measured.elapsed.as_secs_f64(),
    })
}
