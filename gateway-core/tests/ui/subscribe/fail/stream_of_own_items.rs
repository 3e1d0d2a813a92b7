use gateway_core::prelude::*;
struct Post;
#[gateway(namespace = "/c")]
struct C;
#[gateway]
impl C {
    #[subscribe]
    fn a(&self) -> impl futures_core::Stream<Item = Post> {
        futures_util::stream::iter([Post])
    }
}
fn main() {}
