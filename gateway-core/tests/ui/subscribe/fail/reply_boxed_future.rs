use gateway_core::prelude::*;
use std::future::Future;
use std::pin::Pin;
#[gateway(namespace = "/c")]
struct C;
#[gateway]
impl C {
    #[subscribe]
    fn a(&self) -> Pin<Box<dyn Future<Output = u8> + Send + '_>> {
        Box::pin(async { 1 })
    }
}
fn main() {}
