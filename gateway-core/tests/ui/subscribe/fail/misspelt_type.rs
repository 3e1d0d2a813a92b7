use gateway_core::prelude::*;

#[derive(serde::Deserialize)]
struct Message;

#[gateway(namespace = "/chat")]
struct Chat;

#[gateway]
impl Chat {
    #[subscribe]
    fn message(&self, _new: Data<Mesage>) -> Result<u8, ChatEror> {
        Ok(1)
    }
}

fn main() {}
