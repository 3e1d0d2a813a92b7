use gateway_core::prelude::*;

#[gateway(namespace = 3)]
struct Number;

#[gateway(namespace = chat)]
struct Word;

#[gateway(namespace)]
struct Bare;

#[gateway("/chat")]
struct Nameless;

#[gateway(namespace: "/chat")]
struct Colon;

fn main() {}
