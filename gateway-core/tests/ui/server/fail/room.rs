use gateway_core::prelude::*;
#[gateway(namespace = "/c")]
struct C;
#[gateway]
impl C {
    #[subscribe]
    async fn a(&self, socket: Socket) -> Result<(), Exception> {
        socket.join(7).await?;
        Ok(())
    }
}
fn main() {}
