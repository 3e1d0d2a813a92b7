use gateway_core::prelude::*;

#[gateway(namespace = "/chat")]
struct Chat;

#[gateway]
impl Chat {
    #[subscribe]
    fn message(&self) -> impl Future<Output = String> + Send {
        async { String::new() }
    }
}

fn main() {}
