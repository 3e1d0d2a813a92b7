use gateway_core::prelude::*;
use gateway_core::extract::Args;

struct Receipt;

#[gateway(namespace = "/shop")]
struct Shop;

#[gateway]
impl Shop {
    #[subscribe]
    fn one(&self, socket: Socket) -> Result<(), Exception> {
        socket.emit("receipt", &Receipt)?;
        Ok(())
    }

    #[subscribe]
    fn several(&self, namespace: Namespace) {
        namespace.emit("receipt", &Args((1, Receipt)));
    }

    #[subscribe]
    fn later(&self, ack: Ack) {
        ack.send(&Receipt);
    }

    #[subscribe]
    async fn asked(&self, socket: Socket) -> Result<(), Exception> {
        let _: Receipt = socket.emit_with_ack("receipt", "?").await?;
        Ok(())
    }
}

fn main() {}
