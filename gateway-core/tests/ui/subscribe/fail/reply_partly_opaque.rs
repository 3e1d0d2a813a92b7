use std::fmt::Display;

use gateway_core::prelude::*;

#[gateway(namespace = "/chat")]
struct Chat;

#[gateway]
impl Chat {
    #[subscribe]
    fn message(&self) -> Option<impl Display> {
        Some(3)
    }
}

fn main() {}
