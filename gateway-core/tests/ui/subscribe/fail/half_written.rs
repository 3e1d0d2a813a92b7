use gateway_core::prelude::*;
#[gateway(namespace = "/chat")]
struct Chat;
#[gateway]
impl Chat {
    #[subscribe]
    fn a(&self, x: ) -> u8 { 1 }
    #[subscribe]
    fn b(&self) -> u8 { 1 }
}
fn main() {}
