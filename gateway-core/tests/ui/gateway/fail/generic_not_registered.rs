use gateway_core::prelude::*;

#[gateway(namespace = "/chat")]
struct Chat<S: Clone> {
    store: S,
}

#[gateway]
impl<S: Clone> Chat<S> {
    #[subscribe]
    fn message(&self) {
        let _ = self.store.clone();
    }
}

fn main() {
    let _ = Server::empty().gateway::<Chat<u8>>();
}
