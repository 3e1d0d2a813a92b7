use gateway_core::prelude::*;
#[gateway(namespace = "/chat")]
struct Chat { a: u8, b: }
#[gateway]
impl Chat {
    #[subscribe]
    fn b(&self) -> u8 { self.a }
}
fn main() {}
