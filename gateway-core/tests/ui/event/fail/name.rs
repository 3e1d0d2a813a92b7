use gateway_core::prelude::*;

#[derive(serde::Serialize, Event)]
#[event("disconnect")]
struct Reserved;

#[derive(serde::Serialize, Event)]
#[event("")]
struct Empty;

#[derive(serde::Serialize, Event)]
#[event(posted)]
struct Word;

#[derive(serde::Serialize, Event)]
#[event = "posted"]
struct Assigned;

#[derive(serde::Serialize, Event)]
#[event("one", "two")]
struct Two;

#[derive(serde::Serialize, Event)]
#[event("one")]
#[event("two")]
struct Twice;

#[derive(serde::Serialize, Event)]
#[event(name = "posted")]
struct Named;

fn main() {}
