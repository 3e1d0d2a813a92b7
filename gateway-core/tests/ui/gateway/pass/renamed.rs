//! The crate under another name.
#![allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic)]

pub extern crate gateway_core as framework;

use framework::prelude::*;

mod inner {
    pub use framework as nested;
}

#[derive(serde::Serialize, Event)]
#[event("posted", crate = framework)]
struct Posted;

#[derive(Debug, thiserror::Error, Exception)]
#[error("muted")]
#[exception(crate = "framework")]
struct Muted;

#[gateway(namespace = "/chat", crate = "framework")]
struct Chat;

#[gateway(crate = inner::nested)]
impl Chat {
    #[subscribe]
    async fn message(&self) -> Result<String, Muted> {
        Err(Muted)
    }
}

fn main() {
    let _ = Posted;
}
