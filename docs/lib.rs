//! The guide's pages as doctests: a Rust block that does not compile, or whose test fails, fails `cargo test -p gateway-book`.
//! `build.rs` joins blocks that continue others, and takes out what `tests/blocks.rs` runs in one program.

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}

macro_rules! pages {
    ($($name:ident: $file:literal;)*) => {$(
        #[cfg(doctest)]
        #[doc = include_str!(concat!(env!("OUT_DIR"), "/", $file))]
        mod $name {}
    )*};
}

pages! {
    getting_started: "getting-started.md";
    clients: "clients.md";
    contract: "contract.md";
    contract_changes: "contract-changes.md";
    gateways: "gateways.md";
    events: "events.md";
    arguments: "arguments.md";
    validation: "validation.md";
    pipeline: "pipeline.md";
    connections: "connections.md";
    serving: "serving.md";
    lines: "lines.md";
    cluster: "cluster.md";
    operations: "operations.md";
    tracing: "tracing.md";
    deploy: "deploy.md";
    limits: "limits.md";
    socket_io: "socket-io.md";
    engine_io: "engine-io.md";
    testing: "testing.md";
    macros: "macros.md";
    protocol: "protocol.md";
    server_sent_events: "server-sent-events.md";
    from_nestjs: "from-nestjs.md";
    from_socket_io: "from-socket-io.md";
}
