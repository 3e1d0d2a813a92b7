use gateway_core::prelude::*;
trait Store: Clone + Send + Sync + 'static {}
#[gateway(namespace = "/a")]
struct One<S: Store>(S);
#[gateway]
impl<S: Store> One<S> {
    #[subscribe]
    fn a(&self) {}
}
gateway_core::register!(One<u8>);
fn main() {}
