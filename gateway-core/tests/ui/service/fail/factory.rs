use std::cell::Cell;
use std::convert::Infallible;
use std::sync::Arc;

use gateway_core::prelude::*;

struct Pool;

struct Visit(Cell<u8>);

struct Unspoken;

fn main() {
    // No `Result`.
    let _ = Server::empty().provide_with(async |_| Arc::new(Pool));
    // Not to be cloned.
    let _ = Server::empty().provide_with(async |_| Ok::<_, Infallible>(Pool));
    // Not to be waited for.
    let _ = Server::empty().provide_with(|_| Ok::<_, Infallible>(Arc::new(Pool)));
    // An error without a text.
    let _ = Server::empty().provide_with(async |_| Ok::<_, Unspoken>(Arc::new(Pool)));
    // Not to be shared by the threads that its socket may be on.
    let _ = Server::empty().provide_per_socket(async |_, _| Ok::<_, ConnectRejection>(Visit(Cell::new(1))));
    // An error that is no refusal.
    let _ = Server::empty().provide_per_socket(async |_, _| Ok::<_, Unspoken>(1));
}
