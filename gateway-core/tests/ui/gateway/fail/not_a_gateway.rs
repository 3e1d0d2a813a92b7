use gateway_core::prelude::*;

struct Chat;

fn main() {
    let _ = Server::empty().gateway::<Chat>();
}
