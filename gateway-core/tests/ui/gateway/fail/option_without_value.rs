use gateway_core::prelude::*;
#[gateway(namespace = "/c", crate = )] struct C { #[inject(with = )] x: u8 }
#[gateway] impl C { #[subscribe("a", concurrency = )] fn a(&self) { } #[subscribe("b", concurrency = +)] fn b(&self) {} }
#[derive(Debug, thiserror::Error, Exception)] #[error("x")] #[exception(code = )] struct E;
#[derive(Event, serde::Serialize)] #[event("x", crate = )] struct V;
fn main() {}
