use gateway_core::prelude::*;

#[gateway(namespace = "/chat")]
enum Chat {
    One,
}

#[gateway(namespace = "/chat")]
async fn chat() {}

#[gateway(namespace = "/chat")]
pub trait Talk {}

// Whose attribute has been told of already.
#[gateway]
impl Chat {
    #[subscribe]
    fn message(&self) {}
}

fn main() {}
