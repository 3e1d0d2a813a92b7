use std::sync::Arc;

use gateway_core::prelude::*;

#[gateway(namespace = "/")]
struct Unit;

#[gateway]
impl Unit {
    #[subscribe]
    fn message(&self) {}
}

#[gateway(namespace = "/tuple")]
struct Tuple(#[inject(default)] u8, Arc<u8>);

#[gateway]
impl Tuple {
    #[subscribe]
    fn sum(&self) -> u8 {
        self.0 + *self.1
    }
}

#[gateway(namespace = "/empty")]
struct Empty {}

#[gateway]
impl Empty {
    #[subscribe]
    fn message(&self) {}
}
