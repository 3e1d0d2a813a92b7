//! Suites against a real port in this process: what comes over the wire when a client keeps to the rules, and when it
//! does not. What a client may not notice is tested in memory (`gateway-core/tests`).

mod bursts;
mod config;
mod crowds;
mod deflate;
mod envelopes;
mod event_streams;
mod faults;
mod floods;
mod formats;
mod handshake;
mod leaving;
mod lines;
mod listeners;
mod monitoring;
mod proxy_protocol;
mod refusals;
mod requests;
mod secrets;
mod server;
mod slow;
mod tls;
mod tungstenite;
mod violations;
