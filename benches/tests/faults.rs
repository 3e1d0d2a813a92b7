//! The load generator itself is checked: a server that drops, doubles, alters or swaps one message in 5000 fails the run.

use std::time::Duration;

use gateway_benches::load::{Broadcast, Echo, Measured, Way, Window, Wrong};
use gateway_benches::payload::Shape;
use gateway_benches::side_by_side::{Running, Spec};
use gateway_benches::wire::wires;

const SHORT: Window = Window { warm_up: Duration::ZERO, measured: Duration::from_millis(300) };
/// Long enough for 5000 messages on the busiest machine; a fault ends it at once.
const UNTIL_STRUCK: Window = Window { warm_up: Duration::ZERO, measured: Duration::from_mins(1) };
const FORMATS: [&str; 2] = ["plain", "socket-io"];
const WAYS: [Way; 2] = [Way::Event("echo"), Way::Ask];

fn floor(arguments: &str) -> Running {
    Running::start(&Spec::new("floor", env!("CARGO_BIN_EXE_floor")).with(arguments)).expect("the floor starts")
}

fn echo(arguments: &str, shape: Shape, format: &str, way: Way, window: Window) -> Result<Measured, Wrong> {
    let server = floor(arguments);
    let echo = Echo { way, shape, connections: 20, in_flight: 4, neighbours: 5 };
    echo.run(wires(format)?, server.address, server.process(), window)
}

fn broadcast(arguments: &str, format: &str, window: Window) -> Result<Measured, Wrong> {
    let server = floor(arguments);
    let broadcast = Broadcast { shape: Shape::Text(32), receivers: 20, in_flight: 3 };
    broadcast.run(wires(format)?, server.address, server.process(), window)
}

#[test]
fn an_honest_server_passes() {
    for arguments in ["", "--batched"] {
        for format in FORMATS {
            for way in WAYS {
                assert!(echo(arguments, Shape::Text(32), format, way, SHORT).unwrap().messages > 0);
                assert!(echo(arguments, Shape::Object(1024), format, way, SHORT).unwrap().messages > 0);
            }
            assert!(broadcast(arguments, format, SHORT).unwrap().messages > 0);
        }
    }
}

#[test]
fn one_wrong_echo_in_5000_fails() {
    for fault in ["--drop 5000", "--double 5000", "--alter 5000", "--swap 5000"] {
        for shape in [Shape::Text(32), Shape::Text(1024), Shape::Object(1024)] {
            check_echo(fault, shape, "plain", Way::Event("echo"));
        }
        check_echo(fault, Shape::Text(32), "plain", Way::Ask);
        for way in WAYS {
            check_echo(fault, Shape::Text(32), "socket-io", way);
        }
    }
}

fn check_echo(fault: &str, shape: Shape, format: &str, way: Way) {
    let wrong = echo(fault, shape, format, way, UNTIL_STRUCK).expect_err(fault);
    assert!(wrong.0.contains("lost, doubled, altered or out of place"), "{fault}, {format}, {way:?}: {wrong}");
}

#[test]
fn one_wrong_broadcast_in_5000_deliveries_fails() {
    // Faults strike what the server reads: each 250th broadcast to 20 is each 5000th delivery.
    for fault in ["--drop 250", "--double 250", "--alter 250", "--swap 250"] {
        for format in FORMATS {
            let wrong = broadcast(fault, format, UNTIL_STRUCK).expect_err(fault);
            assert!(wrong.0.contains("lost, doubled, altered or out of place"), "{fault}, {format}: {wrong}");
        }
    }
}

#[test]
fn a_last_answer_that_comes_twice_fails() {
    let server = floor("--double 1");
    let echo = Echo { way: Way::Event("echo"), shape: Shape::Text(32), connections: 1, in_flight: 1, neighbours: 0 };
    let window = Window { warm_up: Duration::ZERO, measured: Duration::ZERO };
    assert!(echo.run(wires("plain").unwrap(), server.address, server.process(), window).is_err());
}
