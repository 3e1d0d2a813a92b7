use gateway_core::prelude::*;
#[gateway(namespace = "/c")]
struct C;
#[gateway]
impl C {
    #[subscribe]
    fn a(&self, _x: Option<Data<u8>>) {}
    #[subscribe]
    fn b(&self, _x: Option<Auth<u8>>) {}
}
fn main() {}
