use gateway_core::prelude::*;
#[gateway(namespace = "/a")]
struct One<S: Clone>(S);
#[gateway]
impl<S: Clone + Copy + std::fmt::Display> One<S> {
    #[subscribe]
    fn a(&self) {}
}
gateway_core::register!(One<std::rc::Rc<u8>>);
fn main() {}
