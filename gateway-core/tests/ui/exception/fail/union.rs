use gateway_core::prelude::*;

#[derive(Exception)]
union Either {
    one: u8,
    other: i8,
}

fn main() {}
