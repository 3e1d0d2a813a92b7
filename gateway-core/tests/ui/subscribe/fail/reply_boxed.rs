use futures_util::stream::BoxStream;
use gateway_core::prelude::*;
#[gateway(namespace = "/c")]
struct C;
#[gateway]
impl C {
    #[subscribe]
    fn a(&self) -> BoxStream<'static, u8> {
        Box::pin(futures_util::stream::iter([1]))
    }
    #[subscribe]
    fn b(&self) -> Result<BoxStream<'static, u8>, Exception> {
        Ok(Box::pin(futures_util::stream::iter([1])))
    }
}
fn main() {}
