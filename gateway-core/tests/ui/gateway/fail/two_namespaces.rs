use gateway_core::prelude::*;

#[gateway(namespace = "/chat")]
#[gateway(namespace = "/talk")]
struct Chat;

fn main() {}
