use gateway_core::prelude::*;

#[gateway(namespace = "/chat", crate = 3)]
struct Chat;

#[gateway(namespace = "/talk", crate = "not a path")]
struct Talk;

fn main() {}
