use gateway_core::prelude::*;

#[derive(Event)]
#[event("disconnect")]
struct Reserved;

#[derive(Event)]
#[event("")]
struct Empty;

#[derive(Event)]
#[event(posted)]
struct Word;

#[derive(Event)]
#[event = "posted"]
struct Assigned;

#[derive(Event)]
#[event("one", "two")]
struct Two;

#[derive(Event)]
#[event("one")]
#[event("two")]
struct Twice;

#[derive(Event)]
#[event(name = "posted")]
struct Named;

fn main() {}
