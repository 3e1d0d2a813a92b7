use gateway_core::prelude::*;
#[gateway(namespace = "/c")]
struct C;
#[gateway]
impl C {
    #[subscribe]
    async fn a(&self) -> Result<u8, Exception> {
        let x: u8 = "a".parse()?;
        Ok(x)
    }
}
fn main() {}
