use gateway_core::prelude::*;

#[gateway(namspace = "/chat")]
struct Chat;

#[gateway(namespace = "/chat", rooms = 3)]
struct Rooms;

#[gateway(namespace = "/chat", namespace = "/talk")]
struct Twice;

fn main() {}
