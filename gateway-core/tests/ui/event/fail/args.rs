use gateway_core::prelude::*;

#[derive(serde::Serialize, Event)]
#[event("moved", args)]
struct Named {
    x: u32,
    y: u32,
}

#[derive(serde::Serialize, Event)]
#[event("moved", args)]
struct One(u32);

#[derive(serde::Serialize, Event)]
#[event("moved", args)]
enum Either {
    Left,
    Right,
}

#[derive(serde::Serialize, Event)]
#[event("moved", args = true)]
struct Given(u32, u32);

#[derive(serde::Serialize, Event)]
#[event("moved", arg)]
struct Misspelt(u32, u32);

fn main() {}
