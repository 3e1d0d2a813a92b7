use gateway_core::prelude::*;

#[derive(Event)]
struct Posted;

fn main() {}
