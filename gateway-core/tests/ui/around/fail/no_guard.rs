use gateway_core::prelude::*;

#[derive(Default)]
struct User;

#[gateway(namespace = "/chat")]
#[guard(User)]
#[intercept(User)]
#[filter(User)]
struct Chat;

#[gateway]
impl Chat {
    #[subscribe]
    #[guard(User {})]
    fn message(&self) {}
}

fn main() {
    let _ = Server::empty().guard(User);
}
