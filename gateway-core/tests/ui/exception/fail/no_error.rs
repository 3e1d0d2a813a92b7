use gateway_core::prelude::*;

#[derive(Exception)]
enum ChatError {
    Muted,
}

#[derive(Exception)]
#[exception(code = "internal", hide)]
struct Broken;

fn main() {}
