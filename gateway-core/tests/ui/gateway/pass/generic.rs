use std::sync::Arc;

use gateway_core::prelude::*;

trait Store: Clone {
    fn count(&self) -> u64;
}

#[derive(Clone)]
struct MemoryStore(Arc<u64>);

impl Store for MemoryStore {
    fn count(&self) -> u64 {
        *self.0
    }
}

// `Send + Sync + 'static` need not be written.
#[gateway(namespace = "/chat")]
struct Chat<S: Store> {
    store: S,
}

#[gateway]
impl<S: Store> Chat<S> {
    #[on_connect]
    async fn joined(&self, _socket: Socket) {
        let _ = self.store.count();
    }

    #[subscribe]
    async fn count(&self) -> u64 {
        std::future::ready(()).await;
        self.store.count()
    }
}

#[gateway(part = 1)]
impl<S> Chat<S>
where
    S: Store,
{
    #[subscribe]
    fn doubled(&self, Data(by): Data<u64>) -> u64 {
        self.store.count() * by
    }
}

gateway_core::register!(Chat<MemoryStore>);

#[gateway(namespace = "/grid")]
struct Grid<T, const N: usize>
where
    T: Copy + Default,
{
    #[inject(with = cells)]
    cells: [T; N],
}

fn cells<T: Copy + Default, const N: usize>() -> [T; N] {
    [T::default(); N]
}

#[gateway]
impl<T: Copy + Default + Into<u64>, const N: usize> Grid<T, N> {
    #[subscribe]
    fn sum(&self) -> u64 {
        self.cells.iter().map(|cell| (*cell).into()).sum()
    }
}

gateway_core::register!(Grid<u8, 3>);

// A block for one of the types only is no generic block.
#[gateway]
impl Grid<u8, 3> {
    #[subscribe]
    fn first(&self) -> u8 {
        self.cells[0]
    }
}

#[test]
fn generic_gateways_are_registered_by_type() {
    let _ = Server::empty().gateway::<Chat<MemoryStore>>().gateway::<Grid<u8, 3>>();
}
