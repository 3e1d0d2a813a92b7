use gateway_core::prelude::*;

#[derive(serde::Serialize, Event)]
struct Posted;

fn main() {}
