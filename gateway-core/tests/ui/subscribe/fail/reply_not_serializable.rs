use gateway_core::prelude::*;

struct Receipt;

#[gateway(namespace = "/chat")]
struct Chat;

#[gateway]
impl Chat {
    #[subscribe]
    fn message(&self) -> Data<Receipt> {
        Data(Receipt)
    }
}

fn main() {}
