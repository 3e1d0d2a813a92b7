use gateway_core::prelude::*;

macro_rules! handlers {
    ($($item:item)*) => { $($item)* };
}

#[gateway(namespace = "/chat")]
struct Chat;

#[gateway]
impl Chat {
    #[subscribe]
    fn first(&self) {}

    handlers! {
        #[on_connect]
        fn joined(&self) -> Result<(), ConnectRejection> {
            Err(ConnectRejection::message("nobody comes in"))
        }
    }
}

fn main() {}
