use futures_core::Stream;
use gateway_core::prelude::*;

struct Count;

#[gateway(namespace = "/chat")]
struct Chat;

#[gateway]
impl Chat {
    #[on_server_event("count")]
    fn count(&self) -> impl Stream<Item = u8> {
        futures_util::stream::empty()
    }
}

#[gateway(namespace = "/other")]
struct Other;

#[gateway]
impl Other {
    #[on_server_event("count")]
    fn count(&self) -> Count {
        Count
    }
}

fn main() {}
