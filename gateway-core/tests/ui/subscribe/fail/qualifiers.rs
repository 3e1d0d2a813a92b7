use gateway_core::prelude::*;

#[gateway(namespace = "/chat")]
struct Chat;

#[gateway]
impl Chat {
    #[subscribe]
    unsafe fn dangerous(&self) {}

    #[subscribe]
    extern "C" fn foreign(&self) {}
}

fn main() {}
