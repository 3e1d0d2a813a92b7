use gateway_core::prelude::*;

#[gateway(namespace = "/chat")]
struct Chat;

#[gateway]
impl Chat {
    #[on_server_event("reload")]
    fn one(&self) {}

    #[on_server_event("clear", "reload")]
    fn other(&self) {}

    #[subscribe("reload")]
    fn of_a_client(&self) {}
}

fn main() {}
