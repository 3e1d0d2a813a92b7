//! The long commands, for a few seconds: that they work, and that they find what they are made to find.

use std::net::TcpListener;
use std::process::Command;
use std::time::Duration;

use gateway_benches::load::{Beside, Soak, Watcher};
use gateway_benches::payload::Shape;
use gateway_benches::side_by_side::{Running, Spec};
use gateway_benches::wire::wires;
use serde_json::Value;

#[test]
fn nothing_is_kept_of_connections_that_come_and_go() {
    let monitoring = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let spec = Spec::new("server", env!("CARGO_BIN_EXE_grown")).with(&format!("--monitoring {}", monitoring.port()));
    let server = Running::start(&spec).unwrap();
    let soak = Soak { connections: 40, lasting: Duration::ZERO };
    let soaked = soak.run(wires("mixed").unwrap(), server.address, Watcher(monitoring)).unwrap();
    println!("{soaked:?}");
    assert_eq!(soaked.rounds, 5);
    assert!((soaked.open.0 - soaked.open.1).abs() < 0.5, "{soaked:?}");
}

#[test]
fn a_gauge_that_stays_is_found() {
    let monitoring = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let spec = Spec::new("server", env!("CARGO_BIN_EXE_grown")).with(&format!("--monitoring {}", monitoring.port()));
    let server = Running::start(&spec).unwrap();
    let mut crowd = gateway_benches::load::Crowd::new(wires("plain").unwrap()).unwrap();
    crowd.grow(server.address, 3).unwrap();
    crowd.settle().unwrap();
    let figures = Watcher(monitoring).look().unwrap();
    assert!(figures.above_zero().contains(&"gateway_connections"), "{figures:?}");
    assert!((figures.value("gateway_connections") - 3.0).abs() < 0.5);
}

#[test]
fn all_come_back_when_their_server_does() {
    let output = Command::new(env!("CARGO_BIN_EXE_avalanche"))
        .args(["--clients", "200", "--processes", "2", "--program", env!("CARGO_BIN_EXE_grown")])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    println!("{text}");
    let figures: Value = serde_json::from_str(text.trim()).unwrap();
    assert_eq!((figures["back"].as_u64(), figures["errors"].as_u64()), (Some(200), Some(0)), "{figures}");
    assert!(output.status.success());
}

#[test]
fn broadcasts_are_measured_beside_slow_readers_and_a_flood() {
    let server = Running::start(&Spec::new("server", env!("CARGO_BIN_EXE_grown"))).unwrap();
    let beside =
        Beside { shape: Shape::Text(64), readers: 20, slow: 2, floods: 1, lasting: Duration::from_millis(200) };
    let delivered = beside.run(wires("mixed").unwrap(), server.address).unwrap();
    println!("{delivered:?}");
    assert!(delivered.broadcasts > 0 && delivered.flooded > 0 && delivered.half <= delivered.most, "{delivered:?}");
}
