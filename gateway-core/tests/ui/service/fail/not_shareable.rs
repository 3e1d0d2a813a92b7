use gateway_core::prelude::*;

struct Store;

#[gateway(namespace = "/shared")]
struct Shared;

#[gateway]
impl Shared {
    #[subscribe]
    fn read(&self, store: State<Store>) {
        let State(Store) = store;
    }
}

fn main() {
    let _ = Server::empty().gateway::<Shared>().provide(Store);
}
